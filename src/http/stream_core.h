#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "http/server.h"
#include "hub.h"

namespace galley::http {

class Connection;

/// The queue between whoever writes a streamed body and the connection that sends it. Thread-safe;
/// callbacks are called without its lock.
class StreamCore : public std::enable_shared_from_this<StreamCore> {
 public:
  StreamCore(std::shared_ptr<Hub> hub, std::weak_ptr<Connection> connection,
             std::size_t limit_bytes);

  // For the writer.
  Stream::Push write(std::string_view bytes);
  void finish();
  void abandon();  // the last Stream is gone
  void on_close(std::function<void()> callback);
  void on_drain(std::function<void()> callback);
  bool closed() const;

  // For the connection, on the I/O thread.
  const std::weak_ptr<Connection>& connection() const { return connection_; }
  struct Taken {
    std::string bytes;
    bool finished = false;
    bool abandoned = false;
  };
  /// All that waits; it counts against the limit until `settle(true)`.
  Taken take();
  /// Makes the callbacks that are due: on_drain when nothing waits, and on_close for an owner who
  /// asked for it after the end. `was_sent`: the socket took all that had been taken.
  void settle(bool was_sent);
  /// No reader any more, or a server that stops: writes are refused and on_close is called.
  void reader_gone();

 private:
  void schedule();

  const std::shared_ptr<Hub> hub_;
  const std::weak_ptr<Connection> connection_;
  const std::size_t limit_bytes_;

  mutable std::mutex mutex_;  // guards all below
  std::string queued_;
  std::size_t in_flight_bytes_ = 0;
  bool starved_ = false;  // a write was refused since the queue was last empty
  bool finished_ = false;
  bool abandoned_ = false;
  bool closed_ = false;
  bool scheduled_ = false;
  std::function<void()> on_close_;
  std::function<void()> on_drain_;
};

Stream make_stream(std::shared_ptr<StreamCore> core);

}  // namespace galley::http
