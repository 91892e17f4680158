#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct BackfillBenchOptions {
  std::filesystem::path trace;
  std::string cluster = "64x8";
  std::int64_t seeds = 3;  // of the errors of estimates
};

/// What estimates are worth to a queue: how much of the way from passing jobs by in order to
/// shortest first with exact times is gone by backfill, and by shortest first, whose runtimes are
/// off by exp(N(0, 1)), for each seed. That is wider than the shipped estimator's errors of jobs
/// whose network or device is new (estimator_spread_*: standard deviations of their logarithms). A
/// minute per seed on the Philly trace. Errors: those of reading the trace and of replays.
Result<BenchReport> run_backfill_bench(const BackfillBenchOptions& options);

}  // namespace galley::bench
