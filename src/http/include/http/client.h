#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace galley::http {

struct ClientOptions {
  /// "http://127.0.0.1:7420", "https://host:port", or "unix:/path/to/galley.sock".
  std::string server;
  std::string bearer_token;  // sent as Authorization when not empty
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds timeout{30'000};  // of one answer; for streams: between two pieces
  int retries = 2;  // of idempotent requests (GET, HEAD, PUT, DELETE) when the connection fails
  std::size_t max_body_bytes = 64 << 20;
  bool verify_tls = true;
  std::string ca_file;  // extra trust anchor; empty = the system's
  /// SHA-256 (hexadecimal) of the one certificate to be trusted, whatever its names and signer.
  std::string pinned_sha256;
  /// A descriptor that ends what the client waits for as soon as it is readable: the call answers
  /// unavailable. It must outlive the client; -1 = none.
  int interrupt_fd = -1;
};

/// One connection, kept alive and reopened when it breaks. Blocking; one thread at a time.
/// Errors: unavailable (nobody listens, connection broken), timeout, too_large, corrupt (not HTTP),
/// forbidden (somebody else's local socket), unauthenticated (a certificate that is not trusted),
/// invalid_argument (of open: not an address; of a call: not a request target, a line break).
/// An answer of any status is a Response, not an Error; `expect_ok` turns problems into Errors.
class Client {
 public:
  static Result<std::unique_ptr<Client>> open(ClientOptions options);
  ~Client();

  struct Call {
    std::string method = "GET";
    std::string target = "/";
    Headers headers{};
    std::string body{};
  };
  Result<Response> send(Call call);

  /// Streams a body to `piece` as it arrives; piece returns false to stop early (the connection is
  /// then closed). An answer with status >= 400 is collected and returned with its body instead.
  Result<Response> stream(Call call, const std::function<bool(std::string_view)>& piece);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The answer itself below 400; else the Error that its problem+json carries.
Result<Response> expect_ok(Result<Response> answer);

/// Cuts a server-sent event stream into events as bytes arrive, whatever the piece boundaries.
class EventParser {
 public:
  struct Event {
    std::string id;  // the last one that the stream named, this event's or an earlier one's
    std::string name = "message";
    std::string data;
  };
  /// Calls `each` for every event completed by these bytes. Errors: too_large past 1 MiB an event.
  Status feed(std::string_view bytes, const std::function<void(const Event&)>& each);

 private:
  void take_line(const std::function<void(const Event&)>& each);

  std::string line_;  // what has arrived of the current line
  Event event_;       // what has arrived of the current event
  bool has_data_ = false;
  bool after_cr_ = false;
  bool first_line_ = true;
};

}  // namespace galley::http
