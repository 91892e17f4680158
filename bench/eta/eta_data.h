#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace galley::bench {

/// One recorded run: the seconds between its log lines.
struct RecordedRun {
  std::string program;  // network, or benchmark
  std::string variant;  // precision
  std::string machine;  // GPU type and count
  std::string group;    // left out of the history together: GPU type, or submitter
  int gpus = 1;
  std::vector<double> intervals_s;
};

/// lambda/iteration_series.csv. Runs of fewer than eight intervals are left out.
Result<std::vector<RecordedRun>> read_lambda_runs(const std::filesystem::path& folder);

/// mlperf/progress.csv and runs.csv: of each run the series of epoch ends, block ends or evaluation
/// ends, whichever is longest, where it has eight at least. The first interval is the time from the
/// run's start.
Result<std::vector<RecordedRun>> read_mlperf_runs(const std::filesystem::path& folder);

}  // namespace galley::bench
