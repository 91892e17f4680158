#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace galley::process {

/// A piece of a log. Give next_offset to the next read.
struct LogChunk {
  std::string bytes;               // output as it was written, or the line that stands for a gap
  std::int64_t next_offset = 0;    // position in the full output
  std::int64_t dropped_bytes = 0;  // over 0: bytes is the line "[galley: N bytes dropped here]"
  bool at_end = false;             // nothing more was there at the time
};

/// Reads what a LogSink writes, while it writes. Offsets are positions in the full output, dropped
/// parts included, so they stay valid whatever is dropped later and can be handed to clients.
/// A follower that keeps up therefore gets every byte, also those that are dropped afterwards; one
/// that comes late gets one line in place of each gap. After a finished attempt, a read whose chunk
/// is at_end has delivered everything.
///
/// Holds no descriptor between calls; thread-safe. A read lists the folder: some 20 us.
class LogReader {
 public:
  explicit LogReader(std::filesystem::path attempt_folder) : folder_(std::move(attempt_folder)) {}

  /// At most max_bytes (over 0) from the offset on. An offset past the end reads nothing.
  /// Errors: invalid_argument (a negative offset, max_bytes < 1), not_found (no log there).
  Result<LogChunk> read(std::int64_t offset, std::int64_t max_bytes) const;

  /// Bytes printed so far, dropped ones included.
  Result<std::int64_t> length() const;

  /// Where to start reading to get the last `lines` lines, looking back no further than the last
  /// 4 MiB that are kept without a gap.
  Result<std::int64_t> offset_of_last_lines(std::int64_t lines) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace galley::process
