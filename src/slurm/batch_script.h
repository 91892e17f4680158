#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "listings.h"
#include "process/attempt_files.h"
#include "protocol/agent_messages.h"

/// An attempt as Slurm is asked to run it. Pure.
namespace galley::slurm {

struct Submission {
  const protocol::Assignment& assignment;
  std::filesystem::path folder;      // of the attempt; Slurm's nodes see it
  std::filesystem::path supervisor;  // galley-job; likewise
  std::string partition;             // empty: Slurm's default
  std::vector<std::string> more;     // further arguments of sbatch, such as --account=ml
};

/// What sbatch's comment says of the job of an attempt, by which it is found again.
std::string comment_of(const AttemptId& attempt);

/// A job's name reduced to letters, digits and ".-_".
std::string plain_name(const std::string& name);

/// The arguments of sbatch that say what the attempt asks of Slurm: those of two that may share an
/// array are equal. `partition_view` resolves the words of gpu_type to one of the types that are
/// there.
std::vector<std::string> request_arguments(const Submission& submission,
                                           const PartitionView& partition_view);

/// What is one job's or one array's own among sbatch's arguments.
struct JobLabels {
  std::string job_name;
  std::string comment;
  std::string output;  // the file of its stdout and stderr
};
/// sbatch and its arguments; the script is its stdin. Nothing secret is among them: tokens are in
/// spec.json alone. Slurm does not restart the job (--no-requeue), since its end has to be noted
/// and counted first.
std::vector<std::string> labelled_arguments(const JobLabels& labels,
                                            const std::vector<std::string>& request);

/// Those of an attempt that is a job by itself.
std::vector<std::string> sbatch_arguments(const Submission& submission,
                                          const PartitionView& partition_view);

/// The script: sets the meeting place of the ranks and becomes the supervisor.
std::string batch_script(const Submission& submission);

/// The end of a script: the same, for the folder that a word of the shell names.
std::string become_supervisor(const Submission& submission, std::string_view folder_word);

/// The supervisor's order, as made for a machine of our own, for a node of Slurm's: Slurm holds the
/// limits and says which GPUs it gave, and a job of several nodes is started by srun on all.
void adapt(process::AttemptSpec& spec, const protocol::Assignment& assignment);

/// As one word of a shell.
std::string shell_quoted(std::string_view text);

}  // namespace galley::slurm
