#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "estimator/log_progress.h"
#include "found_block.h"

namespace galley::agent {

/// What is found without being asked for, in bars and tables of frameworks, stands under this, so
/// that it never mixes with what the program records by the same name.
inline constexpr std::string_view kFoundKeyPrefix = "log/";

/// Turns a program's output into numbers: metrics of every line, and how far it is, once for each
/// stretch. A metric of a line that names no step gets one more than its last.
/// Pure. One thread at a time.
class OutputReader {
 public:
  OutputReader() = default;
  /// The pattern was checked when the job was accepted; one that does not compile finds nothing.
  void set_pattern(const std::string& pattern);
  bool has_pattern() const { return has_pattern_; }

  /// Lines may go on in the next call. At most FoundBlock::kMostPoints are kept for one take().
  void feed(std::string_view bytes, WallTime now);
  void finish(WallTime now);
  /// The program prints lines of ours: bars are passed over from now on.
  bool saw_own_line() const { return saw_own_line_; }
  void only_pattern() { only_pattern_ = true; }

  /// What was found since the last call. `progress`: also how far it is, where that is news.
  FoundBlock take(bool progress);

 private:
  void add(const estimator::LogProgress& line, WallTime now);
  void add_by_pattern(const estimator::LogProgress& line, std::int64_t at_ms);
  void add_by_form(const estimator::LogProgress& line, std::int64_t at_ms);
  void push(std::string key, std::optional<double> step, double value, std::int64_t at_ms);
  void push_change(std::string key, std::optional<double> step, double value, std::int64_t at_ms);

  estimator::LogReader reader_;
  estimator::ProgressAssembler assembler_;
  bool has_pattern_ = false;
  bool only_pattern_ = false;
  bool saw_own_line_ = false;
  bool counts_steps_ = false;  // else epochs
  double position_ = 0;
  double told_position_ = -1;
  std::int64_t position_ms_ = 0;
  std::map<std::string, std::int64_t> next_steps_;  // bounded
  std::map<std::string, double> last_values_;       // of what is told when it changes; bounded
  FoundBlock block_;
};

}  // namespace galley::agent
