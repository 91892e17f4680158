#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "transaction.h"

namespace galley::http {

/// The threads on which handlers may block, and the bounded queue before them.
class Pool {
 public:
  Pool(std::size_t threads, std::size_t queue);
  ~Pool() { stop(); }

  /// False when `queue` requests wait already. Thread-safe.
  bool submit(std::shared_ptr<Transaction> transaction);
  std::size_t queued() const;
  /// Drops what waits, then waits for the handlers that run. Not from a handler.
  void stop();

 private:
  void work();

  const std::size_t capacity_;
  mutable std::mutex mutex_;  // guards all but threads_
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Transaction>> queue_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace galley::http
