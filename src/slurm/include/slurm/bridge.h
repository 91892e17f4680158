#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/runner.h"
#include "base/clock.h"
#include "base/result.h"

namespace galley::slurm {

struct BridgeOptions {
  std::string partition;                        // empty: Slurm's default
  std::vector<std::string> sbatch_arguments{};  // for every job, such as --account=ml
  std::filesystem::path supervisor_program;     // galley-job, as Slurm's nodes see it
  Millis poll_interval{1'000};    // one squeue for all jobs; longer where Slurm is slow to answer
  Millis submit_timeout{30'000};  // sbatch is killed then, also when we are not there any more
  Millis file_patience{5'000};    // a shared folder may show a node's last file so much later
};

/// Runs attempts as batch jobs of the site's Slurm, through its own programs (sbatch, squeue,
/// scontrol, sacct, scancel, sinfo), each a short-lived child with a hard timeout.
///
/// An attempt is submitted once: what is about to be submitted is durable before sbatch starts, the
/// job's number after it, and a bridge that was killed in between finds the job by its comment
/// before it submits anything again. Jobs go on in Slurm while no bridge is there.
///
/// Attempts that wait at the same time and ask for the same of Slurm go into one array with one
/// sbatch (up to 500, or the site's MaxArraySize); nothing waits for others. Each is followed,
/// cancelled and reported by itself. Where Slurm refuses the array, each is submitted alone.
///
/// News comes from the attempts' folders where the kernel tells of them (the same machine, a local
/// file system), and from one squeue for all jobs everywhere. While Slurm does not answer, nothing
/// is believed to have ended.
///
/// Thread-safe. Two threads of its own: one waits for files, one for Slurm's programs.
class Bridge final : public agent::Runner {
 public:
  /// Errors: not_found (no Slurm on this machine), invalid_argument (no such partition). A Slurm
  /// that does not answer now is no error.
  static Result<std::unique_ptr<Bridge>> start(BridgeOptions options);
  ~Bridge() override;

  void launch(const protocol::Assignment& assignment, process::AttemptSpec spec,
              const std::filesystem::path& folder, Listener listener) override;
  void adopt(const protocol::Assignment& assignment, const std::filesystem::path& folder,
             Listener listener) override;
  void cancel(const AttemptId& attempt) override;
  void offer(protocol::NodeRecord& node) const override;

 private:
  struct Impl;
  explicit Bridge(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::slurm
