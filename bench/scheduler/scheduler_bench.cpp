#include "scheduler_bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "busy_fleet.h"
#include "resident.h"
#include "statistics.h"
#include "stop.h"

namespace galley::bench {
namespace {

using std::chrono::steady_clock;
using support::quantile;

double ms_since(steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
}

/// Jobs until the fleet is full, then as many more as are to wait.
void fill(BusyFleet& fleet, const SchedulerBenchOptions& options) {
  constexpr int kBatch = 5'000;
  while (fleet.scheduler().queued() < static_cast<std::size_t>(options.queued) &&
         !support::stop_requested()) {
    const auto missing = options.queued - static_cast<std::int64_t>(fleet.scheduler().queued());
    for (std::int64_t i = 0; i < std::min<std::int64_t>(kBatch, missing); ++i)
      fleet.scheduler().apply(scheduler::JobQueued{fleet.next_job()});
    fleet.carry_out(fleet.scheduler().decide(fleet.now()));
    fleet.pass_time(std::chrono::minutes(1));
    fmt::print(stderr, "\r{} running, {} queued ", fleet.running(), fleet.scheduler().queued());
  }
}

}  // namespace

Result<BenchReport> run_scheduler_bench(const SchedulerBenchOptions& options) {
  if (options.nodes < 1 || options.gpus_of_a_node < 1 ||
      options.gpus_of_a_node > scheduler::kMostGpusOfANode)
    return Error{Errc::invalid_argument,
                 fmt::format("found {}x{}", options.nodes, options.gpus_of_a_node), "scale",
                 "NODESxGPUS with 1 to 64 GPUs a node, such as 10000x8"};
  BusyFleet fleet(options.nodes, options.gpus_of_a_node, options.seed);
  fill(fleet, options);
  std::vector<double> passes;
  std::vector<double> guides;
  const auto begin = steady_clock::now();
  double busy_ms = 0;
  for (std::int64_t i = 0; i < options.passes && !support::stop_requested(); ++i) {
    fleet.pass_time(Millis{500});
    // The queue keeps its length: one job comes for each that ends.
    scheduler::ClusterEvent event;
    if (i % 2 == 0 && fleet.running() > 0)
      event = scheduler::JobGone{fleet.end_any(), fleet.now()};
    else
      event = scheduler::JobQueued{fleet.next_job()};
    const auto start = steady_clock::now();
    fleet.scheduler().apply(event);
    const scheduler::Plan plan = fleet.scheduler().decide(fleet.now());
    passes.push_back(ms_since(start));
    busy_ms += passes.back();
    fleet.carry_out(plan);
    if (options.guides > 0 && i % std::max<std::int64_t>(1, options.passes / options.guides) == 0) {
      const scheduler::QueuedJob thought = fleet.next_job();
      const auto asked = steady_clock::now();
      (void)fleet.scheduler().guide(thought, fleet.now());
      guides.push_back(ms_since(asked));
    }
    if (i % 100 == 0)
      fmt::print(stderr, "\r{} of {} passes, {:.0f} s      ", i, options.passes,
                 ms_since(begin) / 1e3);
  }
  fmt::print(stderr, "\r{:60}\r", "");
  GALLEY_TRY(const double rss_mib, support::resident_mib(getpid()));
  BenchReport report{.name = "scheduler"};
  report.figures = {{"pass_p50_ms", quantile(passes, 0.5)},
                    {"pass_p99_ms", quantile(passes, 0.99)},
                    {"pass_max_ms", quantile(passes, 1)},
                    {"passes_per_s", static_cast<double>(passes.size()) / (busy_ms / 1e3)},
                    {"guide_p50_ms", quantile(guides, 0.5)},
                    {"guide_p99_ms", quantile(guides, 0.99)},
                    {"rss_mib", rss_mib},
                    {"queued", static_cast<double>(fleet.scheduler().queued())},
                    {"running", static_cast<double>(fleet.running())},
                    {"gpus_in_use_pct", 100 * fleet.gpus_in_use_ratio()}};
  report.seeds = {static_cast<std::int64_t>(options.seed)};
  return report;
}

}  // namespace galley::bench
