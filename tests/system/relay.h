#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace galley::testing {

/// Stands between agents and a controller at one address that stays, whatever port the controller
/// has after a restart. Can lose answers: the request arrives, and its answer never does.
/// Thread-safe. One thread.
class Relay {
 public:
  Relay();
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// "http://127.0.0.1:PORT", the same for good.
  const std::string& url() const { return url_; }
  /// Where connections go from now on ("http://127.0.0.1:PORT"); empty: nobody is reached.
  void lead_to(const std::string& url);
  /// Breaks all connections that exist.
  void cut();
  /// The next `count` answers to requests for this path are lost, with their connections.
  void lose_answers(const std::string& path, int count);
  int lost_answers() const { return lost_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string url_;
  std::atomic<int> lost_ = 0;
  std::thread thread_;
};

}  // namespace galley::testing
