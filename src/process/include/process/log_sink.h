#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace galley::process {

/// Writes one stream of output into a folder, complete up to a limit; beyond it the first half of
/// the limit and (at least) the last 7/16 stay, and what lies between is dropped oldest first.
///
/// Files: `log.head` from position 0, then `log.tail.P` where P is the stream position of the
/// file's first byte (20 digits). A file is never written again once the next one exists, so
/// readers need no lock; a hole between two files is output that was dropped.
///
/// When the disk is full or broken, output is counted as lost and the stream goes on; writing is
/// tried again once a second. Not thread-safe. Keeps no output in memory.
class LogSink {
 public:
  /// Goes on after a `log.head` that whoever prepared the folder has begun, if there is no more
  /// than that. Errors: conflict when the folder already holds a whole log; those of the file
  /// system.
  static Result<LogSink> open(const std::filesystem::path& folder, std::int64_t limit_bytes);

  void write(std::string_view bytes);
  /// Marks the position of the end for readers, when the last bytes could not be written.
  void finish();

  std::int64_t total_bytes() const { return total_; }
  std::int64_t lost_bytes() const { return lost_; }

 private:
  struct Segment {
    std::int64_t start = 0;
    std::int64_t size = 0;
  };

  LogSink() = default;
  bool make_room();
  bool open_tail();
  void lose(std::size_t count);
  void close_current();
  std::string tail_name(std::int64_t start) const;

  UniqueFd folder_;
  UniqueFd current_;
  std::int64_t room_ = 0;  // bytes that still fit into current_
  std::int64_t tail_limit_ = 0;
  std::int64_t tail_stored_ = 0;
  std::int64_t segment_limit_ = 0;
  std::deque<Segment> tail_;  // oldest first; the last is current_ unless that is the head
  std::int64_t total_ = 0;
  std::int64_t lost_ = 0;
  std::int64_t stored_end_ = 0;  // position after the last byte on disk
  std::chrono::steady_clock::time_point retry_at_{};
};

}  // namespace galley::process
