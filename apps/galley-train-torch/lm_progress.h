#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// Where the training of a language model stands.
struct LmProgress {
  std::int64_t step = 0;
  std::int64_t total_steps = 0;  // expected; 0: not known yet
  std::optional<double> loss{};  // nats a token, mean since the last line; absent without a step
  double tokens_per_s = 0;       // since the last line
  double learning_rate = 0;
  double share = 0;  // of the training that is done
  double seconds_left = 0;
  std::optional<double> val_loss{};
};

/// Shows a training to the two who watch: the platform reads `galley::` lines on stdout, people a
/// bar on stderr (on a terminal) or a plain line a validation.
class LmPrinter {
 public:
  LmPrinter();

  /// True when a line is due: asked after every step, since the figures are gathered for it.
  bool due() const;
  void show(const LmProgress& progress);
  /// Ends the bar's line; call before any other output to stderr.
  void finish();

 private:
  void draw_bar(const LmProgress& progress);

  bool bar_;              // stderr is a terminal
  bool stdout_terminal_;  // then a person reads the lines: one a validation is enough
  bool bar_open_ = false;
  double last_loss_ = 0;
  double last_val_loss_ = 0;
  std::chrono::steady_clock::time_point last_line_{};
};
