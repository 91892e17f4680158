#pragma once

#include <cstdint>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct TrackingBenchOptions {
  std::int64_t runs = 100'000;  // that are searched
};

/// The record of experiments on SQLite: what logging costs the server (ingest_rate.h), how long
/// readers wait (search_rate.h), and how fast event files are read (tensorboard_rate.h).
/// Errors: those of the database, its files, and the server.
Result<BenchReport> run_tracking_bench(const TrackingBenchOptions& options = {});

}  // namespace galley::bench
