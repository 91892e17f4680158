#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/json.h"
#include "http/server.h"
#include "support/temp_folder.h"

namespace galley::cli::testing {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// What a command left behind.
struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

inline const std::string kJobId = "job_01hzzzzzzzzzzzzzzzzzzzzzzz";
inline const std::string kRunId = "run_01hzzzzzzzzzzzzzzzzzzzzzzz";

/// A record as the server sends it.
Json job_record(const std::string& state, int attempts = 1);

/// A server on a free port of loopback that gives canned answers, and the client in this process,
/// with a home of its own. A test adds routes, then calls galley().
class ClientTest : public ::testing::Test {
 protected:
  ClientTest();
  ~ClientTest() override;

  /// The same answer for every request of that method and path.
  void answer(const std::string& method, const std::string& pattern, const Json& body,
              int status = 200);
  void handle(const std::string& method, const std::string& pattern, http::Handler handler);
  void start();
  /// Runs a command line against the server.
  Outcome galley(std::vector<std::string> words);

  /// Bodies and queries that arrived, "METHOD TARGET BODY", in order.
  std::vector<std::string> requests();

  galley::testing::TempFolder home;
  http::Router router;
  std::string address;

 private:
  void record(const http::Request& request);

  std::unique_ptr<http::Server> server_;
  std::mutex mutex_;  // guards requests_
  std::vector<std::string> requests_;
};

}  // namespace galley::cli::testing
