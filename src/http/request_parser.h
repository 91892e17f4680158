#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace galley::http {

/// Turns the bytes of a connection into requests, one after the other. It knows no sockets, so
/// tests and the fuzzer feed it directly. One thread at a time.
class RequestParser {
 public:
  enum class Event {
    need_more,  // all that can be understood now has been consumed
    header,     // the head is complete; call limit_body or discard_body, then go on
    complete,   // the request is complete; call start for the next
    failed      // see failure(); the connection cannot be used further
  };
  /// Why the bytes are refused: `status` says more than the error's code can.
  struct Failure {
    int status = 400;
    Error error;
  };

  explicit RequestParser(std::size_t header_bytes);
  ~RequestParser();

  /// Begins a message whose fields and body go into `request`, which must outlive its parsing.
  void start(Request& request);
  /// Consumes what it can from the front of `bytes`. Bytes that were not consumed must be presented
  /// again, followed by more.
  Event feed(std::string_view bytes, std::size_t& consumed);

  /// Body bytes past this fail with 413. Valid after `header`.
  void limit_body(std::size_t bytes);
  /// Reads past the body without keeping it.
  void discard_body();

  /// True once a byte of the current message has been consumed.
  bool in_message() const;
  // The rest is valid after `header`.
  bool has_body() const;
  bool keep_alive() const;
  bool is_http10() const;
  std::optional<std::uint64_t> content_length() const;
  const Failure& failure() const { return failure_; }

 private:
  struct Impl;
  Event fail(int status, Error error);

  std::size_t header_bytes_;
  Failure failure_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::http
