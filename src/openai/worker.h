#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace galley::openai {

/// A thread for what the engine's thread must not do itself. What waits at the end is dropped.
class Worker {
 public:
  Worker();
  ~Worker();
  /// From any thread; never blocks.
  void submit(std::function<void()> work);

 private:
  void run(const std::stop_token& stop);

  std::mutex mutex_;  // guards waiting_
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> waiting_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace galley::openai
