#pragma once

#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct EtaBenchOptions {
  std::filesystem::path data;  // with lambda/iteration_series.csv and mlperf/progress.csv
};

/// Replays recorded runs and asks for the remaining time at 1, 5, 10, 25 and 50 % of their steps.
///
/// The number of steps is known; the error is |estimated - true| / true. A run is followed with a
/// prior of its step time (lambda only: from other programs on the same GPUs and other GPUs'
/// runs of this program) and with the history of its program, from which all runs of its GPU type
/// (lambda) or submitter (mlperf) are left out. Details say what each of the two adds, how the
/// simple estimators do on the same points, and how many true times lie between p10 and p90.
///
/// recovery_steps: 90th percentile, over splices of two quiet runs of a program whose steps differ
/// 1.5 to 4 times, of the steps after which the error is under 5 % and stays there for three.
/// false_alarms_per_1000: speed changes seen in 1,000 runs of 400 steps drawn at random from the
/// steps of each recorded run, and in runs whose noise has memory.
/// log_mb_per_s, log_found_pct: the reader of programs' output, on made logs (eta_logs.h).
/// Errors: not_found, or corrupt for a file without the columns.
Result<BenchReport> run_eta_bench(const EtaBenchOptions& options);

}  // namespace galley::bench
