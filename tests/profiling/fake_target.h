#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace galley::profiling::testing {

/// One answer of a server that does as a test tells it, right or wrong.
class FakeAnswer {
 public:
  explicit FakeAnswer(int fd) : fd_(fd) {}
  void json(const Json& body, int status = 200);
  /// Begins a stream of events, which end with the connection.
  void begin_stream();
  void event(std::string_view data);
  /// An event with a piece of a completion's text.
  void piece(std::string_view text);
  void finish(std::string_view reason, int prompt_tokens, int output_tokens);
  /// Sends nothing more until the client goes away.
  void stall() const;

 private:
  void send(std::string_view bytes) const;
  int fd_;
};

/// A server on a port of its own that answers POSTs by a function and GET /v1/models by itself. A
/// connection an answer. Threads of its own, ended with it.
class FakeTarget {
 public:
  using Handler =
      std::function<void(const std::string& path, const Json& body, FakeAnswer& answer)>;
  explicit FakeTarget(Handler handler, Json models = {});
  ~FakeTarget();

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Requests of this path so far.
  int count(const std::string& path) const;

 private:
  void accept_all();
  void serve(int fd);

  Handler handler_;
  Json models_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;  // guards the three below
  std::vector<std::thread> threads_;
  std::vector<int> open_;
  std::map<std::string, int> counts_;
  std::thread acceptor_;
};

}  // namespace galley::profiling::testing
