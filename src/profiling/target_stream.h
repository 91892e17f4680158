#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::profiling {

/// What a server streams as the answer to one completion or chat, put together and counted.
///
/// A server's own count is checked against what came: a piece of text is at least one token, and a
/// token is, special ones aside, at least one byte of text.
class StreamedAnswer {
 public:
  /// Takes the data of one server-sent event. Returns whether it brought text.
  /// Errors: corrupt (no JSON, or not of this API), or the error that the server streams.
  Result<bool> take(std::string_view data);

  const std::string& text() const { return text_; }
  /// "stop", "length", …, as the server says it; empty until it does.
  const std::string& finish_reason() const { return finish_reason_; }
  /// The stop sequence was named, so that its end is known to be no end of text.
  bool names_stop() const { return names_stop_; }
  /// The server said that this is all.
  bool complete() const { return done_ || !finish_reason_.empty(); }
  std::uint32_t pieces() const { return pieces_; }

  struct Usage {
    std::uint32_t prompt_tokens = 0;
    std::uint32_t output_tokens = 0;
  };
  const std::optional<Usage>& usage() const { return usage_; }

  /// Tokens that were written, as far as can be believed: the server's count, or that of the pieces
  /// where there is none or it cannot be true.
  std::uint32_t output_tokens(std::uint32_t max_tokens) const;
  /// The server's count cannot be true: fewer than the pieces that came, more than was asked for,
  /// or more than the bytes of the text.
  bool count_is_wrong(std::uint32_t max_tokens) const;

 private:
  std::string text_;
  std::string finish_reason_;
  bool names_stop_ = false;
  bool done_ = false;
  std::uint32_t pieces_ = 0;
  std::optional<Usage> usage_;
};

}  // namespace galley::profiling
