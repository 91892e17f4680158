#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/job_account.h"
#include "base/result.h"
#include "slurm/bridge.h"

namespace galley::app {

class Site;
class LocalControllerLink;

/// What an operator says of the site's Slurm.
struct SlurmOptions {
  std::optional<std::string> partition;         // absent: no jobs for Slurm
  std::vector<std::string> sbatch_arguments{};  // for every job
};

/// Errors: those of slurm::Bridge.
Result<std::unique_ptr<slurm::Bridge>> open_bridge(const SlurmOptions& options);

/// The node `slurm-PARTITION` of `galley up`: a second agent beside that of this machine, on the
/// same data folder, whose attempts run in Slurm. Destroyed after the site was stopped.
class SlurmDoor {
 public:
  static Result<std::unique_ptr<SlurmDoor>> open(const SlurmOptions& options,
                                                 const agent::JobsAs& jobs_as, Site& site,
                                                 LocalControllerLink& link);
  ~SlurmDoor();

 private:
  struct Impl;
  explicit SlurmDoor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::app
