#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/file.h"
#include "http/message.h"
#include "transport.h"

namespace galley::http {

class TlsContext;

/// The one thread that touches sockets: a thin wall in front of Asio, whose headers are slow to
/// compile. Only `post` and `stop` may be called from other threads.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();

  /// Works until `stop`.
  void run();
  void stop();
  void post(std::function<void()> task);
  void every(std::chrono::milliseconds interval, std::function<void()> task);

  using Accept = std::function<void(std::unique_ptr<Transport>, Peer)>;
  enum class Kind { tcp, local };
  /// Accepts on a listening socket; `tls` null = plain.
  void listen(UniqueFd socket, Kind kind, std::shared_ptr<TlsContext> tls, Accept accept);
  void stop_listening();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::http
