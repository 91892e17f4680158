#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "base/file.h"

namespace galley::testing {

/// Stands between a client and a PostgreSQL on loopback, and can break a connection at the moment
/// that matters. Serves several connections, all on one thread.
class CutProxy {
 public:
  explicit CutProxy(int server_port);
  ~CutProxy();

  std::string url(const std::string& database) const;

  /// The next question of any connection reaches the server, and the answer does not come back.
  void cut_next_answer() { armed_ = Cut::answer; }
  /// The next question does not reach the server.
  void cut_next_question() { armed_ = Cut::question; }

 private:
  enum class Cut { none, question, answer };
  struct Pair;
  void serve();
  bool forward(Pair& pair, bool from_client);

  const int server_port_;
  UniqueFd listening_;
  UniqueFd wake_;
  int port_ = 0;
  std::atomic<Cut> armed_ = Cut::none;
  std::jthread thread_;
};

}  // namespace galley::testing
