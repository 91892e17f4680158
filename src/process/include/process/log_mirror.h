#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// A log (log_sink.h) as files, for carrying it to another machine just as it lies.
namespace galley::process {

/// One file of a log: the position of its first byte in the output, and how much of it is there.
struct LogSegment {
  std::int64_t start = 0;
  std::int64_t size = 0;
  bool operator==(const LogSegment&) const = default;
};

/// The files of a log by position; none where there is no log yet. The last one may grow; all
/// others are complete. Errors: those of reading the folder.
Result<std::vector<LogSegment>> list_log_segments(const std::filesystem::path& folder);

/// At most max_bytes of a file from `offset` in it. Errors: not_found (its writer has dropped it).
Result<std::string> read_log_segment(const std::filesystem::path& folder, std::int64_t start,
                                     std::int64_t offset, std::int64_t max_bytes);

/// Writes such files again elsewhere, byte by byte: applying a piece twice changes nothing.
/// Holds nothing open; one thread at a time for a folder.
class LogMirror {
 public:
  /// The folder is made with the first piece.
  explicit LogMirror(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The last file and its length; {0, 0} where there is none. The next piece goes on there.
  Result<LogSegment> last() const;

  /// Appends to the file that begins at `start`. A piece that begins before the file's end is cut
  /// to what is new; one that begins after it is refused.
  /// Errors: conflict (a gap, or a file before the last one), exhausted, forbidden.
  Status append(std::int64_t start, std::int64_t offset, std::string_view bytes);

  /// Removes files before this position but for the first: its writer keeps no more.
  Status drop_before(std::int64_t start);

 private:
  std::filesystem::path folder_;
};

}  // namespace galley::process
