#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct TrackingBenchOptions {
  std::int64_t runs = 100'000;       // that are searched
  double outage_s = 20;              // for which the server is away
  bool outage_only = false;          // only that
  std::filesystem::path programs{};  // where galley lies
};

/// The record of experiments on SQLite: what logging costs the server (ingest_rate.h), how long
/// readers wait (search_rate.h), how fast event files are read (tensorboard_rate.h), and what a
/// training notices when the server is away (outage.h).
/// Errors: those of the database, its files, and the server.
Result<BenchReport> run_tracking_bench(const TrackingBenchOptions& options = {});

}  // namespace galley::bench
