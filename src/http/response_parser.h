#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "http/message.h"

namespace galley::http {

/// Takes the pieces of a body; false stops.
using BodyPiece = std::function<bool(std::string_view)>;

/// Turns the bytes of a connection into one final answer; interim ones (1xx) are passed over.
class ResponseParser {
 public:
  struct Options {
    std::size_t max_body_bytes = 0;  // of a collected body
    bool head_request = false;       // the answer has no body whatever its fields say
    BodyPiece piece{};               // gets the body of an answer below 400; null = collect it
  };
  explicit ResponseParser(Options options);
  ~ResponseParser();

  /// Consumes what it can; bytes that were not consumed must be presented again with more behind.
  /// True when the answer is complete. Errors: corrupt (not HTTP), too_large.
  Result<bool> feed(std::string_view bytes, std::size_t& consumed);
  /// The peer has closed. True when that ends the answer properly. Errors: unavailable.
  Result<bool> end_of_input();

  /// The piece function asked to stop; the connection cannot be used further.
  bool stopped() const;
  /// The connection may be used further. Valid once complete.
  bool keep_alive() const;
  bool any_byte() const;
  Response& response() { return response_; }

 private:
  struct Impl;
  Options options_;
  Response response_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::http
