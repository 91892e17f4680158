#include "folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace galley::slurm {

Result<FolderWatch> FolderWatch::open() {
  UniqueFd notify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!notify || !event) return system_error("cannot watch folders", errno);
  return FolderWatch(std::move(notify), std::move(event));
}

void FolderWatch::add(const AttemptId& attempt, const std::filesystem::path& folder) {
  const std::lock_guard lock(*mutex_);
  const int watch = ::inotify_add_watch(notify_.get(), folder.c_str(), IN_MOVED_TO | IN_ONLYDIR);
  if (watch < 0) return;
  attempts_[watch] = attempt;
  watches_[attempt] = watch;
}

void FolderWatch::remove(const AttemptId& attempt) {
  const std::lock_guard lock(*mutex_);
  const auto found = watches_.find(attempt);
  if (found == watches_.end()) return;
  ::inotify_rm_watch(notify_.get(), found->second);
  attempts_.erase(found->second);
  watches_.erase(found);
}

std::set<AttemptId> FolderWatch::wait(Millis timeout) {
  std::array<pollfd, 2> fds{pollfd{notify_.get(), POLLIN, 0}, pollfd{event_.get(), POLLIN, 0}};
  (void)::poll(fds.data(), fds.size(), static_cast<int>(timeout.count()));
  std::uint64_t wakes = 0;
  (void)!::read(event_.get(), &wakes, sizeof wakes);
  std::set<AttemptId> news;
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    const ssize_t count = ::read(notify_.get(), buffer.data(), buffer.size());
    if (count <= 0) return news;
    const std::lock_guard lock(*mutex_);
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(count);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      if (const auto found = attempts_.find(event.wd); found != attempts_.end())
        news.insert(found->second);
    }
  }
}

void FolderWatch::wake() {
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof one);
}

}  // namespace galley::slurm
