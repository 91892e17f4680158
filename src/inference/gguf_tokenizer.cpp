#include "inference/gguf_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace galley::inference {
namespace {

using text::Token;
using text::TokenId;
using text::TokenizerKind;
using text::TokenizerSpec;
using text::TokenType;

constexpr std::string_view kTokenizerPrefix = "tokenizer.ggml.";

std::string key(std::string_view name) { return std::string(kTokenizerPrefix).append(name); }

/// What holds for each kind where the file is silent: llama.cpp's defaults, which writers rely on.
struct KindDefaults {
  std::string_view model;
  TokenizerKind kind;
  bool add_bos, add_eos, add_space_prefix;
  std::optional<TokenId> bos, eos, unknown;
};
const std::array<KindDefaults, 4> kKinds{{
    {"gpt2", TokenizerKind::byte_bpe, false, false, false, {}, {}, {}},
    {"llama", TokenizerKind::sentencepiece_bpe, true, false, true, 1, 2, 0},
    {"t5", TokenizerKind::unigram, false, true, false, {}, 1, 2},
    {"bert", TokenizerKind::wordpiece, true, true, false, 101, 102, 100},
}};

/// Pre-tokenizers of models that take a piece of the vocabulary whole and begin texts with BOS.
bool is_llama3(std::string_view pre) {
  constexpr std::array<std::string_view, 5> kNames{"llama3", "llama-v3", "llama-bpe", "falcon3",
                                                   "tekken"};
  return std::ranges::find(kNames, pre) != kNames.end();
}

Error wrong_length(std::string_view name, std::size_t found, std::size_t tokens) {
  return {Errc::corrupt,
          fmt::format("{}{} has {} entries for {} tokens", kTokenizerPrefix, name, found, tokens)};
}

Status read_tokens(const Gguf& file, TokenizerSpec& spec) {
  GALLEY_TRY(const auto texts, file.strings_of(key("tokens")));
  GALLEY_TRY(const auto scores, file.find_floats(key("scores")));
  GALLEY_TRY(const auto types, file.find_integers(key("token_type")));
  if (scores && scores->size() != texts.size())
    return wrong_length("scores", scores->size(), texts.size());
  if (types && types->size() != texts.size())
    return wrong_length("token_type", types->size(), texts.size());
  spec.tokens.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Token token{.text = std::string(texts[i])};
    if (scores) token.score = (*scores)[i];
    const std::int64_t type = types ? (*types)[i] : 1;
    if (type < 0 || type > 6)
      return Error{Errc::corrupt, fmt::format("{}token_type of token {} is {}, not 0 to 6",
                                              kTokenizerPrefix, i, type)};
    // 0 means undefined: some writers leave it there for ordinary tokens.
    if (type > 0) token.type = static_cast<TokenType>(type);
    spec.tokens.push_back(std::move(token));
  }
  return ok();
}

Status read_merges(const Gguf& file, TokenizerSpec& spec) {
  GALLEY_TRY(const auto merges, file.strings_of(key("merges")));
  spec.merges.reserve(merges.size());
  for (const std::string_view merge : merges) {
    // A part is never empty, so a space in front would belong to the first one.
    const std::size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos)
      return Error{Errc::corrupt, fmt::format("merge {} of the tokenizer, '{}', holds no space",
                                              spec.merges.size(), merge)};
    spec.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  return ok();
}

/// The first of the keys that is there and names a token. An id past the vocabulary counts as
/// absent: public files use such ids for "none".
Result<std::optional<TokenId>> find_id(const Gguf& file, const TokenizerSpec& spec,
                                       std::initializer_list<std::string_view> names,
                                       std::optional<TokenId> otherwise) {
  for (const std::string_view name : names) {
    GALLEY_TRY(const auto id, file.find_integer(key(name)));
    if (id && *id >= 0 && static_cast<std::uint64_t>(*id) < spec.tokens.size())
      return std::optional(static_cast<TokenId>(*id));
  }
  if (otherwise && static_cast<std::size_t>(*otherwise) >= spec.tokens.size()) otherwise.reset();
  return otherwise;
}

Status read_special(const Gguf& file, const KindDefaults& kind, TokenizerSpec& spec) {
  if (kind.kind == TokenizerKind::wordpiece) {
    GALLEY_TRY(spec.bos, find_id(file, spec, {"cls_token_id", "bos_token_id"}, kind.bos));
    // The misspelling is the format's.
    GALLEY_TRY(spec.eos,
               find_id(file, spec, {"seperator_token_id", "separator_token_id", "eos_token_id"},
                       kind.eos));
  } else {
    GALLEY_TRY(spec.bos, find_id(file, spec, {"bos_token_id"}, kind.bos));
    GALLEY_TRY(spec.eos, find_id(file, spec, {"eos_token_id"}, kind.eos));
  }
  GALLEY_TRY(spec.unknown, find_id(file, spec, {"unknown_token_id"}, kind.unknown));
  GALLEY_TRY(spec.padding, find_id(file, spec, {"padding_token_id"}, {}));
  for (const std::string_view name : {"eot_token_id", "eom_token_id"}) {
    GALLEY_TRY(const auto id, find_id(file, spec, {name}, {}));
    if (id) spec.end_of_turn.push_back(*id);
  }
  for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
    if (!text::ends_turn(spec.tokens[i].text)) continue;
    spec.tokens[i].type = TokenType::control;
    const auto id = static_cast<TokenId>(i);
    if (std::ranges::find(spec.end_of_turn, id) == spec.end_of_turn.end())
      spec.end_of_turn.push_back(id);
  }
  return ok();
}

/// GGUF has no keys for the white space that special tokens swallow; it follows from the model.
void mark_stripping(const Gguf& file, std::string_view pre, TokenizerSpec& spec) {
  const auto name = file.find_string("general.name");
  std::string model(name && *name ? **name : std::string_view());
  std::ranges::transform(model, model.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  const bool phi3 =
      model.find("phi-3") != std::string::npos || model.find("phi3") != std::string::npos;
  for (Token& token : spec.tokens) {
    if (pre.starts_with("jina-v2-") && token.text == "<mask>") token.strip_left = true;
    const bool special = token.type == TokenType::control ||
                         token.type == TokenType::user_defined || token.type == TokenType::unknown;
    token.strip_right = phi3 && special && token.text != "<unk>" && token.text != "<s>" &&
                        token.text != "<|endoftext|>";
  }
}

Status read_flags(const Gguf& file, const KindDefaults& kind, TokenizerSpec& spec) {
  const bool llama3 = kind.kind == TokenizerKind::byte_bpe && is_llama3(spec.pre_tokenizer);
  GALLEY_TRY(const auto add_bos, file.find_bool(key("add_bos_token")));
  GALLEY_TRY(const auto add_eos, file.find_bool(key("add_eos_token")));
  GALLEY_TRY(const auto add_prefix, file.find_bool(key("add_space_prefix")));
  GALLEY_TRY(const auto merge_spaces, file.find_bool(key("remove_extra_whitespaces")));
  const bool begins = llama3 || spec.pre_tokenizer == "chameleon" || kind.add_bos;
  spec.add_bos = add_bos.value_or(begins && spec.bos.has_value());
  spec.add_eos = add_eos.value_or(kind.add_eos && spec.eos.has_value());
  spec.add_space_prefix = add_prefix.value_or(kind.add_space_prefix);
  spec.merge_spaces = merge_spaces.value_or(false);
  spec.ignore_merges = llama3;
  spec.first_of_decomposition = kind.kind == TokenizerKind::wordpiece;
  if (const GgufValue* map = file.find(key("precompiled_charsmap"))) {
    if (map->type != GgufType::array ||
        (map->element != GgufType::u8 && map->element != GgufType::i8))
      return Error{Errc::corrupt,
                   fmt::format("{} is not an array of bytes", key("precompiled_charsmap"))};
    spec.char_map = map->bytes;
  }
  return ok();
}

}  // namespace

Result<TokenizerSpec> tokenizer_of(const Gguf& file) {
  GALLEY_TRY(const auto model, file.string_of(key("model")));
  const auto kind = std::ranges::find(kKinds, model, &KindDefaults::model);
  if (kind == kKinds.end())
    return Error{Errc::unsupported, fmt::format("the tokenizer model '{}' is not supported", model),
                 key("model"), "gpt2, llama, t5 or bert"};
  TokenizerSpec spec;
  spec.kind = kind->kind;
  GALLEY_TRY(const auto pre, file.find_string(key("pre")));
  if (spec.kind == TokenizerKind::byte_bpe) spec.pre_tokenizer = pre.value_or("default");
  GALLEY_TRY_STATUS(read_tokens(file, spec));
  if (spec.kind == TokenizerKind::byte_bpe) GALLEY_TRY_STATUS(read_merges(file, spec));
  GALLEY_TRY_STATUS(read_special(file, *kind, spec));
  GALLEY_TRY_STATUS(read_flags(file, *kind, spec));
  mark_stripping(file, pre.value_or(""), spec);
  GALLEY_TRY(const auto chat_template, file.find_string("tokenizer.chat_template"));
  spec.chat_template = chat_template.value_or("");
  return spec;
}

}  // namespace galley::inference
