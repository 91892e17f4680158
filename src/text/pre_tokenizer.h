#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "split_stages.h"

namespace galley::text {

/// A regular expression as tokenizer.json files spell it, and our own code for it.
struct Expression {
  Stage match;
  std::string_view regex;
  bool matches_all = false;  // no text lies between its matches
};

/// Cuts text into the pieces within which a byte-level BPE merges. A list of expressions: each cuts
/// the pieces of the one before into its matches and what lies between them.
class PreTokenizer {
 public:
  /// By GGUF's name (tokenizer.ggml.pre). Errors: unsupported, with the nearest known name.
  static Result<PreTokenizer> find(std::string_view name);
  /// The name of a list of regular expressions, spelt as in Expression; nothing where we have no
  /// code for it.
  static std::optional<std::string_view> name_of(std::span<const std::string> regexes);
  /// True for an expression that cuts all of a text into matches.
  static bool matches_all(std::string_view regex);

  /// Appends the end of every piece of the text, which must be well-formed UTF-8. Thread-safe;
  /// linear in the text.
  void split(std::string_view text, std::vector<std::size_t>& ends) const;

  std::span<const Expression> expressions() const { return expressions_; }

 private:
  explicit PreTokenizer(std::span<const Expression> expressions) : expressions_(expressions) {}
  std::span<const Expression> expressions_;
};

// What the parts of a tokenizer.json that are no expressions amount to.
inline constexpr std::string_view kByteLevelRegex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kDigitRegex = R"(\p{N})";
inline constexpr std::string_view kDigitsRegex = R"(\p{N}+)";
inline constexpr std::string_view kPunctuationRegex = R"([\p{P}\$\+<=>\^~\|`]+)";

}  // namespace galley::text
