#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct BackfillBenchOptions {
  std::filesystem::path trace;
  std::string cluster = "12x8";  // on which the jobs of the shipped excerpt wait
  std::int64_t seeds = 3;        // of the errors of estimates
};

/// What estimates are worth to a queue: how much of the way from passing jobs by in order to
/// shortest first with exact times is gone
///   galley_noisy_gap_closed_pct  by Galley's scheduler, told runtimes that are off by exp(N(0, 1))
///   galley_gap_closed_pct        by the same that learns runtimes from ended jobs alone
///   ..._guaranteed_gap_...       by both where all nodes are guaranteed to teams by their share
///   sjf_noisy_, easy_noisy_      by shortest first and by EASY backfill with the same errors
/// as the median over the seeds, with ..._least and ..._most; mean_h_POLICY of the first seed are
/// mean completion times. The errors are wider than the shipped estimator's of jobs whose network
/// or device is new (estimator_spread_*: standard deviations of their logarithms). Two minutes for
/// each seed on the Philly trace. Errors: those of reading the trace and of replays;
/// invalid_argument where jobs hardly wait.
Result<BenchReport> run_backfill_bench(const BackfillBenchOptions& options);

}  // namespace galley::bench
