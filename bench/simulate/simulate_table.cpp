#include "simulate/simulate_table.h"

#include <fmt/format.h>

#include "base/units.h"

namespace galley::bench {
namespace {

std::string duration(double seconds) {
  return format_duration(Millis{static_cast<std::int64_t>(seconds) * 1000});
}

/// Of the way from fifo-skip to sjf-exact.
std::string gap_closed(const simulation::Simulation& simulation,
                       const simulation::Metrics& metrics) {
  const auto closed = simulation::backfill_gap_closed_pct(simulation, metrics.mean_jct_s);
  return closed ? fmt::format("{:.1f}", *closed) : "";
}

}  // namespace

void print_simulation(const simulation::Simulation& simulation) {
  const simulation::Workload& workload = simulation.workload;
  fmt::print("{}: {} jobs of {} teams on {} nodes with {} GPUs\n", workload.trace.name,
             workload.trace.jobs.size(), workload.trace.teams.size(), workload.cluster.node_count(),
             workload.cluster.gpu_count());
  if (workload.jobs_left_out > 0)
    fmt::print("{} jobs ask for more than the cluster could ever give and are left out\n",
               workload.jobs_left_out);
  constexpr const char* kRow = "{:<14} {:>13} {:>13} {:>13} {:>13} {:>6} {:>9} {:>9} {:>8} {:>8}\n";
  fmt::print(kRow, "POLICY", "MEAN DONE IN", "HALF IN", "99 % IN", "P99 WAIT 16+", "USED %",
             "PREEMPTED", "ANOMALIES", "KEPT %", "GAP %");
  for (const simulation::PolicyRun& run : simulation.runs) {
    const simulation::Metrics& metrics = run.metrics;
    fmt::print(kRow, run.policy, duration(metrics.mean_jct_s), duration(metrics.jct_p50_s),
               duration(metrics.jct_p99_s), duration(metrics.p99_wait_16plus_s),
               fmt::format("{:.1f}", metrics.utilisation_pct), metrics.preemptions,
               metrics.sharing_anomalies.count,
               metrics.start_interval_coverage_pct
                   ? fmt::format("{:.1f}", *metrics.start_interval_coverage_pct)
                   : "",
               gap_closed(simulation, metrics));
    if (metrics.jobs_refused > 0)
      fmt::print("{:<14} refused {} jobs that its quotas can never hold\n", "",
                 metrics.jobs_refused);
  }
}

}  // namespace galley::bench
