#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace galley::training {

/// Cuts a stream of tokens into windows of one length and deals them out in random order, pass
/// after pass. Every pass begins its cuts at another place, so that no token always stands at the
/// same position of its window. Not thread-safe.
class TokenWindows {
 public:
  /// Views `stream`, which must be longer than 2 * length.
  TokenWindows(std::span<const text::TokenId> stream, std::size_t length, std::uint64_t seed);

  /// length + 1 tokens: each but the last is an input, each but the first what should follow.
  std::span<const text::TokenId> next();
  /// Goes to where `dealt` windows have been taken since the beginning.
  void seek(std::uint64_t dealt);
  std::uint64_t dealt() const { return dealt_; }
  std::size_t windows_per_pass() const { return per_pass_; }

 private:
  void shuffle(std::uint64_t pass);

  std::span<const text::TokenId> stream_;
  std::size_t length_;
  std::uint64_t seed_;
  std::size_t per_pass_;
  std::uint64_t dealt_ = 0;
  std::size_t shift_ = 0;
  std::vector<std::uint32_t> order_;
};

}  // namespace galley::training
