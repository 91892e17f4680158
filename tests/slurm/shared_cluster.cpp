#include <optional>

#include "fixture.h"

namespace galley::slurm {
namespace {

std::optional<support::SlurmCluster> cluster;

/// Stops it before the program's statics end.
class StopCluster final : public ::testing::Environment {
  void TearDown() override { cluster.reset(); }
};
[[maybe_unused]] const auto* const kStopCluster =
    ::testing::AddGlobalTestEnvironment(new StopCluster);

}  // namespace

support::SlurmCluster* shared_cluster() {
  if (cluster) return &*cluster;
  auto started = support::SlurmCluster::start(
      {.nodes = 2,
       .settings = {"KillWait=2", "SlurmdTimeout=10", "MinJobAge=300",
                    "SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5"}});
  if (!started && started.error().code == Errc::not_found) return nullptr;
  GALLEY_CHECK(started, describe(started.error()).c_str());
  cluster.emplace(*std::move(started));
  ::setenv("SLURM_CONF", cluster->conf().c_str(), 1);  // before any thread runs
  return &*cluster;
}

}  // namespace galley::slurm
