#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "job_number.h"

/// What Slurm's commands print, as values. Pure. Read by position and by name, never by language:
/// the formats are ours, and Slurm does not translate what stands in them.
namespace galley::slurm {

/// A job as squeue, scontrol or sacct tells of it.
struct JobView {
  JobNumber id;        // a task has its array's number and its index
  std::string state;   // PENDING, RUNNING, …
  std::string reason;  // Resources, NonZeroExitCode, …; empty when there is none
  std::string nodes;
  std::string comment;
  std::optional<int> exit_code;  // of the batch script, once it has ended
  std::optional<int> signal;
  bool operator==(const JobView&) const = default;
};

/// For squeue -o. The comment is last, since others than us may write a '|' there.
inline constexpr const char* kQueueFormat = "%F|%K|%T|%r|%N|%k";
/// The lines of `squeue -h -r -t all -o kQueueFormat`; lines that are none are passed over. A line
/// of an array without an index speaks for all its tasks that have no line: Slurm keeps one record
/// of those that were cancelled together before they began.
std::vector<JobView> parse_queue(std::string_view text);

/// One line of `scontrol -o show job ID`. Errors: corrupt.
Result<JobView> parse_scontrol_job(std::string_view text);

/// For sacct -o.
inline constexpr const char* kAccountingFormat = "JobID,State,ExitCode";
/// The job of that number in `sacct -n -P -X -o kAccountingFormat`; nothing when it is not there.
/// Tasks that never began share a line: "12_[3-5,8]".
std::optional<JobView> parse_accounting(std::string_view text, const JobNumber& id);

/// How many tasks an array may have, by `scontrol show config`. Errors: corrupt.
Result<std::int64_t> parse_max_array_size(std::string_view text);

/// The id that `sbatch --parsable` printed. Errors: corrupt.
Result<std::int64_t> parse_submitted(std::string_view text);

/// What a refused sbatch means, by what it said.
enum class Refusal {
  final,      // the request is at fault, or not allowed; trying again would change nothing
  passing,    // Slurm is away or full, and has not taken the job
  uncertain,  // it may have taken the job
};
Refusal judge_refusal(std::string_view stderr_text);

/// A partition as a whole.
struct PartitionView {
  std::int64_t nodes = 0;
  std::int64_t usable_nodes = 0;  // neither down nor drained
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::map<std::string, std::int64_t> gpus;  // by type; the type may be empty
  bool operator==(const PartitionView&) const = default;
};
/// For sinfo -o.
inline constexpr const char* kPartitionFormat = "%N|%c|%m|%t|%G";
/// The lines of `sinfo -h -N -p PARTITION -o kPartitionFormat`.
PartitionView parse_partition(std::string_view text);

}  // namespace galley::slurm
