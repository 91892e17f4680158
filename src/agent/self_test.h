#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "protocol/samples.h"

namespace galley::agent {

/// Tests GPUs before they may work again, one after the other: a program of the site's choice, with
/// that GPU as the only one it sees, must end with code 0 in time. Without a program the looks that
/// came before must do. Thread-safe. Destroying it kills the program.
class SelfTests {
 public:
  struct Options {
    std::vector<std::string> program;  // empty: none
    Millis limit{300'000};
  };
  /// Errors: system errors.
  static Result<std::unique_ptr<SelfTests>> start(Options options);
  ~SelfTests();

  /// A test that is asked for again while it waits or runs is run once.
  void ask(const protocol::SelfTestRequest& request);
  /// Ends since the last call.
  std::vector<protocol::SelfTestResult> take_results();

 private:
  explicit SelfTests(Options options) : options_(std::move(options)) {}
  void serve();
  protocol::SelfTestResult run(const std::string& uuid) const;

  const Options options_;
  UniqueFd cancel_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  std::vector<protocol::SelfTestResult> results_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace galley::agent
