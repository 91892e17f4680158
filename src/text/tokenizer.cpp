#include "text/tokenizer.h"

#include <algorithm>
#include <array>

#include "added_tokens.h"
#include "model_encoder.h"
#include "utf8.h"
#include "vocabulary.h"

namespace galley::text {
namespace {

MadeEncoder make_encoder(const Vocabulary& vocabulary) {
  switch (vocabulary.spec().kind) {
    case TokenizerKind::byte_bpe:
      return make_byte_bpe(vocabulary);
    case TokenizerKind::sentencepiece_bpe:
      return make_sentencepiece_bpe(vocabulary);
    case TokenizerKind::unigram:
      return make_unigram(vocabulary);
    case TokenizerKind::wordpiece:
      return make_wordpiece(vocabulary);
  }
  return Error{Errc::internal, "a tokenizer of no kind"};
}

}  // namespace

bool ends_turn(std::string_view token_text) {
  constexpr std::array<std::string_view, 8> kNames{
      "<|eot_id|>",    "<|im_end|>", "<|end|>", "<end_of_turn>",
      "<|endoftext|>", "<|eom_id|>", "<EOT>",   "<｜end▁of▁sentence｜>"};
  return std::ranges::find(kNames, token_text) != kNames.end();
}

struct Tokenizer::Impl {
  std::unique_ptr<const Vocabulary> vocabulary;
  std::unique_ptr<const ModelEncoder> encoder;
  AddedTokens added;
};

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Result<Tokenizer> Tokenizer::create(TokenizerSpec spec) {
  GALLEY_TRY(auto vocabulary, Vocabulary::make(std::move(spec)));
  GALLEY_TRY(auto encoder, make_encoder(*vocabulary));
  AddedTokens added(*vocabulary);
  return Tokenizer(std::make_unique<const Impl>(
      Impl{std::move(vocabulary), std::move(encoder), std::move(added)}));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + 2);
  const TokenizerSpec& spec = impl_->vocabulary->spec();
  if (options.add_special && spec.add_bos) ids.push_back(*spec.bos);

  std::string repaired;
  text = well_formed(text, repaired);
  EncodeScratch scratch;
  bool after_special = false;
  for (std::size_t at = 0; at < text.size();) {
    const AddedTokens::Found found = impl_->added.next(text, at, options.parse_special);
    const std::size_t end = std::min(found.begin, text.size());
    if (end > at)
      impl_->encoder->encode({text.substr(at, end - at), at == 0, after_special}, scratch, ids);
    if (found.token == StringTable::kNone) break;
    ids.push_back(found.token);
    after_special = true;
    at = found.end;
  }

  if (options.add_special && spec.add_eos) ids.push_back(*spec.eos);
  return ids;
}

std::string_view Tokenizer::bytes_of(TokenId token, bool special) const {
  const Vocabulary& vocabulary = *impl_->vocabulary;
  // Models may have more rows than the tokenizer has tokens.
  if (!vocabulary.holds(token) || (!special && vocabulary.is_special(token))) return {};
  return vocabulary.bytes_of(token);
}

std::string Tokenizer::decode(std::span<const TokenId> tokens, bool special) const {
  Detokenizer detokenizer(*this, special);
  std::string text;
  for (const TokenId token : tokens) text += detokenizer.add(token);
  text += detokenizer.finish();
  return text;
}

std::size_t Tokenizer::size() const { return impl_->vocabulary->size(); }

const TokenizerSpec& Tokenizer::spec() const { return impl_->vocabulary->spec(); }

std::optional<TokenId> Tokenizer::find(std::string_view token_text) const {
  const TokenId id = impl_->vocabulary->find(token_text);
  if (id == StringTable::kNone) return std::nullopt;
  return id;
}

bool Tokenizer::ends_answer(TokenId token) const {
  const TokenizerSpec& spec = this->spec();
  return token == spec.eos || std::ranges::find(spec.end_of_turn, token) != spec.end_of_turn.end();
}

}  // namespace galley::text
