#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace galley::agent {

/// A number that was found where the program has written no line of ours.
struct FoundPoint {
  std::string key;
  std::int64_t step = 0;
  double value = 0;
  std::int64_t at_ms = 0;
};

/// What was found in a stretch of a job's output or of its event files, and where each of these is
/// to be read on. It lies in the attempt's progress file between the program's own lines and counts
/// only as a whole, so that an agent that is killed while it writes loses and doubles nothing.
struct FoundBlock {
  static constexpr std::size_t kMostPoints = 1'500;
  static constexpr std::size_t kMostTexts = 100;
  static constexpr std::size_t kMostOffsets = 1'000;
  static constexpr std::size_t kMostLines = 200;

  std::vector<FoundPoint> points;
  std::vector<std::pair<std::string, std::string>> texts;
  std::map<std::string, std::int64_t> offsets;  // by path below the folder; "": of the output
  std::vector<std::string> lines;               // of the program's own, copied; each at most 64 KiB

  bool empty() const { return points.empty() && texts.empty() && lines.empty(); }
};

/// Lines for the progress file, each with its newline (docs/formats/attempt.md). Keys and texts
/// with control characters are left out, as is what is over the bounds.
std::string print_found(const FoundBlock& block);

/// Takes such lines one by one. Pure; memory is bounded by the bounds of a block.
class FoundReader {
 public:
  enum class Line { other, taken, whole };
  /// `whole`: block() is complete until the next call. Lines that are damaged make their block
  /// count for nothing.
  Line take(std::string_view line);
  const FoundBlock& block() const { return block_; }
  /// The line that made the block whole will be given again.
  void reopen() { open_ = true; }

 private:
  bool add(std::string_view rest);

  FoundBlock block_;
  bool open_ = false;
};

}  // namespace galley::agent
