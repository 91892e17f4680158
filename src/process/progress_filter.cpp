#include "process/progress_filter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace galley::process {
void ProgressFilter::feed(std::string_view bytes, std::string& lines) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::matching:
        match(bytes);
        break;
      case State::collecting:
        collect(bytes, lines);
        break;
      case State::skipping:
        skip(bytes);
        break;
    }
  }
}

void ProgressFilter::finish(std::string& lines) {
  if (state_ == State::collecting) lines += line_ + "\n";
  line_.clear();
  state_ = State::matching;
}

void ProgressFilter::match(std::string_view& bytes) {
  const auto missing = kPrefix.substr(line_.size());
  const auto part = bytes.substr(0, missing.size());
  if (!missing.starts_with(part)) {
    line_.clear();
    state_ = State::skipping;
    return;
  }
  line_ += part;
  bytes.remove_prefix(part.size());
  if (line_.size() == kPrefix.size()) state_ = State::collecting;
}

void ProgressFilter::collect(std::string_view& bytes, std::string& lines) {
  const auto newline = bytes.find('\n');
  const auto part = bytes.substr(0, newline);
  if (line_.size() + part.size() > kMostLineBytes) {
    line_.clear();
    state_ = State::skipping;
    return;
  }
  line_ += part;
  bytes.remove_prefix(part.size());
  if (newline == std::string_view::npos) return;
  bytes.remove_prefix(1);
  lines += line_;
  lines += '\n';
  line_.clear();
  state_ = State::matching;
}

void ProgressFilter::skip(std::string_view& bytes) {
  // A search for the prefix, not for newlines: output of short lines has one every few bytes, while
  // the first letter of the prefix is skipped to with the C library's fastest search.
  for (auto at = bytes.find(kPrefix); at != std::string_view::npos;
       at = bytes.find(kPrefix, at + 1)) {
    // In front of the first byte is no newline, or we would not be skipping.
    if (at == 0 || bytes[at - 1] != '\n') continue;
    bytes.remove_prefix(at);
    state_ = State::matching;
    return;
  }
  // The last line may be the beginning of a progress line whose rest comes with the next piece.
  const auto window = bytes.substr(bytes.size() - std::min(bytes.size(), kPrefix.size()));
  const auto newline = window.rfind('\n');
  if (newline != std::string_view::npos && kPrefix.starts_with(window.substr(newline + 1))) {
    line_ = window.substr(newline + 1);
    state_ = State::matching;
  }
  bytes = {};
}

Result<ProgressFile> ProgressFile::open(const std::filesystem::path& path,
                                        std::int64_t most_bytes) {
  ProgressFile file;
  file.most_bytes_ = most_bytes;
  file.fd_ =
      UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640));
  if (!file.fd_) return system_error("cannot make " + path.string(), errno);
  return file;
}

Status ProgressFile::give_to(std::uint32_t uid, std::uint32_t gid) {
  if (::fchown(fd_.get(), uid, gid) == 0) return ok();
  return system_error("cannot give the progress file to its program's account", errno);
}

void ProgressFile::append(std::string_view lines) {
  if (lines.empty()) return;
  const auto size = std::ssize(lines);
  // The program may append lines of its own, so the end is looked up and not counted.
  struct stat before {};
  if (size_ + size <= most_bytes_ && ::fstat(fd_.get(), &before) == 0) {
    if (write_all(fd_.get(), lines)) {
      size_ += size;
      return;
    }
    // Half a line must not stay in front of the next one. If even this fails, the disk has done
    // worse.
    (void)!::ftruncate(fd_.get(), before.st_size);
  }
  lost_ += size;
}

}  // namespace galley::process
