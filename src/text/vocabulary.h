#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "string_table.h"
#include "text/tokenizer.h"

namespace galley::text {

/// U+2581, which stands for a space in SentencePiece's tokens and starts a word in our WordPiece.
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

/// The tokens of a tokenizer, by text and by what they stand for. Holds views of its own strings,
/// so it is neither copied nor moved. Immutable, thread-safe.
class Vocabulary {
 public:
  /// Errors: invalid_argument for no tokens, for ids past their number, for add_bos without bos.
  static Result<std::unique_ptr<const Vocabulary>> make(TokenizerSpec spec);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  const TokenizerSpec& spec() const { return spec_; }
  std::size_t size() const { return spec_.tokens.size(); }
  const Token& token(TokenId id) const { return spec_.tokens[static_cast<std::size_t>(id)]; }
  bool holds(TokenId id) const { return id >= 0 && static_cast<std::size_t>(id) < size(); }

  /// As spelt in the vocabulary, of any type; StringTable::kNone where there is none.
  TokenId find(std::string_view text) const { return by_text_.find(text); }
  /// Among the tokens that ordinary text is made of (normal and unused ones): by the bytes they
  /// stand for with byte_bpe, as spelt with the others.
  TokenId find_piece(std::string_view piece) const { return pieces_.find(piece); }
  const StringTable& pieces() const { return pieces_; }
  /// The token that stands for this byte alone, or kNone.
  TokenId byte_token(unsigned char byte) const { return byte_tokens_[byte]; }

  /// What the token adds to running text, special or not.
  std::string_view bytes_of(TokenId id) const { return bytes_[static_cast<std::size_t>(id)]; }
  bool is_special(TokenId id) const {
    return token(id).type == TokenType::control || token(id).type == TokenType::unknown;
  }

 private:
  explicit Vocabulary(TokenizerSpec spec);
  std::string bytes_of_token(const Token& token) const;

  TokenizerSpec spec_;
  std::vector<std::string> bytes_;
  StringTable by_text_;
  StringTable pieces_;
  std::array<TokenId, 256> byte_tokens_{};
};

}  // namespace galley::text
