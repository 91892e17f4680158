#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "http/client.h"
#include "http/server.h"
#include "wire.h"

namespace galley::http::testing {

using namespace std::chrono_literals;

/// Something that one thread waits for and another brings about, at most ten seconds later.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [this] { return open_; });
  }

 private:
  std::mutex mutex_;  // guards open_
  std::condition_variable changed_;
  bool open_ = false;
};

/// Starts on a free port of loopback; a test adds routes first.
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    options.listen = {"127.0.0.1:0"};
    options.pool_threads = 2;
  }

  void start() {
    auto started = Server::start(options, std::move(router));
    ASSERT_TRUE(started) << started.error().message;
    server = *std::move(started);
    if (!server->addresses().empty()) address = server->addresses().front();
  }

  Wire wire() const { return Wire::to(address); }
  std::unique_ptr<Client> client() const {
    auto opened = Client::open({.server = "http://" + address, .timeout = 10s});
    EXPECT_TRUE(opened);
    return *std::move(opened);
  }
  /// Sends the bytes on a fresh connection and reads one answer.
  std::string ask(std::string_view bytes) const {
    auto connection = wire();
    connection.send(bytes);
    return connection.read_answer();
  }

  ServerOptions options;
  Router router;
  std::unique_ptr<Server> server;
  std::string address;
};

/// Waits until the condition holds, looking again and again; for counters that have no signal.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

inline std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

}  // namespace galley::http::testing
