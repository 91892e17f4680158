#include "vocabulary.h"

#include <fmt/format.h>

#include <cmath>

#include "byte_alphabet.h"

namespace galley::text {
namespace {

/// The byte of "<0x0A>", or -1.
int byte_of_name(std::string_view name) {
  if (name.size() != 6 || !name.starts_with("<0x") || name[5] != '>') return -1;
  int byte = 0;
  for (const char c : name.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : -1;
    if (digit < 0) return -1;
    byte = byte * 16 + digit;
  }
  return byte;
}

std::string with_spaces(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool mark = text.substr(at).starts_with(kSpaceMark);
    out += mark ? ' ' : text[at];
    at += mark ? kSpaceMark.size() : 1;
  }
  return out;
}

Status check_id(const std::optional<TokenId>& id, std::size_t size, const char* field) {
  if (!id || (*id >= 0 && static_cast<std::size_t>(*id) < size)) return ok();
  return Error{
      Errc::invalid_argument,
      fmt::format("the tokenizer's {} is token {}, but it has {} tokens", field, *id, size), field};
}

/// Longer ones are a mistake or an attack: making merges of a token takes time with the square of
/// its length.
constexpr std::size_t kMaxTokenBytes = 1024;

Status check_tokens(const std::vector<Token>& tokens) {
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].text.size() > kMaxTokenBytes)
      return Error{Errc::invalid_argument,
                   fmt::format("token {} has {} bytes, more than {}", id, tokens[id].text.size(),
                               kMaxTokenBytes),
                   "tokens"};
    if (std::isnan(tokens[id].score))
      return Error{Errc::invalid_argument, fmt::format("the score of token {} is not a number", id),
                   "tokens"};
  }
  return ok();
}

Status check(const TokenizerSpec& spec) {
  const std::size_t size = spec.tokens.size();
  if (size == 0) return Error{Errc::invalid_argument, "the tokenizer has no tokens", "tokens"};
  if (size > INT32_MAX)
    return Error{Errc::invalid_argument, fmt::format("{} tokens are too many", size), "tokens"};
  GALLEY_TRY_STATUS(check_tokens(spec.tokens));
  GALLEY_TRY_STATUS(check_id(spec.bos, size, "bos"));
  GALLEY_TRY_STATUS(check_id(spec.eos, size, "eos"));
  GALLEY_TRY_STATUS(check_id(spec.unknown, size, "unknown"));
  GALLEY_TRY_STATUS(check_id(spec.padding, size, "padding"));
  for (const TokenId id : spec.end_of_turn) GALLEY_TRY_STATUS(check_id(id, size, "end_of_turn"));
  if (spec.add_bos && !spec.bos)
    return Error{Errc::invalid_argument,
                 "the tokenizer begins every text with a token that it does not name", "bos"};
  if (spec.add_eos && !spec.eos)
    return Error{Errc::invalid_argument,
                 "the tokenizer ends every text with a token that it does not name", "eos"};
  return ok();
}

}  // namespace

Result<std::unique_ptr<const Vocabulary>> Vocabulary::make(TokenizerSpec spec) {
  GALLEY_TRY_STATUS(check(spec));
  return std::unique_ptr<const Vocabulary>(new Vocabulary(std::move(spec)));
}

Vocabulary::Vocabulary(TokenizerSpec spec)
    : spec_(std::move(spec)), by_text_(spec_.tokens.size()), pieces_(spec_.tokens.size()) {
  byte_tokens_.fill(StringTable::kNone);
  bytes_.reserve(size());
  for (const Token& token : spec_.tokens) bytes_.push_back(bytes_of_token(token));
  const bool byte_level = spec_.kind == TokenizerKind::byte_bpe;
  for (TokenId id = 0; holds(id); ++id) {
    const Token& each = token(id);
    if (each.text.empty()) continue;
    by_text_.insert(each.text, id);
    if (each.type == TokenType::byte) {
      if (bytes_of(id).size() == 1) byte_tokens_[static_cast<unsigned char>(bytes_of(id)[0])] = id;
      continue;
    }
    if (each.type != TokenType::normal && each.type != TokenType::unused) continue;
    const std::string_view piece = byte_level ? bytes_of(id) : std::string_view(each.text);
    pieces_.insert(piece, id);
    if (byte_level && piece.size() == 1) byte_tokens_[static_cast<unsigned char>(piece[0])] = id;
  }
}

std::string Vocabulary::bytes_of_token(const Token& token) const {
  if (token.type == TokenType::byte) {
    const int byte = byte_of_name(token.text);
    return byte < 0 ? token.text : std::string(1, static_cast<char>(byte));
  }
  if (token.type != TokenType::normal && token.type != TokenType::unused)
    return spec_.kind == TokenizerKind::wordpiece ? " " + token.text : token.text;
  return spec_.kind == TokenizerKind::byte_bpe ? from_alphabet(token.text)
                                               : with_spaces(token.text);
}

}  // namespace galley::text
