#include "process/log_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "folder_handle.h"
#include "process/attempt_files.h"

namespace galley::process {
namespace {

// A file can vanish between listing and opening, each time because the writer dropped it; a reader
// that loses this race so often is told so.
constexpr int kMostTries = 100;
constexpr std::int64_t kMostBytesPerRead = 8 * 1024 * 1024;
constexpr std::int64_t kLookBackBytes = 4 * 1024 * 1024;

struct Segment {
  std::string name;
  std::int64_t start = 0;
  std::int64_t size = 0;
  std::int64_t end() const { return start + size; }
};

/// The segment a file name stands for; false for other files.
bool parse_name(std::string_view name, Segment& segment) {
  constexpr std::string_view kTail = attempt_file::kLogTail;
  segment.name = name;
  segment.start = 0;
  if (name == attempt_file::kLogHead) return true;
  if (!name.starts_with(kTail)) return false;
  const auto digits = name.substr(kTail.size());
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), segment.start);
  return error == std::errc{} && end == digits.data() + digits.size() && segment.start >= 0;
}

/// All segments by position. Sizes are taken after the listing: a segment with a successor was
/// complete before the successor existed.
Result<std::vector<Segment>> list_segments(const std::filesystem::path& folder) {
  const FolderHandle dir(::opendir(folder.c_str()));
  if (!dir) return system_error("cannot read the log in " + folder.string(), errno);
  std::vector<Segment> segments;
  while (const dirent* entry = ::readdir(dir.get())) {
    Segment segment;
    if (parse_name(entry->d_name, segment)) segments.push_back(std::move(segment));
  }
  std::ranges::sort(segments, {}, [](const Segment& s) { return std::pair(s.start, s.name); });
  std::erase_if(segments, [&](Segment& segment) {
    struct stat info {};
    if (::fstatat(::dirfd(dir.get()), segment.name.c_str(), &info, 0) != 0) return true;
    segment.size = info.st_size;
    return false;
  });
  return segments;
}

/// Reads part of a segment. not_found when the writer has dropped it.
Result<std::string> read_part(const std::filesystem::path& folder, const Segment& segment,
                              std::int64_t offset, std::int64_t count) {
  const auto path = folder / segment.name;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("cannot read " + path.string(), errno);
  std::string bytes(static_cast<std::size_t>(count), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const auto at = static_cast<off_t>(offset - segment.start) + static_cast<off_t>(filled);
    const ssize_t got = ::pread(fd.get(), bytes.data() + filled, bytes.size() - filled, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("cannot read " + path.string(), errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

/// The gap that begins at offset, if the segments show one: its size and the segment before it.
struct Gap {
  std::int64_t bytes = 0;
  const Segment* before = nullptr;
};

Gap find_gap(const std::vector<Segment>& segments, std::int64_t offset) {
  Gap gap;
  for (const Segment& segment : segments) {
    if (segment.start > offset) {
      gap.bytes = segment.start - offset;
      return gap;
    }
    if (segment.size > 0 && segment.end() == offset) gap.before = &segment;
  }
  return {};
}

LogChunk gap_chunk(const std::filesystem::path& folder, const Gap& gap, std::int64_t offset,
                   std::int64_t length) {
  // The line stands alone, so what was cut in the middle of a line gets its newline first.
  bool needs_newline = offset > 0;
  if (gap.before != nullptr) {
    const auto last = read_part(folder, *gap.before, offset - 1, 1);
    needs_newline = !last || *last != "\n";
  }
  LogChunk chunk;
  chunk.bytes = std::string(needs_newline ? "\n" : "") + "[galley: " + std::to_string(gap.bytes) +
                " bytes dropped here]\n";
  chunk.next_offset = offset + gap.bytes;
  chunk.dropped_bytes = gap.bytes;
  chunk.at_end = chunk.next_offset == length;
  return chunk;
}

}  // namespace

Result<LogChunk> LogReader::read(std::int64_t offset, std::int64_t max_bytes) const {
  if (offset < 0 || max_bytes < 1)
    return Error{Errc::invalid_argument,
                 "cannot read " + std::to_string(max_bytes) + " bytes of a log from offset " +
                     std::to_string(offset),
                 "offset", "an offset of 0 or more and at least one byte"};
  std::int64_t gap_seen = 0;
  for (int attempt = 0; attempt < kMostTries; ++attempt) {
    GALLEY_TRY(const auto segments, list_segments(folder_));
    if (segments.empty()) return Error{Errc::not_found, "there is no log in " + folder_.string()};
    const std::int64_t length = segments.back().end();
    const auto holder = std::ranges::find_if(segments, [&](const Segment& segment) {
      return segment.start <= offset && offset < segment.end();
    });
    if (holder != segments.end()) {
      const auto count = std::min({max_bytes, kMostBytesPerRead, holder->end() - offset});
      auto bytes = read_part(folder_, *holder, offset, count);
      if (!bytes && bytes.error().code == Errc::not_found) continue;
      if (!bytes) return std::move(bytes).error();
      const auto next = offset + std::ssize(*bytes);
      return LogChunk{std::move(*bytes), next, 0, next == length};
    }
    if (offset >= length) return LogChunk{{}, offset, 0, true};
    // A listing made while files are created may show a later one and miss an earlier one; a
    // second listing that begins after the later one was seen cannot.
    const Gap gap = find_gap(segments, offset);
    if (gap_seen > 0 && gap.bytes >= gap_seen) return gap_chunk(folder_, gap, offset, length);
    gap_seen = gap.bytes;
  }
  return Error{Errc::unavailable,
               "the log in " + folder_.string() + " is being dropped faster than it can be read"};
}

Result<std::int64_t> LogReader::length() const {
  GALLEY_TRY(const auto segments, list_segments(folder_));
  if (segments.empty()) return Error{Errc::not_found, "there is no log in " + folder_.string()};
  return segments.back().end();
}

Result<std::int64_t> LogReader::offset_of_last_lines(std::int64_t lines) const {
  GALLEY_TRY(const auto segments, list_segments(folder_));
  if (segments.empty()) return Error{Errc::not_found, "there is no log in " + folder_.string()};
  const std::int64_t length = segments.back().end();
  std::int64_t start = length;
  std::int64_t found = 0;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    if (segment->end() != start || length - start >= kLookBackBytes) break;
    const auto from = std::max(segment->start, segment->end() - kLookBackBytes);
    const auto bytes = read_part(folder_, *segment, from, segment->end() - from);
    if (!bytes) break;
    for (auto at = std::ssize(*bytes) - 1; at >= 0; --at) {
      // The newline that ends the last line does not begin another.
      const bool begins_line =
          (*bytes)[static_cast<std::size_t>(at)] == '\n' && from + at + 1 < length;
      if (begins_line && ++found == lines) return from + at + 1;
    }
    start = from;
    if (from != segment->start) break;
  }
  return lines > 0 ? start : length;
}

}  // namespace galley::process
