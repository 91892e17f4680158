#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "batch_script.h"

/// Many attempts as one array of Slurm's: one sbatch, one answer. Pure.
namespace galley::slurm {

/// What sbatch's comment says of all tasks of an array, by which it is found again.
std::string comment_of_array(const std::string& name);
/// A name that no other array has. `since`: when it is noted, in milliseconds.
std::string array_name(const AttemptId& first, std::int64_t since_ms);

struct Wish {
  std::vector<std::string> request;  // what it asks of Slurm; see request_arguments()
  std::size_t script_bytes = 0;      // what it adds to an array's script
  bool alone = false;                // never part of an array
};

struct ArrayLimits {
  std::size_t members = 500;
  std::size_t script_bytes = std::size_t{1} << 20;  // Slurm's own limit is 4 MB
};

/// The wishes by their index, each once: those of one group ask for the same and go into one array,
/// one that is by itself is a job of its own. Groups and members keep the order of the wishes.
std::vector<std::vector<std::size_t>> group_wishes(std::span<const Wish> wishes,
                                                   const ArrayLimits& limits);

/// What a member adds to the script, in bytes.
std::size_t array_script_bytes(const Submission& member);

/// sbatch and its arguments for the attempts as the tasks 0, 1, …; at least one. All have the same
/// request.
std::vector<std::string> array_arguments(std::span<const Submission> members,
                                         const std::string& name,
                                         const PartitionView& partition_view);

/// The script: becomes the supervisor of the attempt at the task's index.
std::string array_script(std::span<const Submission> members);

}  // namespace galley::slurm
