#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "store/database.h"

namespace galley::store {

/// A command that waits for the writer.
struct WaitingWrite {
  Database::Command command;
  Database::Done done;
  Instant arrived;
};

/// What waits between the callers and a driver's writer thread, at most kMaxQueued. Thread-safe.
class WriteQueue {
 public:
  /// Calls `done` at once with rate_limited when the queue is full.
  void push(Database::Command command, Database::Done done) {
    bool accepted = false;
    {
      const std::lock_guard lock(mutex_);
      accepted = waiting_.size() < Database::kMaxQueued;
      if (accepted)
        waiting_.push_back({std::move(command), std::move(done), std::chrono::steady_clock::now()});
    }
    if (accepted)
      arrived_.notify_one();
    else
      done(Error{Errc::rate_limited,
                 "the database has " + std::to_string(Database::kMaxQueued) + " writes waiting"});
  }

  /// Waits for commands and moves up to `limit` of them to `group`. False when there are none and
  /// stop() was called: what was accepted is carried out first.
  bool take(std::vector<WaitingWrite>& group, std::size_t limit) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return !waiting_.empty() || stopping_; });
    const auto end =
        waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), limit));
    std::move(waiting_.begin(), end, std::back_inserter(group));
    waiting_.erase(waiting_.begin(), end);
    return !group.empty();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    arrived_.notify_one();
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  mutable std::mutex mutex_;  // guards waiting_ and stopping_
  std::condition_variable arrived_;
  std::deque<WaitingWrite> waiting_;
  bool stopping_ = false;
};

/// The one listener to commits; may be set and called from different threads.
class CommitListener {
 public:
  void set(std::function<void()> listener) {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
  }
  void call() const {
    std::function<void()> listener;
    {
      const std::lock_guard lock(mutex_);
      listener = listener_;
    }
    if (listener) listener();
  }

 private:
  mutable std::mutex mutex_;  // guards listener_
  std::function<void()> listener_;
};

}  // namespace galley::store
