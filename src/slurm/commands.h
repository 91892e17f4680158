#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "listings.h"

/// Slurm's programs as children of ours that end soon. They find their cluster by slurm.conf and
/// SLURM_CONF, as for everybody. Each blocks for at most its timeout. Safe from any thread.
namespace galley::slurm {

struct Refused {
  Refusal kind = Refusal::final;
  std::string reason;
};
class Commands {
 public:
  /// `stop_fd`: readable when all that runs is to be ended at once; -1: never.
  explicit Commands(int stop_fd = -1) : stop_fd_(stop_fd) {}

  /// The number of the new job or array, or why there is none. sbatch is killed after the timeout,
  /// by a program that outlives us: whoever comes later knows when it can submit nothing any more.
  std::variant<std::int64_t, Refused> submit(const std::vector<std::string>& sbatch_arguments,
                                             const std::string& script, Millis timeout) const;

  /// All jobs of this user that slurmctld remembers, those that ended lately included.
  Result<std::vector<JobView>> list_jobs() const;

  /// What Slurm says of a job: slurmctld, or the accounting where the site has it. Nothing when
  /// neither knows it. Errors: slurmctld does not answer.
  Result<std::optional<JobView>> find_job(const JobNumber& id) const;

  /// Ends a job that has not begun; nothing happens to one that has.
  Status cancel_pending(const JobNumber& id) const;
  /// SIGTERM to the supervisor, which gives its program the job's own grace.
  Status ask_to_stop(const JobNumber& id) const;
  /// Ends a job in Slurm's way.
  Status cancel_job(const JobNumber& id) const;

  /// How many tasks an array may have; 0 or 1 where the site allows none.
  Result<std::int64_t> read_max_array_size() const;

  Result<PartitionView> look_at_partition(const std::string& name) const;
  /// "22.05.8". Errors: not_found (no Slurm on this machine).
  Result<std::string> read_version() const;

 private:
  Result<std::string> run(const std::vector<std::string>& argv) const;
  int stop_fd_;
};

}  // namespace galley::slurm
