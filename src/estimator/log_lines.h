#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "estimator/log_progress.h"

namespace galley::estimator {

inline constexpr std::size_t kMostLogMetrics = 64;

/// A piece of progress under construction; `line.metrics` is set when it is handed on.
struct LogDraft {
  LogProgress line;
  std::array<LogMetric, kMostLogMetrics> metrics;  // the first metric_count; clearing all costs
  std::size_t metric_count = 0;

  void reset() {
    line = {};
    metric_count = 0;
  }

  void add_metric(std::string_view name, double value) {
    if (name.empty() || metric_count == metrics.size()) return;
    metrics[metric_count++] = {.name = name, .value = value};
  }
};

inline bool is_log_digit(char c) { return c >= '0' && c <= '9'; }

/// A number from the front of the text, which moves past it. Infinity and NaN are numbers here.
std::optional<double> take_log_number(std::string_view& text);
void skip_log_blanks(std::string_view& text);

/// tqdm, Lightning's rich bar, Keras. False where the line is none of them.
bool read_bar(std::string_view line, LogDraft& draft);
/// "Epoch 3/10" alone on a line.
bool read_epoch_title(std::string_view line, LogDraft& draft);

/// NVIDIA's DLLogger; `record` begins behind "DLL ".
bool read_dll(std::string_view record, LogDraft& draft);
/// MLPerf; `record` begins at the brace.
bool read_mllog(std::string_view record, LogDraft& draft);
/// The dictionaries that Hugging Face's Trainer prints, in Python's or JSON's quotes; `record`
/// begins at the brace.
bool read_trainer(std::string_view record, LogDraft& draft);
/// What its logger says around them: totals, begin of training and evaluation, checkpoints.
bool read_trainer_notice(std::string_view line, LogDraft& draft);

}  // namespace galley::estimator
