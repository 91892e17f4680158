#include "process/log_mirror.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/file.h"
#include "folder_handle.h"
#include "process/attempt_files.h"

namespace galley::process {
namespace {

std::string name_of(std::int64_t start) {
  if (start == 0) return attempt_file::kLogHead;
  const std::string digits = std::to_string(start);
  constexpr std::size_t kDigits = 20;
  return attempt_file::kLogTail + std::string(kDigits - digits.size(), '0') + digits;
}

/// Where the file of this name begins; nothing for other files. A tail file may begin at 0 where
/// nothing could be written before it; what it holds is then carried under the head's name.
std::optional<std::int64_t> start_of(std::string_view name) {
  constexpr std::string_view kTail = attempt_file::kLogTail;
  if (name == attempt_file::kLogHead) return 0;
  if (!name.starts_with(kTail)) return std::nullopt;
  const auto digits = name.substr(kTail.size());
  std::int64_t start = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), start);
  if (error != std::errc{} || end != digits.data() + digits.size() || start < 1)
    return std::nullopt;
  return start;
}

}  // namespace

Result<std::vector<LogSegment>> list_log_segments(const std::filesystem::path& folder) {
  std::vector<LogSegment> segments;
  const FolderHandle dir(::opendir(folder.c_str()));
  if (!dir && errno == ENOENT) return segments;
  if (!dir) return system_error("cannot read the log in " + folder.string(), errno);
  while (const dirent* entry = ::readdir(dir.get()))
    if (const auto start = start_of(entry->d_name)) segments.push_back({*start, 0});
  std::ranges::sort(segments, {}, &LogSegment::start);
  // Sizes are taken after the listing: a file with a successor was complete before that existed.
  std::erase_if(segments, [&](LogSegment& segment) {
    struct stat info {};
    if (::fstatat(::dirfd(dir.get()), name_of(segment.start).c_str(), &info, 0) != 0) return true;
    segment.size = info.st_size;
    return false;
  });
  return segments;
}

Result<std::string> read_log_segment(const std::filesystem::path& folder, std::int64_t start,
                                     std::int64_t offset, std::int64_t max_bytes) {
  const auto path = folder / name_of(start);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("cannot read " + path.string(), errno);
  std::string bytes(static_cast<std::size_t>(max_bytes), '\0');
  ssize_t got = -1;
  do {
    got = ::pread(fd.get(), bytes.data(), bytes.size(), offset);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return system_error("cannot read " + path.string(), errno);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Result<LogSegment> LogMirror::last() const {
  GALLEY_TRY(const auto segments, list_log_segments(folder_));
  return segments.empty() ? LogSegment{} : segments.back();
}

Status LogMirror::append(std::int64_t start, std::int64_t offset, std::string_view bytes) {
  GALLEY_TRY(const LogSegment known, last());
  if (start < known.start)
    return Error{Errc::conflict, "the log goes on at " + std::to_string(known.start + known.size) +
                                     ", not at " + std::to_string(start + offset)};
  const std::int64_t size = start == known.start ? known.size : 0;
  if (offset > size || offset < 0)
    return Error{Errc::conflict, std::to_string(size) + " bytes of the file at " +
                                     std::to_string(start) + " are stored, so byte " +
                                     std::to_string(offset) + " cannot follow"};
  if (offset + std::ssize(bytes) < size) return ok();
  bytes.remove_prefix(static_cast<std::size_t>(size - offset));
  if (bytes.empty() && start == known.start && known.size > 0) return ok();
  GALLEY_TRY_STATUS(make_folders(folder_));
  const auto path = folder_ / name_of(start);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) return system_error("cannot write " + path.string(), errno);
  auto written = write_all(fd.get(), bytes);
  // What is half written would be taken for the start of what comes next.
  if (!written && ::ftruncate(fd.get(), size) != 0)
    return system_error("cannot undo a half-written piece of " + path.string(), errno);
  return written;
}

Status LogMirror::drop_before(std::int64_t start) {
  GALLEY_TRY(const auto segments, list_log_segments(folder_));
  for (const LogSegment& segment : segments) {
    if (segment.start == 0 || segment.start >= start) continue;
    const auto path = folder_ / name_of(segment.start);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return system_error("cannot remove " + path.string(), errno);
  }
  return ok();
}

}  // namespace galley::process
