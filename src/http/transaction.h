#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "http/server.h"
#include "hub.h"

namespace galley::http {

class Connection;
class StreamCore;
struct Route;

/// One request and its answer. The connection fills the request, one thread answers (the first to
/// `claim`), and the hub carries the object back to the I/O thread.
struct Transaction {
  Request request;
  const Route* route = nullptr;  // null while unknown and for paths that are not served
  Instant started{};             // when its head was complete
  bool keep_alive = true;
  bool http10 = false;
  bool head_only = false;  // a HEAD request: the answer has no body

  std::size_t stream_buffer_bytes = 0;
  std::shared_ptr<Hub> hub;
  std::weak_ptr<Connection> connection;

  Response response;                   // written by who claimed, then read by the I/O thread
  std::shared_ptr<StreamCore> stream;  // set when the body comes piece by piece

  bool claim() { return !claimed_.exchange(true); }
  bool claimed() const { return claimed_.load(); }

  /// The peer has gone: tells whoever asked, now or later, unless it is answered.
  void hang_up();
  void on_hang_up(std::function<void()> callback);

 private:
  std::atomic<bool> claimed_{false};
  std::mutex hang_up_mutex_;  // guards both below
  bool hung_up_ = false;
  std::function<void()> on_hang_up_;
};

/// Answers, unless somebody did already. Any thread.
void answer(const std::shared_ptr<Transaction>& transaction, Response response);

/// What an exception or a dropped responder turns into: says nothing of the inside.
Response internal_problem(const Request& request);

/// The answer of the route's plain handler, or 500 when it throws (logged with the request id).
Response call_handler(const Transaction& transaction);

/// Runs a deferred handler; 500 when it throws before it has answered.
void call_deferred(const std::shared_ptr<Transaction>& transaction);

/// What a pool thread does: runs whichever handler the route has.
void run_on_pool(const std::shared_ptr<Transaction>& transaction);

}  // namespace galley::http
