#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "estimator/progress.h"

namespace galley::estimator {

/// Which kind of line a piece of progress was read from.
enum class LogFormat : std::uint8_t {
  own,        // galley:: step=… key=value
  tqdm,       // 45/100 [00:10<00:12, 4.30it/s]
  keras,      // Epoch 1/10 and 45/100 [====>.....]
  lightning,  // Epoch 3: 45%|████▌ | 45/100 [00:10<00:12, 4.30it/s, v_num=0], or its rich bar
  trainer,  // the dictionaries of Hugging Face's Trainer
  dll,      // DLL 2020-06-10 23:41:49.2 - Epoch: 0 Iteration: 10 loss : 7.0
  mllog,    // :::MLLOG {"key": "epoch_stop", …}
  custom,   // the user's regular expression
};
std::string_view to_string(LogFormat format);

/// What the line tells about.
enum class LogPhase : std::uint8_t {
  training,
  evaluation,
  other,  // downloads, tokenization, loading of weights: bars that are no progress of the job
};

enum class LogMark : std::uint8_t {
  update,  // so far
  epoch_begin,
  epoch_end,
  evaluation_begin,
  evaluation_end,
  checkpoint,
  run_begin,
  run_end,
  settings,  // totals that were announced
};

struct LogMetric {
  std::string_view name;
  double value;
};

/// One piece of progress. Texts point into the reader's line and live as long as the call.
struct LogProgress {
  LogFormat format = LogFormat::own;
  LogPhase phase = LogPhase::training;
  LogMark mark = LogMark::update;
  std::optional<double> epoch{};  // as the program counts; fractions where it prints them
  std::optional<double> total_epochs{};
  std::optional<double> step{};  // in the epoch, if `step_in_epoch`
  std::optional<double> total_steps{};
  bool step_in_epoch = false;
  std::optional<double> at_s{};  // the log's own clock, seconds since 1970
  std::span<const LogMetric> metrics{};
};

using LogSink = std::function<void(const LogProgress&)>;

/// Finds progress in a program's output, whatever the framework: chunks may be cut anywhere, lines
/// end with \n or \r (bars that are drawn over), colours and prefixes of launchers are looked
/// through, binary noise is skipped. Output is never an error.
///
/// Lines are read up to 16 KiB; the rest of a longer one is skipped unseen. At most 64 metrics a
/// line. Memory is bounded by that. Well over 200 MB/s a core (`galley bench eta` prints it).
/// One thread at a time.
class LogReader {
 public:
  LogReader();
  ~LogReader();
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;

  /// Also reads lines by a regular expression (PCRE2) with named groups: step, total_steps, epoch,
  /// total_epochs, and any other name for a metric. It is asked first.
  /// Errors: invalid_argument with the place of the fault, or without a named group.
  Status add_pattern(std::string_view pattern);

  void feed(std::string_view bytes, const LogSink& sink);

  /// Reads the last line where nothing ended it.
  void finish(const LogSink& sink);

  std::uint64_t lines() const;  // that said something
  std::uint64_t bytes() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Turns what a log says into points of one line of progress: steps since the first epoch.
///
/// Bars that start anew with each epoch are joined by the number of steps of an epoch; where a log
/// only names epochs, an epoch is the unit. The log's own clock rules over the time of arrival,
/// which is bunched where output is buffered. One thread at a time.
class ProgressAssembler {
 public:
  /// `arrived_s`: seconds since the job's start. Points come out in order.
  std::vector<ProgressPoint> add(const LogProgress& line, double arrived_s);

  /// In the unit of the points, once the log has told.
  std::optional<double> total() const;

 private:
  double seconds_of(const LogProgress& line, double arrived_s);
  std::optional<double> position_of(const LogProgress& line);

  std::optional<double> clock_offset_s_;
  double last_s_ = 0;
  double last_position_ = 0;
  std::optional<double> steps_of_an_epoch_;
  std::optional<double> total_steps_;
  std::optional<double> total_epochs_;
  std::optional<double> first_epoch_;
  double epochs_done_ = 0;  // by bars that began again without naming an epoch
  double last_step_ = 0;
  bool has_steps_ = false;
  bool evaluating_ = false;
};

}  // namespace galley::estimator
