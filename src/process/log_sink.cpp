#include "process/log_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "process/attempt_files.h"

namespace galley::process {
namespace {

// Dropping a segment costs at most an eighth of the tail; more, smaller files would cost names.
constexpr std::int64_t kSegmentsInTail = 8;
// Only a disk that fills again and again makes many short segments; readers list them all.
constexpr std::size_t kMostSegments = 1024;
constexpr std::chrono::seconds kRetryEvery{1};
constexpr int kDigits = 20;

/// Nobody goes on with a log of which there is more than a head.
Status check_alone(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->path().filename().string().starts_with(attempt_file::kLogTail))
      return Error{Errc::conflict, folder.string() + " already holds a log"};
  if (error) return system_error("cannot list " + folder.string(), error.value());
  return ok();
}

}  // namespace

Result<LogSink> LogSink::open(const std::filesystem::path& folder, std::int64_t limit_bytes) {
  GALLEY_CHECK(limit_bytes >= kLeastLogLimitBytes, "the log limit was not checked");
  LogSink sink;
  sink.folder_ = UniqueFd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!sink.folder_) return system_error("cannot open " + folder.string(), errno);
  sink.current_ = UniqueFd(::openat(sink.folder_.get(), attempt_file::kLogHead,
                                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  struct stat info {};
  if (!sink.current_ || ::fstat(sink.current_.get(), &info) != 0)
    return system_error("cannot make " + (folder / attempt_file::kLogHead).string(), errno);
  GALLEY_TRY_STATUS(check_alone(folder));
  sink.total_ = sink.stored_end_ = info.st_size;
  sink.room_ = std::max<std::int64_t>(0, limit_bytes / 2 - info.st_size);
  sink.tail_limit_ = limit_bytes - limit_bytes / 2;
  sink.segment_limit_ = sink.tail_limit_ / kSegmentsInTail;
  return sink;
}

void LogSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!make_room()) return lose(bytes.size());
    const auto part = bytes.substr(0, static_cast<std::size_t>(room_));
    const ssize_t count = ::write(current_.get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      close_current();
      retry_at_ = std::chrono::steady_clock::now() + kRetryEvery;
      return lose(bytes.size());
    }
    room_ -= count;
    total_ += count;
    stored_end_ = total_;
    if (!tail_.empty()) {
      tail_.back().size += count;
      tail_stored_ += count;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void LogSink::finish() {
  close_current();
  if (stored_end_ < total_) open_tail();
}

/// An open file with room for a byte, or false.
bool LogSink::make_room() {
  if (current_ && room_ > 0) return true;
  close_current();
  if (std::chrono::steady_clock::now() < retry_at_) return false;
  while (!tail_.empty() && (tail_stored_ >= tail_limit_ || tail_.size() >= kMostSegments)) {
    ::unlinkat(folder_.get(), tail_name(tail_.front().start).c_str(), 0);
    tail_stored_ -= tail_.front().size;
    tail_.pop_front();
  }
  if (open_tail()) return true;
  retry_at_ = std::chrono::steady_clock::now() + kRetryEvery;
  return false;
}

bool LogSink::open_tail() {
  current_ = UniqueFd(::openat(folder_.get(), tail_name(total_).c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!current_) return false;
  room_ = std::min(segment_limit_, tail_limit_ - tail_stored_);
  tail_.push_back({total_, 0});
  return true;
}

void LogSink::lose(std::size_t count) {
  total_ += static_cast<std::int64_t>(count);
  lost_ += static_cast<std::int64_t>(count);
}

/// Also removes the file when nothing came into it, so that its name can be used again.
void LogSink::close_current() {
  if (current_ && !tail_.empty() && tail_.back().size == 0) {
    ::unlinkat(folder_.get(), tail_name(tail_.back().start).c_str(), 0);
    tail_.pop_back();
  }
  current_.reset();
  room_ = 0;
}

std::string LogSink::tail_name(std::int64_t start) const {
  const std::string digits = std::to_string(start);
  return attempt_file::kLogTail + std::string(kDigits - digits.size(), '0') + digits;
}

}  // namespace galley::process
