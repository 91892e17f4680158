#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct ClassifierBenchOptions {
  std::filesystem::path data;  // a folder with a training and a test file
  std::uint32_t seeds = 5;     // trainings, with the seeds 1 … seeds
  std::uint32_t threads = 0;   // 0: every core
};

/// `galley bench classifier`: trains with each seed exactly as `galley-train classifier` does, and
/// the linear baseline beside it on the same split. Progress goes to stderr.
///
/// Figures: accuracy (mean over seeds, on the test file, of the int8 model as served), accuracy_sd,
/// baseline_accuracy, train_seconds (median; from the first hash to the last dev check, reading
/// excluded), tokens_per_s_per_core (median of n-gram occurrences that have a row, over all passes
/// done, by those same seconds and the threads), model_bytes, predict_us (mean of one text after
/// the other on one core). Peer: linear_baseline {accuracy, train_seconds}. Errors: of reading and
/// training; invalid_argument for no seeds; not_found for no test file.
Result<BenchReport> run_classifier_bench(const ClassifierBenchOptions& options);

}  // namespace galley::bench
