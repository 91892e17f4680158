#pragma once

#include <string_view>

#include "byte_trie.h"
#include "text/tokenizer.h"
#include "vocabulary.h"

namespace galley::text {

/// The tokens that are looked for in raw text, before any model sees it: user-defined ones always,
/// control and unknown ones only on demand. Immutable, thread-safe.
class AddedTokens {
 public:
  explicit AddedTokens(const Vocabulary& vocabulary);

  /// A token in a text, with the white space beside it that it swallows.
  struct Found {
    std::size_t begin = std::string_view::npos;
    std::size_t end = std::string_view::npos;
    TokenId token = StringTable::kNone;
  };
  /// The leftmost at or after `from`, the longest of those that begin there; `token` is kNone where
  /// there is none. O(length of the longest token) per byte passed.
  Found next(std::string_view text, std::size_t from, bool special) const;

 private:
  const Vocabulary& vocabulary_;
  ByteTrie user_;
  ByteTrie all_;
};

}  // namespace galley::text
