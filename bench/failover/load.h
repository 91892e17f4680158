#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "leader_client.h"

namespace galley::bench {

/// For a bench that waits for the first answer after a fault: short timeouts.
support::LeaderClient leader_client(std::vector<std::string> urls, std::string token);

/// Submits small jobs one after the other, each with a key of its own, until it is accepted.
/// Thread-safe.
class SteadySubmits {
 public:
  struct Accepted {
    std::string job;
    Instant asked;  // when the answer's request was sent
    Instant at;
  };
  SteadySubmits(std::vector<std::string> urls, std::string token, Json job);
  ~SteadySubmits();

  /// The first job whose request was sent and answered after `since`. Errors: timeout.
  Result<Accepted> first_after(Instant since, Millis patience);
  std::vector<std::string> accepted() const;

 private:
  void serve(const std::stop_token& stop);

  support::LeaderClient client_;
  const Json job_;
  mutable std::mutex mutex_;  // guards accepted_
  std::condition_variable changed_;
  std::vector<Accepted> accepted_;
  std::jthread thread_;
};

}  // namespace galley::bench
