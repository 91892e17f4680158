#pragma once

#include <memory>
#include <string_view>

namespace galley::http {

enum class ReadEnd { open, closed, broken };  // closed: the peer sends no more

/// What a transport tells its connection; called on the I/O thread, never from inside a call of
/// the transport.
class TransportEvents {
 public:
  virtual ~TransportEvents() = default;
  virtual void on_open(bool usable) = 0;  // the TLS handshake is over
  virtual void on_read(std::size_t bytes, ReadEnd end) = 0;
  virtual void on_written(std::size_t bytes, bool broken) = 0;
};

/// A byte stream to one peer. I/O thread only. Each started operation keeps its owner alive until
/// it has been told the outcome.
class Transport {
 public:
  using Owner = std::shared_ptr<TransportEvents>;

  virtual ~Transport() = default;
  /// True when it is open at once; else on_open follows.
  virtual bool open(Owner owner) = 0;
  /// One read at a time; `data` must stay valid until on_read.
  virtual void start_read(Owner owner, char* data, std::size_t capacity) = 0;
  /// Gives the socket what it takes without waiting, the second piece after the first. 0 when it
  /// takes nothing now or is broken, which start_write then tells.
  virtual std::size_t write_now(std::string_view first, std::string_view second) = 0;
  /// One write at a time; both pieces must stay valid until on_written.
  virtual void start_write(Owner owner, std::string_view first, std::string_view second) = 0;
  /// Tells the peer that nothing more will come; reading goes on.
  virtual void end_sending(Owner owner) = 0;
  virtual void close() = 0;
};

}  // namespace galley::http
