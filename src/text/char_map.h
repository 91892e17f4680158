#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::text {

/// SentencePiece's compiled normalisation ("precompiled_charsmap"): a double array that finds the
/// longest prefix of the text to replace, and the replacements. Its form is that of darts-clone: a
/// u32 with the array's bytes, the array of u32, then strings that end in NUL. Immutable,
/// thread-safe.
class CharMap {
 public:
  CharMap() = default;
  /// Errors: invalid_argument, when the sizes contradict each other. Places that point out of the
  /// array or past the strings end a search.
  static Result<CharMap> parse(std::string_view bytes);

  bool empty() const { return units_.empty(); }
  /// Replaces `out` by the normalised text. Linear in the text for a given map.
  void apply(std::string_view text, std::string& out) const;

 private:
  struct Found {
    std::size_t size = 0;
    std::string_view replacement{};
  };
  Found longest(std::string_view text) const;

  std::vector<std::uint32_t> units_;
  std::string strings_;
};

}  // namespace galley::text
