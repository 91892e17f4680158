#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "alerts/alerts.h"
#include "base/file.h"

namespace galley::alerts {

/// "http://127.0.0.1:9000/hook?x=1" as an http::Client takes it.
struct WebhookAddress {
  std::string server;
  std::string target;
};
/// Errors: invalid_argument naming `webhook`.
Result<WebhookAddress> parse_webhook(const std::string& address);

/// Tells people, on a thread of its own. Thread-safe.
class Delivery {
 public:
  static Result<std::unique_ptr<Delivery>> start(Alerts::Options options);
  ~Delivery() { stop(); }
  void stop();

  struct Message {
    std::string rule;
    std::string webhook;
    std::vector<std::string> command;
    std::string body;  // JSON
  };
  /// Does not block.
  void send(Message message);

 private:
  struct Waiting {
    Message message;
    int tries = 0;
    Instant due{};
  };
  explicit Delivery(Alerts::Options options) : options_(options) {}
  void serve();
  void enqueue_locked(Waiting waiting);
  /// Whether it is done with, one way or the other.
  bool deliver(const Waiting& waiting);
  Status post(const Message& message);
  Status run(const Message& message);

  const Alerts::Options options_;
  UniqueFd stop_fd_;  // readable once we stop
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace galley::alerts
