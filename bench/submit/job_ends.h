#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"

namespace galley::bench {

/// Watches the event stream of a server on a thread of its own and notes when the end of each job
/// arrived. Thread-safe.
class JobEnds {
 public:
  /// Returns once the stream is open. Errors: the connection's; timeout.
  static Result<std::unique_ptr<JobEnds>> watch(const std::string& url, const std::string& token);
  ~JobEnds();

  struct End {
    std::chrono::steady_clock::time_point at;
    std::string state;
  };
  /// Waits for the end of that job. Errors: timeout; unavailable (the stream broke: why).
  Result<End> wait(const std::string& job, Millis timeout);

 private:
  JobEnds() = default;
  void read(const std::string& url, const std::string& token);
  void take(const http::EventParser::Event& event);

  std::mutex mutex_;  // guards ends_, open_ and error_
  std::condition_variable changed_;
  std::map<std::string, End, std::less<>> ends_;
  bool open_ = false;
  std::string error_;
  std::atomic<bool> closing_ = false;
  std::jthread thread_;
};

}  // namespace galley::bench
