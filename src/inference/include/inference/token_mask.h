#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace galley::inference {

/// A set of tokens of one vocabulary, a bit each.
class TokenMask {
 public:
  explicit TokenMask(std::size_t vocabulary = 0)
      : size_(vocabulary), words_((vocabulary + 63) / 64) {}

  std::size_t vocabulary() const { return size_; }
  bool test(text::TokenId token) const {
    const auto at = static_cast<std::size_t>(token);
    return (words_[at / 64] >> (at % 64) & 1U) != 0;
  }
  void set(text::TokenId token) {
    const auto at = static_cast<std::size_t>(token);
    words_[at / 64] |= std::uint64_t{1} << (at % 64);
  }
  /// Empties the set and fits it to a vocabulary; keeps the memory.
  void reset(std::size_t vocabulary) {
    size_ = vocabulary;
    words_.assign((vocabulary + 63) / 64, 0);
  }
  /// Adds all of a set of the same vocabulary.
  void add(const TokenMask& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  bool empty() const;
  std::size_t count() const;
  /// Token 64 * i + b is bit b of word i; the bits past the vocabulary are 0.
  std::span<const std::uint64_t> words() const { return words_; }

 private:
  std::size_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace galley::inference
