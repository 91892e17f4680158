#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace galley::protocol {

/// What one `galley:: key=value …` line of a program's output says. `step`, `epoch` and
/// `total_steps` are progress; other numbers are metrics; `artifact=path` and `checkpoint=path`
/// register files; other words are texts. Values with blanks are written in double quotes.
struct ProgressLine {
  std::optional<std::int64_t> step;
  std::vector<std::pair<std::string, double>> metrics;  // epoch and total_steps among them
  std::vector<std::string> artifacts;
  std::vector<std::string> checkpoints;
  std::vector<std::pair<std::string, std::string>> texts;
};

inline constexpr std::string_view kProgressPrefix = "galley::";

/// Nothing when the line does not begin with the prefix. Words that are not key=value are skipped:
/// a program's output is never an error. At most 256 pairs a line; keys past 250 bytes are skipped.
std::optional<ProgressLine> parse_progress_line(std::string_view line);

}  // namespace galley::protocol
