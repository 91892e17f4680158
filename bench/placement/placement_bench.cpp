#include "placement/placement_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "base/processors.h"
#include "placement/placement_replay.h"
#include "statistics.h"
#include "stop.h"
#include "traces/arrivals.h"
#include "traces/reference.h"
#include "traces/student.h"

namespace galley::bench {
namespace {

/// Everything that is replayed, one row of results a policy, one entry a seed.
struct Replays {
  std::vector<ReplayResult> galley;
  std::vector<ReplayResult> permuted;
  std::vector<std::vector<ReplayResult>> references;
};

/// Runs the jobs on all cores, with a line about it every second. A stop ends it after the jobs in
/// work.
void run_on_all_cores(const std::string& what, std::span<const std::function<void()>> jobs) {
  std::atomic<std::size_t> next = 0;
  std::mutex printing;  // guards told_at
  auto told_at = std::chrono::steady_clock::now();
  const auto work = [&] {
    for (auto job = next++; job < jobs.size() && !support::stop_requested(); job = next++) {
      jobs[job]();
      const std::scoped_lock lock(printing);
      const auto now = std::chrono::steady_clock::now();
      if (now - told_at < std::chrono::seconds(1)) continue;
      told_at = now;
      fmt::print(stderr, "{}: replay {} of {}\n", what, job + 1, jobs.size());
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned core = 1; core < usable_processors(); ++core) threads.emplace_back(work);
  work();
}

Replays replay_all(const OpenbTrace& trace, const PlacementBenchOptions& options) {
  const auto seeds = static_cast<std::size_t>(options.seeds);
  const auto mix = typical_classes(trace.tasks);
  std::vector<std::uint32_t> in_order(trace.nodes.size());
  std::iota(in_order.begin(), in_order.end(), 0U);

  Replays replays;
  replays.galley.resize(seeds);
  replays.permuted.resize(seeds);
  replays.references.assign(std::size(kReferences), std::vector<ReplayResult>(seeds));
  std::vector<std::function<void()>> jobs;
  for (std::size_t s = 0; s < seeds; ++s) {
    const auto seed = static_cast<std::uint64_t>(s + 1);
    for (const auto policy : kReferences)
      jobs.push_back([&, s, seed, policy] {
        replays.references[static_cast<std::size_t>(policy)][s] =
            replay_reference(trace, mix, policy, seed);
      });
    jobs.push_back([&, s, seed] { replays.galley[s] = replay_galley(trace, in_order, seed); });
    jobs.push_back([&, s, seed] {
      replays.permuted[s] = replay_galley(trace, shuffled(trace.nodes.size(), seed), seed);
    });
  }
  run_on_all_cores(fmt::format("placement, {}", options.workload), jobs);
  return replays;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> column(std::span<const ReplayResult> replays, double ReplayResult::*figure) {
  std::vector<double> values;
  for (const auto& replay : replays) values.push_back(replay.*figure);
  return values;
}

std::map<std::string, double> figures_of(std::span<const ReplayResult> replays) {
  double decisions = 0;
  double cpu_s = 0;
  for (const auto& replay : replays) {
    decisions += static_cast<double>(replay.decisions);
    cpu_s += replay.cpu_s;
  }
  return {{"allocated_pct_100", mean(column(replays, &ReplayResult::allocated_pct_100))},
          {"allocated_pct_130", mean(column(replays, &ReplayResult::allocated_pct_130))},
          {"decisions_per_s", decisions / std::max(cpu_s, 1e-9)}};
}

double decision_p99_us(std::span<const ReplayResult> replays) {
  std::vector<double> all;
  for (const auto& replay : replays)
    all.insert(all.end(), replay.decision_us.begin(), replay.decision_us.end());
  return support::quantile(std::move(all), 0.99);
}

}  // namespace

Result<BenchReport> run_placement_bench(const PlacementBenchOptions& options) {
  if (options.seeds < 2)
    return Error{.code = Errc::invalid_argument,
                 .message = fmt::format("{} seeds give no confidence interval", options.seeds),
                 .field = "seeds",
                 .expected = "at least 2"};
  GALLEY_TRY(const auto trace, read_openb(options.trace, options.workload));
  if (gpu_capacity_milli(trace.nodes) == 0)
    return Error{.code = Errc::invalid_argument,
                 .message = fmt::format("no node of {} has a GPU", options.trace.string()),
                 .expected = "a node list with GPUs"};
  fmt::print(stderr, "placement, {}: {} nodes, {} GPUs, {} tasks, {} seeds\n", options.workload,
             trace.nodes.size(), gpu_capacity_milli(trace.nodes) / 1000, trace.tasks.size(),
             options.seeds);
  const auto replays = replay_all(trace, options);
  GALLEY_TRY_STATUS(support::check_stop());

  BenchReport report{.name = "placement", .figures = figures_of(replays.galley)};
  const auto allocated = column(replays.galley, &ReplayResult::allocated_pct_130);
  const auto permuted = column(replays.permuted, &ReplayResult::allocated_pct_130);
  const auto fgd = column(replays.references[static_cast<std::size_t>(Reference::fgd)],
                          &ReplayResult::allocated_pct_130);
  const auto gain = paired_difference(allocated, fgd);
  report.figures["gain_over_fgd_points"] = gain.mean;
  report.figures["gain_ci_low_points"] = gain.low;
  report.figures["permuted_order_shift_points"] = std::abs(mean(permuted) - mean(allocated));
  report.figures["decision_p99_us"] = decision_p99_us(replays.galley);
  for (const auto policy : kReferences)
    report.peers[std::string(to_string(policy))] =
        figures_of(replays.references[static_cast<std::size_t>(policy)]);
  for (std::int64_t seed = 1; seed <= options.seeds; ++seed) report.seeds.push_back(seed);
  return report;
}

}  // namespace galley::bench
