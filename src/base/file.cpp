#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace galley {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int UniqueFd::release() noexcept { return std::exchange(fd_, -1); }

void UniqueFd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<std::string> read_file(const std::filesystem::path& path, std::int64_t max_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("cannot read " + path.string(), errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error("cannot read " + path.string(), errno);
  if (S_ISDIR(info.st_mode)) return system_error("cannot read " + path.string(), EISDIR);
  std::string bytes;
  bytes.reserve(static_cast<std::size_t>(std::min<std::int64_t>(info.st_size, max_bytes)));
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("cannot read " + path.string(), errno);
    if (count == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(count));
    if (static_cast<std::int64_t>(bytes.size()) > max_bytes)
      return Error{Errc::too_large, path.string() + " holds more than the " +
                                        std::to_string(max_bytes) + " bytes that are read from it"};
  }
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("write failed", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return ok();
}

Status sync_folder(const std::filesystem::path& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return system_error("cannot sync " + folder.string(), errno);
  return ok();
}

Status write_file_atomic(const std::filesystem::path& path, std::string_view bytes,
                         Durability durability, unsigned mode) {
  static std::atomic<unsigned> counter{0};  // two threads may replace one file at the same time
  const std::filesystem::path temporary = path.string() + ".tmp" + std::to_string(::getpid()) +
                                          "." + std::to_string(counter.fetch_add(1));
  const auto fail = [&](Error error) {
    ::unlink(temporary.c_str());
    error.message = "cannot write " + path.string() + ": " + error.message;
    return error;
  };
  {
    const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd) return fail(system_error("open", errno));
    if (auto status = write_all(fd.get(), bytes); !status) return fail(std::move(status).error());
    if (durability == Durability::disk && ::fdatasync(fd.get()) != 0)
      return fail(system_error("fdatasync", errno));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(system_error("rename", errno));
  if (durability == Durability::memory) return ok();
  return sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

Status open_standard_streams() {
  for (;;) {
    UniqueFd stream(::open("/dev/null", O_RDWR));
    if (!stream) return system_error("cannot open /dev/null", errno);
    if (stream.get() > STDERR_FILENO) return ok();
    stream.release();  // it is the stream that was missing, and stays open
  }
}

Status make_folders(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return system_error("cannot make folder " + folder.string(), error.value());
  return ok();
}

}  // namespace galley
