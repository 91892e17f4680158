#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "leader_client.h"

namespace galley::testing {

/// Asks the leader, and insists where one try is not enough. One thread.
class LeaderClient : public support::LeaderClient {
 public:
  LeaderClient(std::vector<std::string> urls, std::string token)
      : support::LeaderClient({.urls = std::move(urls), .token = std::move(token)}) {}
  /// Again and again for 30 seconds, so what is asked must be repeatable.
  Result<Json> insist(const http::Client::Call& call);
  Result<Json> get(const std::string& target) { return insist({.target = target}); }
};

http::Client::Call post_call(const std::string& target, const Json& body);

/// Submits a small job every 50 ms, each until it is accepted, and keeps account. Thread-safe.
class SubmitLoad {
 public:
  struct Account {
    std::vector<std::string> jobs;  // accepted
    std::vector<Millis> pauses{};   // from an accepted submit to the next that was refused first
    std::vector<std::string> refusals{};  // the first words of each of those
    Millis longest{};                     // between two accepted submits, refused or not
  };
  SubmitLoad(std::vector<std::string> urls, std::string token);
  ~SubmitLoad();

  /// Waits until so many more have been accepted. False after 30 seconds.
  bool wait_for_more(std::size_t count);
  Account account() const;

 private:
  void run(const std::stop_token& stop);

  LeaderClient client_;
  mutable std::mutex mutex_;  // guards account_
  Account account_;
  std::jthread thread_;
};

}  // namespace galley::testing
