#pragma once

#include <cstdint>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct SchedulerBenchOptions {
  std::int64_t nodes = 10'000;
  std::int64_t gpus_of_a_node = 8;
  std::int64_t queued = 100'000;
  std::int64_t passes = 2'000;
  std::int64_t guides = 100;
  std::uint64_t seed = 1;
};

/// Fills a fleet with jobs, queues `queued` more, then lets jobs end and come, one event a pass,
/// and asks for guides in between. Figures: pass_p50_ms, pass_p99_ms, pass_max_ms (apply one event
/// and decide), guide_p50_ms, guide_p99_ms, passes_per_s, rss_mib, gpus_in_use_pct. One thread.
/// Errors: invalid_argument for a fleet without nodes or GPUs.
Result<BenchReport> run_scheduler_bench(const SchedulerBenchOptions& options);

}  // namespace galley::bench
