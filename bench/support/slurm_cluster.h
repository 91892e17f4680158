#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace galley::support {

struct SlurmOptions {
  int nodes = 1;
  int cpus = 4;  // of each node; Slurm is told to believe it
  int gpus = 2;  // of each node, of type H100, at most 4; other devices stand for them
  /// Lines of slurm.conf after ours.
  std::vector<std::string> settings{};
};

/// A Slurm of Debian's in a temporary folder: munged with a key of its own, slurmctld, and several
/// slurmd on this machine, all on loopback ports of their own, without systemd, cgroups or
/// accounting. One partition, `main`, of nodes n1, n2, … The destructor stops everything, what its
/// jobs started included, and removes the folder; so does the kernel with the daemons when the
/// thread that started them ends.
///
/// Slurm's commands find it by SLURM_CONF: see conf(). One thread at a time.
class SlurmCluster {
 public:
  /// Errors: not_found (Slurm or munge is not installed), unavailable (what a daemon said),
  /// timeout.
  static Result<SlurmCluster> start(const SlurmOptions& options = {});

  SlurmCluster(SlurmCluster&& other) noexcept;
  SlurmCluster& operator=(SlurmCluster&&) = delete;
  ~SlurmCluster();

  /// For the environment variable SLURM_CONF.
  std::string conf() const { return (folder_ / "slurm.conf").string(); }
  /// Runs one of Slurm's commands and answers what it printed. Errors: unavailable (what it said).
  Result<std::string> run(const std::vector<std::string>& argv) const;

  /// The machine of node n1, n2, … (from 1) dies with all that runs on it.
  void kill_node(int number);
  Status start_node(int number);
  /// slurmctld saves its state and ends; what runs goes on. (Killed, it forgets the jobs of its
  /// last seconds and gives their numbers away again.)
  void stop_controller();
  Status start_controller();
  /// Waits until that many nodes can take jobs. Errors: timeout (what Slurm said last).
  Status wait_idle(int nodes, Millis timeout = Millis{30'000}) const;

 private:
  struct Daemon {
    std::string name;
    pid_t pid = -1;
  };

  SlurmCluster() = default;
  Status configure(const SlurmOptions& options);
  Status begin(Daemon& daemon, std::vector<std::string> argv) const;
  Status start_munge();
  void kill_jobs(const std::string& variable) const;
  std::string log(const std::string& name) const;

  std::filesystem::path folder_;
  int node_count_ = 0;
  Daemon munge_{"munged"};
  Daemon controller_{"slurmctld"};
  std::vector<Daemon> nodes_;
};

}  // namespace galley::support
