#include "event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace galley::agent {
namespace {

// Tokens of the loop's own descriptors; owners count up from 1 and never get there.
constexpr EventLoop::Token kMailboxToken = ~EventLoop::Token{0};
constexpr EventLoop::Token kInotifyToken = kMailboxToken - 1;
constexpr std::int64_t kLongestWaitMs = 60'000;

Status add(const UniqueFd& epoll, int fd, EventLoop::Token token, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0) return ok();
  return system_error("cannot wait for a descriptor", errno);
}

}  // namespace

void Mailbox::post(Task task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) ::eventfd_write(event_.get(), 1);
}

void Mailbox::close() {
  std::vector<Task> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
  ::eventfd_write(event_.get(), 1);
}

std::optional<std::vector<Mailbox::Task>> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  if (closed_) return std::nullopt;
  eventfd_t count = 0;
  ::eventfd_read(event_.get(), &count);
  return std::exchange(tasks_, {});
}

Result<std::unique_ptr<EventLoop>> EventLoop::open() {
  auto loop = std::unique_ptr<EventLoop>(new EventLoop);
  loop->epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  loop->inotify_ = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!loop->epoll_ || !loop->inotify_ || !event)
    return system_error("cannot make the agent's event loop", errno);
  loop->mailbox_ = std::make_shared<Mailbox>(std::move(event));
  GALLEY_TRY_STATUS(add(loop->epoll_, loop->mailbox_->fd(), kMailboxToken, EPOLLIN));
  GALLEY_TRY_STATUS(add(loop->epoll_, loop->inotify_.get(), kInotifyToken, EPOLLIN));
  return loop;
}

Status EventLoop::watch_exit(int pidfd, Token token) {
  GALLEY_TRY_STATUS(add(epoll_, pidfd, token, EPOLLIN));
  exits_[token] = pidfd;
  return ok();
}

void EventLoop::unwatch_exit(int pidfd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pidfd, nullptr);
  std::erase_if(exits_, [&](const auto& entry) { return entry.second == pidfd; });
}

Status EventLoop::watch_write(const std::filesystem::path& file, Token token) {
  const int watch = ::inotify_add_watch(inotify_.get(), file.c_str(), IN_MODIFY | IN_ONESHOT);
  if (watch < 0) return system_error("cannot watch " + file.string(), errno);
  writes_[watch] = token;
  return ok();
}

EventLoop::Events EventLoop::wait(Instant until) {
  const auto left = std::chrono::ceil<Millis>(until - std::chrono::steady_clock::now()).count();
  const auto timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, kLongestWaitMs));
  std::array<epoll_event, 64> ready{};
  const int count =
      ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), timeout);
  Events events;
  for (int i = 0; i < count; ++i) {
    const Token token = ready[static_cast<std::size_t>(i)].data.u64;
    if (token == kInotifyToken) {
      read_writes(events.written);
    } else if (token == kMailboxToken) {
      auto tasks = mailbox_->take();
      events.closed = !tasks;
      if (tasks) events.tasks = *std::move(tasks);
    } else if (const auto found = exits_.find(token); found != exits_.end()) {
      unwatch_exit(found->second);
      events.ended.push_back(token);
    }
  }
  return events;
}

void EventLoop::read_writes(std::vector<Token>& written) {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        // Whose events were dropped is unknown; a look too many is harmless.
        for (const auto& [watch, token] : writes_) written.push_back(token);
        writes_.clear();
      } else if (const auto found = writes_.find(event.wd); found != writes_.end()) {
        written.push_back(found->second);
        writes_.erase(found);
      }
    }
  }
}

}  // namespace galley::agent
