#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct EstimatorBenchOptions {
  std::filesystem::path data;      // cross-validation on these tables
  std::filesystem::path fit;       // or: fit on these and
  std::filesystem::path test;      // estimate those
  std::filesystem::path exported;  // or: fit one model on all tables of data, and write it here
  std::filesystem::path rows;      // or: only write the open tables' rows here, for galley-train
  std::filesystem::path dnn;       // what galley-train dnn made of those, for the exported report
  bool report = false;             // every model with every kind of features, on stderr
  std::int64_t seeds = 3;          // random splits to average over
};

/// Cross-validated errors of estimates on public tables (folders gavel, lambda, pollux,
/// elasticflow, neusight of `data`), the coverage and width of their intervals, the regret of
/// choosing by them, and speed. Rows that measure one configuration never lie on both sides of a
/// split. With fit and test: errors on `test` without, with one and with three probes of each
/// network. An exported model knows networks by their usual names and no table's peculiarities.
/// Figures of folders that are absent are left out. One thread.
/// Errors: invalid_argument for unusable folders; those of reading and fitting.
Result<BenchReport> run_estimator_bench(const EstimatorBenchOptions& options);

}  // namespace galley::bench
