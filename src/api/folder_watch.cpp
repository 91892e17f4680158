#include "folder_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace galley::api {

Result<FolderWatch> FolderWatch::open() {
  UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) {
    Error error = system_error("cannot watch the logs of jobs", errno);
    error.code = Errc::exhausted;
    error.hint = "raise fs.inotify.max_user_instances";
    return error;
  }
  return FolderWatch(std::move(fd));
}

bool FolderWatch::add(const std::string& folder) {
  auto& watched = folders_[folder];
  if (watched.interests == 0) {
    watched.descriptor = ::inotify_add_watch(fd_.get(), folder.c_str(),
                                             IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    if (watched.descriptor < 0) {
      folders_.erase(folder);
      return false;
    }
    by_descriptor_[watched.descriptor] = folder;
  }
  ++watched.interests;
  return true;
}

void FolderWatch::remove(const std::string& folder) {
  const auto found = folders_.find(folder);
  if (found == folders_.end() || --found->second.interests > 0) return;
  ::inotify_rm_watch(fd_.get(), found->second.descriptor);
  by_descriptor_.erase(found->second.descriptor);
  folders_.erase(found);
}

std::set<std::string> FolderWatch::take_changes() {
  std::set<std::string> changed;
  alignas(inotify_event) std::array<char, 16 << 10> buffer;
  while (true) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return changed;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0U)
        // Some changes were lost, so that any folder may have changed.
        for (const auto& [folder, watched] : folders_) changed.insert(folder);
      else if (const auto found = by_descriptor_.find(event.wd); found != by_descriptor_.end())
        changed.insert(found->second);
    }
  }
}

}  // namespace galley::api
