#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace galley::api {

/// One thread for predictions too large for the I/O thread. Bounded.
class Worker {
 public:
  Worker();
  /// What waits is dropped: responders that go unused answer for themselves.
  ~Worker();
  /// False when kMaxQueued tasks wait already.
  bool submit(std::function<void()> task);

  static constexpr std::size_t kMaxQueued = 256;

 private:
  void serve(const std::stop_token& stop);

  std::mutex mutex_;  // guards tasks_
  std::condition_variable_any arrived_;
  std::deque<std::function<void()>> tasks_;
  std::jthread thread_;  // last, so that all above exists when it starts
};

}  // namespace galley::api
