#pragma once

#include <chrono>
#include <string>

#include "training/classifier_trainer.h"

/// Shows a training to the two who watch: the platform reads `galley::` lines on stdout, people a
/// bar on stderr (on a terminal) or a plain line a pass.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(std::uint32_t epochs);

  void show(const galley::training::TrainProgress& progress);
  /// Ends the bar's line; call before any other output to stderr.
  void finish();

 private:
  void print_line(const galley::training::TrainProgress& progress);
  void clear_bar();
  void draw_bar(const galley::training::TrainProgress& progress);

  std::uint32_t epochs_;
  bool bar_;              // stderr is a terminal
  bool stdout_terminal_;  // then a person reads the lines: a line a pass is enough
  bool bar_open_ = false;
  double last_dev_accuracy_ = -1;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point last_line_{};
};
