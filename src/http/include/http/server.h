#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace galley::http {

/// Answers one request later, from any thread, once; a Responder that is dropped unused answers
/// 500. Cheap to copy; all copies are one.
class Responder {
 public:
  struct State;
  explicit Responder(std::shared_ptr<State> state);
  void operator()(Response response) const;

 private:
  std::shared_ptr<State> state_;
};

/// The body of an answer that is sent piece by piece (chunked), from any thread.
/// Bounded: at most Limits::stream_buffer_bytes wait for a slow reader.
class Stream {
 public:
  struct State;
  explicit Stream(std::shared_ptr<State> state);

  enum class Push { sent, full, closed };
  /// Queues a piece. full: nothing was queued, the reader is slow; try again after on_drain.
  /// closed: the reader has gone. A piece larger than the whole buffer is taken when nothing waits.
  Push write(std::string_view bytes) const;
  /// One server-sent event; newlines in data become several data lines.
  Push event(std::string_view id, std::string_view name, std::string_view data) const;
  /// Ends the body properly; without it the reader sees a broken transfer.
  void finish() const;
  /// Called once, on the I/O thread, when the reader has gone or the server stops, also when that
  /// was before this call; not after finish. Must not block. In a drain, finish still ends the body
  /// properly. Once the server is destroyed it is called on the thread that asks.
  void on_close(std::function<void()> callback) const;
  /// Called on the I/O thread each time the queue becomes empty, and soon when it already is and a
  /// write was refused before. Must not block.
  void on_drain(std::function<void()> callback) const;
  bool closed() const;

 private:
  std::shared_ptr<State> state_;
};

/// What a handler gets. It must do exactly one of: return a Response from a plain handler, or (in
/// a deferred handler) keep `responder()` or call `stream()`.
class Exchange {
 public:
  struct State;
  explicit Exchange(std::shared_ptr<State> state);
  const Request& request() const;
  Responder responder() const;
  /// Sends the head now and hands over the body. HEAD requests and statuses without a body get a
  /// stream that is closed; so does a request that has been answered already.
  Stream stream(int status, Headers headers) const;
  /// Called at most once when the peer closes its side of the connection while the request is being
  /// handled: nobody waits for costly work any more. On the I/O thread, or at once where that was
  /// before this call. A peer that closed its side together with the request still waits. Must not
  /// block, nor own the exchange. Streams have an on_close of their own.
  void on_hang_up(std::function<void()> callback) const;

 private:
  std::shared_ptr<State> state_;
};

using Handler = std::function<Response(const Request&)>;
using DeferredHandler = std::function<void(Exchange)>;

/// Where a handler runs: on the bounded pool, where it may block, or on the I/O thread, where it
/// must not (health, metrics, enqueueing an inference).
enum class Run { pool, inline_on_io };

/// Patterns are "/api/v1/jobs/{id}"; a last "{name...}" takes the rest of the path, which may be
/// empty. A literal segment wins over a parameter, and a route that takes the method over one that
/// does not. Values are decoded after the path is split, so "%2F" may be part of one. HEAD is
/// served by GET routes. Two handlers of one method and pattern stop the process. Immutable once
/// the server runs.
class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  void add(std::string_view method, std::string_view pattern, Run run, Handler handler);
  void add_deferred(std::string_view method, std::string_view pattern, Run run,
                    DeferredHandler handler);
  /// Runs before every handler on the I/O thread and must not block; returning a Response ends the
  /// request there. Runs before the body is read (Request::body is empty), so that strangers cannot
  /// make the server take one. May set Request::principal. Routes added with `exempt` patterns are
  /// not special: the function sees the matched pattern and decides. Called in the order added.
  using Middleware =
      std::function<std::optional<Response>(Request& request, std::string_view pattern)>;
  void use(Middleware middleware);
  /// Called for every answer sent, on the I/O thread (request metrics), for streams at their end.
  /// `took` counts from the complete head. The pattern is empty for paths that are not served, and
  /// the request may be incomplete where its bytes were refused. Must not block.
  using Observer = std::function<void(const Request&, std::string_view pattern, int status,
                                      std::chrono::nanoseconds took)>;
  void observe(Observer observer);

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct Limits {
  std::size_t header_bytes = 32 << 10;  // 431 past it
  std::size_t body_bytes = 16 << 20;    // 413 past it, before the body is read when announced
  std::size_t connections = 4096;       // further ones are closed at once
  std::size_t queue = 1024;             // waiting for the pool; 503 with Retry-After past it
  std::size_t stream_buffer_bytes = 1 << 20;
  std::chrono::milliseconds header_timeout{10'000};  // a whole header must arrive in it (408)
  std::chrono::milliseconds body_timeout{60'000};    // no byte for so long ends the request
  std::chrono::milliseconds idle_timeout{75'000};    // between requests of one connection
  std::chrono::milliseconds write_timeout{60'000};   // a reader that takes nothing for so long
};

struct TlsFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct ServerOptions {
  std::vector<std::string> listen;    // "127.0.0.1:7420", "[::1]:0", port 0 = any free one
  std::filesystem::path unix_socket;  // mode 0600; empty = none
  std::optional<TlsFiles> tls;        // for the TCP listeners
  std::size_t pool_threads = 8;
  Limits limits;
  /// Larger bodies for some routes, by pattern (uploads); the default limit elsewhere.
  std::map<std::string, std::size_t, std::less<>> body_bytes_of_route;
  /// Bodies of PUT and POST requests to these patterns are kept in files of `spool_folder`, which
  /// start() makes and empties: Request::body_file instead of Request::body.
  std::vector<std::string> spooled_routes{};
  std::filesystem::path spool_folder{};
};

/// HTTP/1.1 server: one I/O thread, a bounded pool, keep-alive, pipelining in order, HEAD, chunked
/// bodies, Expect: 100-continue, server-sent events, graceful drain. An exception that escapes a
/// handler becomes a 500 with the request id. Every answer carries X-Request-Id. Unknown paths
/// answer 404, known ones with another method 405 with Allow, all as problem+json. Thread-safe.
/// Errors of start: conflict (a port or socket in use, naming it), invalid_argument (an address
/// that cannot be read), forbidden.
class Server {
 public:
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Router router);
  /// Closes everything and waits for the handlers that run. Not from a handler.
  ~Server();

  /// The addresses in force, with the real ports, in the order of ServerOptions::listen.
  const std::vector<std::string>& addresses() const;

  /// Stops accepting, closes idle connections, tells streams that they are closed, lets requests in
  /// progress and streams finish for at most `grace`, closes the rest, then returns. Idempotent.
  /// Not from a handler or callback.
  void drain(std::chrono::milliseconds grace);

  struct Load {
    std::size_t connections = 0;
    std::size_t queued = 0;
    std::size_t streams = 0;
  };
  Load load() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::http
