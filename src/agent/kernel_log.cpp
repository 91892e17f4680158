#include "kernel_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/text.h"
#include "cluster/xid.h"
#include "process/identity.h"

namespace galley::agent {
namespace {

constexpr std::int64_t kBootIdBytes = 4096;
constexpr std::size_t kMostLineBytes = 64 * 1024;
constexpr std::size_t kMostReadBytes = 4 * 1024 * 1024;  // of a file, in one call

/// "3,1201,98765432,-;text": 1201.
std::int64_t record_number(std::string_view record) {
  const auto fields = split(record.substr(0, record.find(';')), ',');
  std::int64_t number = -1;
  if (fields.size() > 1)
    (void)std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), number);
  return number;
}

}  // namespace

KernelLog::KernelLog(std::filesystem::path path, std::filesystem::path position_file)
    : path_(std::move(path)),
      position_file_(std::move(position_file)),
      is_device_(path_.string().starts_with("/dev/")),
      boot_(is_device_ ? process::boot_id().value_or("unknown") : "file") {
  open();
  go_on_from_position();
}

void KernelLog::open() { fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)); }

void KernelLog::go_on_from_position() {
  const auto text = read_file(position_file_, kBootIdBytes);
  const auto words = text ? split(trim(*text), ' ') : std::vector<std::string_view>{};
  if (words.size() == 2) {
    // Another boot: its whole log is new.
    if (words[0] == boot_)
      (void)std::from_chars(words[1].data(), words[1].data() + words[1].size(), position_);
    return;
  }
  // The first start: pass over all that is there.
  if (is_device_) {
    char record[8192];
    while (fd_) {
      const ssize_t count = ::read(fd_.get(), record, sizeof record);
      if (count < 0 && (errno == EPIPE || errno == EINTR)) continue;
      if (count <= 0) break;
      position_ = record_number({record, static_cast<std::size_t>(count)}) + 1;
    }
  } else if (struct stat status{}; fd_ && ::fstat(fd_.get(), &status) == 0) {
    position_ = status.st_size;
  }
  save_position();
}

void KernelLog::take_line(std::string_view line, std::vector<protocol::XidEvent>& events) {
  if (auto event = cluster::parse_kernel_line(line)) events.push_back(*std::move(event));
}

void KernelLog::read_records(std::vector<protocol::XidEvent>& events) {
  char record[8192];
  while (fd_ && events.size() < kMostEvents) {
    const ssize_t count = ::read(fd_.get(), record, sizeof record);
    // EPIPE: records were overwritten before we came; the next read goes on with the oldest left.
    if (count < 0 && (errno == EPIPE || errno == EINTR)) continue;
    if (count <= 0) return;
    const std::string_view text(record, static_cast<std::size_t>(count));
    const auto number = record_number(text);
    if (number < position_) continue;
    position_ = number + 1;
    take_line(text, events);
  }
}

void KernelLog::read_file_lines(std::vector<protocol::XidEvent>& events) {
  struct stat ours {};
  struct stat named {};
  const bool replaced = !fd_ || ::fstat(fd_.get(), &ours) != 0 ||
                        (::stat(path_.c_str(), &named) == 0 && named.st_ino != ours.st_ino);
  if (replaced || ours.st_size < position_) {
    open();
    position_ = 0;
    rest_.clear();
  }
  std::size_t taken = 0;
  char bytes[16 * 1024];
  while (fd_ && events.size() < kMostEvents && taken < kMostReadBytes) {
    const ssize_t count = ::pread(fd_.get(), bytes, sizeof bytes, position_);
    if (count <= 0) return;
    position_ += count;
    taken += static_cast<std::size_t>(count);
    rest_.append(bytes, static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
      take_line(std::string_view(rest_).substr(begin, end - begin), events);
      begin = end + 1;
    }
    rest_.erase(0, begin);
    if (rest_.size() > kMostLineBytes) rest_.clear();
  }
}

void KernelLog::save_position() const {
  (void)write_file_atomic(position_file_, boot_ + " " + std::to_string(position_) + "\n",
                          Durability::memory, 0600);
}

std::vector<protocol::XidEvent> KernelLog::read() {
  std::vector<protocol::XidEvent> events;
  const auto before = position_;
  if (is_device_) {
    if (!fd_) return events;
    read_records(events);
  } else {
    read_file_lines(events);
  }
  if (position_ != before) save_position();
  return events;
}

}  // namespace galley::agent
