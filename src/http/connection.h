#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "read_buffer.h"
#include "request_parser.h"
#include "site.h"
#include "transaction.h"
#include "transport.h"

namespace galley::http {

/// One peer: its requests are read, answered and written one after the other, so pipelined ones
/// are answered in order. I/O thread only. Knows no sockets (see Transport).
class Connection final : public TransportEvents, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Site& site, std::unique_ptr<Transport> transport, Peer peer);

  void start();
  void on_open(bool usable) override;
  void on_read(std::size_t bytes, ReadEnd end) override;
  void on_written(std::size_t bytes, bool broken) override;

  void answered(const std::shared_ptr<Transaction>& transaction);
  void stream_changed(const std::shared_ptr<StreamCore>& stream);
  /// Acts on a deadline that has passed. One sweep over all connections calls it, which is cheaper
  /// than a timer that is set anew for every request.
  void check_deadline(Instant now);
  /// Closes when idle; else the current answer will be the last. Streams are told to end.
  void begin_drain();
  void close();
  /// False when it is closed or only waits for its peer to hang up.
  bool busy() const { return stage_ != Stage::lingering && stage_ != Stage::closed; }
  bool closed() const { return stage_ == Stage::closed; }

 private:
  enum class Stage {
    opening,     // TLS handshake
    receiving,   // reading a head or a body
    swallowing,  // answered already; reading past the rest of a short body
    waiting,     // a handler has the request
    streaming,   // a handler sends the body piece by piece
    ending,      // closes when all is written
    lingering,   // told the peer so; reads on, lest the kernel destroys the answer with a reset
    closed
  };
  enum class Timer { none, first, idle, header, body, write, linger };

  // connection.cpp: the state machine, bytes in and out, deadlines.
  void advance();
  bool parse_some();
  void flush();
  std::string_view large_body() const { return shared_body_ ? *shared_body_ : body_; }
  bool has_output() const { return !out_.empty() || !large_body().empty(); }
  void settle();
  void read_more();
  void set_timer();
  Timer timer_for_stage() const;
  void begin_linger();
  void next_request();

  // connection_requests.cpp: what a request means and how it is answered.
  void judge_head();
  std::optional<Response> refusal_of_head();
  std::optional<Response> find_route();
  void answer_early(Response response);
  void refuse(int status, const Error& error);
  void dispatch();
  bool send_answer(Response response);
  void start_stream();
  bool pump_stream();
  void end_stream();
  void after_answer(bool keep);
  void observe(int status) const;

  Site& site_;
  std::unique_ptr<Transport> transport_;
  const Peer peer_;
  RequestParser parser_;
  std::shared_ptr<Transaction> current_;

  Stage stage_ = Stage::opening;
  Timer timer_ = Timer::none;
  Instant deadline_{};
  Instant now_{};
  bool reading_ = false;
  bool writing_ = false;
  bool peer_done_ = false;       // the peer will send no more
  bool body_next_ = false;       // the head was judged and a body follows
  bool answer_ready_ = false;    // the handler is done; the answer waits for the socket
  bool stream_keep_ = false;     // the connection outlives the current stream
  bool stream_sending_ = false;  // bytes of the stream are on their way
  std::uint64_t linger_bytes_ = 0;

  ReadBuffer in_;
  std::string out_;   // heads, small bodies, chunks
  std::string body_;  // one large body, sent after out_ without a copy
  std::shared_ptr<const std::string> shared_body_;  // likewise, instead of body_
  std::size_t sent_ = 0;  // bytes of out_ and then body_ that the socket has taken
};

}  // namespace galley::http
