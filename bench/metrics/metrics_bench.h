#pragma once

#include <cstdint>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct MetricsBenchOptions {
  std::int64_t nodes = 1'000;
  std::int64_t gpus_of_a_node = 8;
  std::int64_t rounds = 100;  // scrapes; three times as many queries
  std::uint64_t seed = 1;
};

/// Fills the time series of a fleet (some machines with three hours of history, all with six
/// minutes) and asks for them over HTTP on this machine: the whole exposition, and a gauge of all
/// GPUs of a machine over 5 minutes to 3 hours. Figures: scrape_p50_ms, scrape_p99_ms,
/// scrape_cpu_p50_ms (of server and client together), print_cpu_p50_ms (putting the text together,
/// which each period does before a scrape asks for it), scrape_mib, query_p50_ms, query_p99_ms,
/// rss_mib (of all: store, server and client), store_mib (in memory), sample_us (taking one
/// machine's sample in), period_ms (one period's work), and stored_bytes_per_gpu_hour (as measured,
/// in the database). Errors: invalid_argument for a fleet without nodes or GPUs; the store's.
Result<BenchReport> run_metrics_bench(const MetricsBenchOptions& options);

}  // namespace galley::bench
