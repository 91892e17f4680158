#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace galley::agent {

/// One thread for work that takes its time, in the order in which it came. Destroying it waits for
/// the work under way and drops the rest. Thread-safe.
class SlowWorker {
 public:
  using Task = std::function<void()>;
  SlowWorker();
  ~SlowWorker();
  SlowWorker(const SlowWorker&) = delete;
  SlowWorker& operator=(const SlowWorker&) = delete;

  void run(Task task);

 private:
  void work();

  std::mutex mutex_;  // guards tasks_ and stopping_
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace galley::agent
