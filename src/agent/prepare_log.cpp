#include "prepare_log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "process/attempt_files.h"

namespace galley::agent {

PrepareLog::PrepareLog(const std::filesystem::path& attempt_folder, std::int64_t log_limit_bytes)
    : room_(std::min(kMostBytes, log_limit_bytes / 4)) {
  if (!make_folders(attempt_folder)) return;
  const auto path = attempt_folder / process::attempt_file::kLogHead;
  file_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  struct stat info {};
  // An agent before us may have begun to prepare the same attempt.
  if (file_ && ::fstat(file_.get(), &info) == 0) room_ -= info.st_size;
}

void PrepareLog::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  write_locked(bytes);
}

void PrepareLog::note(std::string_view sentence) {
  const std::lock_guard lock(mutex_);
  write_locked((at_line_start_ ? "[galley: " : "\n[galley: ") + std::string(sentence) + "]\n");
}

void PrepareLog::write_locked(std::string_view bytes) {
  if (!file_ || room_ <= 0 || bytes.empty()) return;
  const auto part = bytes.substr(0, static_cast<std::size_t>(room_));
  room_ -= static_cast<std::int64_t>(part.size());
  (void)write_all(file_.get(), part).has_value();
  at_line_start_ = part.ends_with('\n');
  if (room_ > 0) return;
  (void)write_all(file_.get(), "\n[galley: the rest of the preparation is left out]\n").has_value();
}

}  // namespace galley::agent
