#include "attempt_follower.h"

#include <cstdint>

namespace {

using galley::agent::AttemptFollower;

struct Told {
  std::size_t points = 0;
  std::size_t files = 0;
  std::size_t texts = 0;
  std::int64_t last_step = 0;
  bool operator==(const Told&) const = default;
};

/// Everything from the stored offset on, given in pieces of at most `piece` bytes.
Told follow(std::string_view bytes, std::int64_t stored, std::size_t piece) {
  AttemptFollower follower({.workdir = "/w"}, stored);
  Told told;
  std::int64_t offset = stored;
  const auto tell = [&] {
    const auto report = follower.report();
    GALLEY_CHECK(report.from_offset == offset && report.to_offset > offset, "reports join up");
    offset = report.to_offset;
    told.points += report.points.size();
    told.files += report.files.size();
    told.texts += report.texts.size();
    if (!report.points.empty()) told.last_step = report.points.back().step;
  };
  std::size_t length = piece;
  for (;;) {
    const auto at = static_cast<std::size_t>(follower.next_offset());
    const auto block = bytes.substr(at, length);
    const bool took = follower.take(block, {});
    if (follower.has_report()) tell();
    if (took) {
      length = piece;
    } else {
      if (at + block.size() >= bytes.size()) return told;
      length += piece;  // as a file that has grown
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Told all = follow(bytes, 0, bytes.size() + 1);
  GALLEY_CHECK(all == follow(bytes, 0, 7), "the pieces make no difference");

  const auto line_end = bytes.find('\n', bytes.size() / 2);
  if (line_end == std::string_view::npos) return 0;
  const auto stored = static_cast<std::int64_t>(line_end) + 1;
  const Told first = follow(bytes.substr(0, line_end + 1), 0, bytes.size() + 1);
  const Told second = follow(bytes, stored, bytes.size() + 1);
  GALLEY_CHECK(first.points + second.points == all.points, "a restart loses and repeats no metric");
  GALLEY_CHECK(first.files + second.files == all.files, "nor a file");
  GALLEY_CHECK(first.texts + second.texts == all.texts, "nor a text");
  GALLEY_CHECK(second.points == 0 || second.last_step == all.last_step, "steps count on");
  return 0;
}
