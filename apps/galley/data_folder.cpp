#include "data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "base/text.h"

namespace galley::app {
namespace {

constexpr std::int64_t kSmallFile = 4096;

/// A process that was killed while it started a child leaves its lock with that child, until the
/// child becomes its program: some milliseconds on a busy machine.
constexpr Millis kLockPatience{2'000};
constexpr Millis kLockRetry{5};

/// The process that wrote itself into the lock file, empty while none has.
std::string holder_of(const std::filesystem::path& lock) {
  const auto text = read_file(lock, kSmallFile);
  return text ? std::string(trim(*text)) : std::string();
}

bool process_exists(const std::string& pid) {
  return !pid.empty() && ::access(("/proc/" + pid).c_str(), F_OK) == 0;
}

bool take_lock(int fd, const std::filesystem::path& path) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (process_exists(holder_of(path)) || std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(kLockRetry);
  }
  return true;
}

Result<UniqueFd> lock_folder(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return system_error("cannot use the data folder " + folder.string(), errno);
  if (!take_lock(fd.get(), path)) {
    const std::string who = holder_of(path);
    return Error{Errc::conflict,
                 "the data folder " + folder.string() + " is in use" +
                     (who.empty() ? "" : " by process " + who),
                 {},
                 {},
                 "stop that process, or choose another folder with --data"};
  }
  if (::ftruncate(fd.get(), 0) != 0)
    return system_error("cannot write in the data folder " + folder.string(), errno);
  GALLEY_TRY_STATUS(write_all(fd.get(), std::to_string(::getpid()) + "\n"));
  return fd;
}

/// The secret in the file, made at the first start.
Result<std::string> secret_file(const std::filesystem::path& path) {
  auto stored = read_file(path, kSmallFile);
  if (stored && !trim(*stored).empty()) return std::string(trim(*stored));
  if (!stored && stored.error().code != Errc::not_found) return std::move(stored).error();
  constexpr std::size_t kSecretBytes = 32;
  const std::string secret = random_hex(kSecretBytes);
  GALLEY_TRY_STATUS(write_file_atomic(path, secret + "\n", Durability::disk, 0600));
  return secret;
}

/// Its absolute path.
Result<std::filesystem::path> make_private(const std::filesystem::path& path) {
  std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
  const bool is_new = !std::filesystem::exists(absolute);
  GALLEY_TRY_STATUS(make_folders(absolute));
  if (is_new && ::chmod(absolute.c_str(), 0700) != 0)
    return system_error("cannot protect the data folder " + absolute.string(), errno);
  return absolute;
}

}  // namespace

Status DataFolder::read_secrets() {
  GALLEY_TRY(token_, secret_file(path_ / "token"));
  GALLEY_TRY(secret_, secret_file(path_ / "secret"));
  return ok();
}

Status DataFolder::let_jobs_pass() const {
  const auto allow = [](const std::filesystem::path& path, mode_t mode) {
    return ::chmod(path.c_str(), mode) == 0
               ? ok()
               : Status(system_error("cannot change who may use " + path.string(), errno));
  };
  // Attempts' folders protect themselves; data sets and images are for all.
  for (const char* name : {"attempts", "cache"}) {
    GALLEY_TRY_STATUS(make_folders(path_ / name));
    GALLEY_TRY_STATUS(allow(path_ / name, 0711));
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    struct stat info {};
    if (name == "attempts" || name == "cache" || ::lstat(entry.path().c_str(), &info) != 0 ||
        S_ISLNK(info.st_mode) || (info.st_mode & 0077) == 0)
      continue;
    GALLEY_TRY_STATUS(allow(entry.path(), info.st_mode & 07700));
  }
  if (error) return system_error("cannot read " + path_.string(), error.value());
  return allow(path_, 0711);
}

Result<DataFolder> DataFolder::open_shared(const std::filesystem::path& path) {
  GALLEY_TRY(const auto absolute, make_private(path));
  // Of two that start at once on a new folder, one makes the secrets.
  const std::filesystem::path lock = absolute / "secrets.lock";
  const UniqueFd fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || ::flock(fd.get(), LOCK_EX) != 0)
    return system_error("cannot use the data folder " + absolute.string(), errno);
  DataFolder folder(absolute, UniqueFd());
  GALLEY_TRY_STATUS(folder.read_secrets());
  return folder;
}

Result<DataFolder> DataFolder::open(const std::filesystem::path& path) {
  GALLEY_TRY(const auto absolute, make_private(path));
  GALLEY_TRY(auto lock, lock_folder(absolute));
  // We hold the lock, so a socket that still answers belongs to a killed server's last child.
  std::error_code ignored;
  std::filesystem::remove(absolute / "galley.sock", ignored);
  DataFolder folder(absolute, std::move(lock));
  GALLEY_TRY_STATUS(folder.read_secrets());
  return folder;
}

}  // namespace galley::app
