#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace galley::agent {

/// Work for the loop's thread, from any thread. Outlives the loop where somebody still holds a
/// callback: what is posted after close() is dropped. Thread-safe.
class Mailbox {
 public:
  using Task = std::function<void()>;
  explicit Mailbox(UniqueFd event) : event_(std::move(event)) {}

  void post(Task task);
  /// Drops what was not taken and all that comes later; wakes the loop.
  void close();
  /// Nothing once the mailbox is closed. Only for the loop.
  std::optional<std::vector<Task>> take();
  int fd() const { return event_.get(); }

 private:
  const UniqueFd event_;  // readable while there is something to take
  std::mutex mutex_;      // guards what follows
  std::vector<Task> tasks_;
  bool closed_ = false;
};

/// Waits at once for processes to end, files to grow, tasks and a time. One thread; only the
/// mailbox may be used by others. Waiting costs nothing while nothing happens.
class EventLoop {
 public:
  /// Names what is waited for; given by the owner, over 0.
  using Token = std::uint64_t;

  static Result<std::unique_ptr<EventLoop>> open();

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

  /// Reports the token once when the pidfd becomes readable, then forgets the descriptor.
  Status watch_exit(int pidfd, Token token);
  void unwatch_exit(int pidfd);
  /// Reports the token once when the file is next written to. Arm it before reading to the end, so
  /// that nothing is missed; a file that grows without pause then costs no more than its reader
  /// wants. Errors: exhausted (the user's inotify watches), those of the file.
  Status watch_write(const std::filesystem::path& file, Token token);

  struct Events {
    std::vector<Token> ended;
    std::vector<Token> written;
    std::vector<Mailbox::Task> tasks;
    bool closed = false;  // the mailbox was closed; nothing else counts any more
  };
  /// Returns when something has happened or the time has come.
  Events wait(Instant until);

 private:
  EventLoop() = default;
  void read_writes(std::vector<Token>& written);

  UniqueFd epoll_;
  UniqueFd inotify_;
  std::shared_ptr<Mailbox> mailbox_;
  std::map<Token, int> exits_;   // pidfd by token
  std::map<int, Token> writes_;  // token by watch
};

}  // namespace galley::agent
