#include <fmt/format.h>

#include <algorithm>

#include "pre_tokenizer.h"
#include "text/tokenizer.h"
#include "tokenizer_steps.h"
#include "vocabulary.h"

namespace galley::text {
namespace {

/// The largest public ones have 35 MB.
constexpr std::size_t kMaxJsonBytes = 256U << 20;

Error corrupt(std::string what) { return {Errc::corrupt, "tokenizer.json: " + std::move(what)}; }

/// Sets the token of an id, with room for ids that come later. Ids may leave gaps, but few: memory
/// must stay in proportion to the file.
Status place(TokenizerSpec& spec, std::int64_t id, std::size_t entries, Token token) {
  const std::size_t limit = entries * 4 + 65'536;
  if (id < 0 || static_cast<std::uint64_t>(id) >= limit)
    return corrupt(
        fmt::format("token '{}' has the id {} among {} tokens", token.text, id, entries));
  const auto index = static_cast<std::size_t>(id);
  // What stands in a gap is never found, having no text.
  if (index >= spec.tokens.size()) spec.tokens.resize(index + 1, {.type = TokenType::unused});
  spec.tokens[index] = std::move(token);
  return ok();
}

/// {"token": id, …}
Status read_vocabulary(const JsonNode& vocabulary, TokenizerSpec& spec) {
  simdjson::dom::object entries;
  if (vocabulary.get(entries) != simdjson::SUCCESS) return corrupt("model.vocab is not an object");
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : entries) ++count;
  spec.tokens.reserve(count);
  for (const auto& entry : entries) {
    std::int64_t id = 0;
    if (entry.value.get(id) != simdjson::SUCCESS)
      return corrupt(fmt::format("the id of token '{}' is no number", entry.key));
    GALLEY_TRY_STATUS(place(spec, id, count, {.text = std::string(entry.key)}));
  }
  return ok();
}

/// [["token", score], …]
Status read_scored_vocabulary(const JsonNode& vocabulary, TokenizerSpec& spec) {
  simdjson::dom::array entries;
  if (vocabulary.get(entries) != simdjson::SUCCESS) return corrupt("model.vocab is not an array");
  for (const simdjson::dom::element entry : entries) {
    std::string_view text;
    double score = 0;
    if (entry.at(0).get(text) != simdjson::SUCCESS || entry.at(1).get(score) != simdjson::SUCCESS)
      return corrupt(
          fmt::format("entry {} of model.vocab is no token with a score", spec.tokens.size()));
    spec.tokens.push_back({.text = std::string(text), .score = static_cast<float>(score)});
  }
  return ok();
}

/// "a b", or ["a", "b"]
Status read_merges(const JsonNode& list, TokenizerSpec& spec) {
  simdjson::dom::array merges;
  if (list.get(merges) != simdjson::SUCCESS) return corrupt("model.merges is not an array");
  for (const simdjson::dom::element merge : merges) {
    std::string_view left, right;
    if (merge.get(left) == simdjson::SUCCESS) {
      const std::size_t space = left.find(' ', 1);
      right = left.substr(std::min(space, left.size() - 1) + 1);
      left = left.substr(0, space);
    } else if (merge.at(0).get(left) != simdjson::SUCCESS ||
               merge.at(1).get(right) != simdjson::SUCCESS) {
      left = {};
    }
    if (left.empty() || right.empty())
      return corrupt(fmt::format("merge {} is no pair of tokens", spec.merges.size()));
    spec.merges.emplace_back(left, right);
  }
  return ok();
}

/// SentencePiece's scores, which a list of merges has lost: the earlier the merge, the higher. GGUF
/// has room for these only.
void score_by_merges(TokenizerSpec& spec) {
  StringTable ids(spec.tokens.size());
  for (std::size_t i = 0; i < spec.tokens.size(); ++i)
    ids.insert(spec.tokens[i].text, static_cast<std::int32_t>(i));
  for (std::size_t rank = spec.merges.size(); rank-- > 0;) {
    const TokenId merged = ids.find(spec.merges[rank].first + spec.merges[rank].second);
    if (merged == StringTable::kNone) continue;
    spec.tokens[static_cast<std::size_t>(merged)].score = -static_cast<float>(rank + 1);
  }
}

Status read_bpe(const JsonNode& model, const TextSteps& steps, TokenizerSpec& spec) {
  if (!string_or(model, "continuing_subword_prefix", "").empty() ||
      !string_or(model, "end_of_word_suffix", "").empty())
    return Error{Errc::unsupported,
                 "tokenizer.json: BPE that marks the begin or end of words is not supported",
                 "model"};
  GALLEY_TRY_STATUS(read_vocabulary(model.at_key("vocab"), spec));
  GALLEY_TRY_STATUS(read_merges(model.at_key("merges"), spec));
  spec.ignore_merges = bool_or(model, "ignore_merges", false);
  if (steps.byte_level) {
    spec.kind = TokenizerKind::byte_bpe;
    const auto name = PreTokenizer::name_of(steps.regexes);
    if (!name)
      return Error{
          Errc::unsupported,
          fmt::format("tokenizer.json: the pre_tokenizer that splits on {} is not supported",
                      fmt::join(steps.regexes, " and then on ")),
          "pre_tokenizer"};
    spec.pre_tokenizer = *name;
    return ok();
  }
  if (!steps.marks_spaces || !steps.regexes.empty())
    return Error{
        Errc::unsupported,
        "tokenizer.json: BPE is supported over bytes (ByteLevel) and over text whose spaces "
        "become U+2581",
        "pre_tokenizer"};
  spec.kind = TokenizerKind::sentencepiece_bpe;
  if (bool_or(model, "byte_fallback", false))
    for (Token& token : spec.tokens)
      if (token.text.size() == 6 && token.text.starts_with("<0x") && token.text.ends_with('>'))
        token.type = TokenType::byte;
  score_by_merges(spec);
  return ok();
}

Status read_unigram(const JsonNode& model, const TextSteps& steps, TokenizerSpec& spec) {
  spec.kind = TokenizerKind::unigram;
  GALLEY_TRY_STATUS(read_scored_vocabulary(model.at_key("vocab"), spec));
  if (!steps.marks_spaces)
    return Error{Errc::unsupported, "tokenizer.json: Unigram without Metaspace is not supported",
                 "pre_tokenizer"};
  std::int64_t unknown = -1;
  if (model.at_key("unk_id").get(unknown) == simdjson::SUCCESS) {
    if (unknown < 0 || static_cast<std::uint64_t>(unknown) >= spec.tokens.size())
      return corrupt(
          fmt::format("model.unk_id is {} among {} tokens", unknown, spec.tokens.size()));
    spec.unknown = static_cast<TokenId>(unknown);
    spec.tokens[static_cast<std::size_t>(unknown)].type = TokenType::unknown;
  }
  if (bool_or(model, "byte_fallback", false))
    for (Token& token : spec.tokens)
      if (token.text.size() == 6 && token.text.starts_with("<0x")) token.type = TokenType::byte;
  return ok();
}

/// Our vocabulary marks the begin of words, as GGUF does, where Hugging Face's marks the rest.
Status read_wordpiece(const JsonNode& model, const TextSteps& steps, TokenizerSpec& spec) {
  spec.kind = TokenizerKind::wordpiece;
  if (!steps.bert_words || string_or(model, "continuing_subword_prefix", "##") != "##")
    return Error{Errc::unsupported,
                 "tokenizer.json: WordPiece is supported with BertPreTokenizer and '##' only",
                 "pre_tokenizer"};
  GALLEY_TRY_STATUS(read_vocabulary(model.at_key("vocab"), spec));
  for (Token& token : spec.tokens) {
    if (token.text.starts_with("##") && token.text.size() > 2)
      token.text.erase(0, 2);
    else if (!token.text.empty())
      token.text.insert(0, kSpaceMark);
  }
  return ok();
}

Status read_model(const JsonNode& model, const TextSteps& steps, TokenizerSpec& spec) {
  std::string_view type = string_or(model, "type", "");
  // Files of before 2020 do not say.
  if (type.empty() && !is_absent(model.at_key("merges"))) type = "BPE";
  if (steps.decomposes && type != "WordPiece")
    return Error{Errc::unsupported, "tokenizer.json: the normalizer NFD is not supported",
                 "normalizer"};
  if ((steps.lower_case || steps.strip_accents) && type != "WordPiece")
    return Error{Errc::unsupported,
                 fmt::format("tokenizer.json: lower case with a {} model is not supported", type),
                 "normalizer"};
  if (type == "BPE") return read_bpe(model, steps, spec);
  if (type == "Unigram") return read_unigram(model, steps, spec);
  if (type == "WordPiece") return read_wordpiece(model, steps, spec);
  return Error{Errc::unsupported,
               fmt::format("tokenizer.json: the model type '{}' is not supported", type), "model",
               "BPE, Unigram or WordPiece"};
}

/// After the model, whose tokens these may be.
Status read_added_tokens(const JsonNode& list, TokenizerSpec& spec) {
  simdjson::dom::array added;
  if (is_absent(list)) return ok();
  if (list.get(added) != simdjson::SUCCESS) return corrupt("added_tokens is not an array");
  const std::size_t entries = spec.tokens.size() + added.size();
  for (const simdjson::dom::element each : added) {
    const JsonNode node = node_of(each);
    std::int64_t id = 0;
    const std::string_view content = string_or(node, "content", "");
    if (node.at_key("id").get(id) != simdjson::SUCCESS || content.empty())
      return corrupt("an added token has no id or no content");
    if (bool_or(node, "single_word", false))
      return Error{Errc::unsupported,
                   fmt::format("tokenizer.json: the added token '{}' with single_word is not "
                               "supported",
                               content),
                   "added_tokens"};
    Token token{
        .text = std::string(content),
        .type = bool_or(node, "special", false) ? TokenType::control : TokenType::user_defined,
        .strip_left = bool_or(node, "lstrip", false),
        .strip_right = bool_or(node, "rstrip", false)};
    if (id >= 0 && static_cast<std::uint64_t>(id) < spec.tokens.size()) {
      const Token& known = spec.tokens[static_cast<std::size_t>(id)];
      token.score = known.score;
      if (known.type == TokenType::unknown) token.type = TokenType::unknown;
    }
    GALLEY_TRY_STATUS(place(spec, id, entries, std::move(token)));
  }
  return ok();
}

std::optional<TokenId> id_of(const TokenizerSpec& spec, std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto token = std::ranges::find(spec.tokens, text, &Token::text);
  if (token == spec.tokens.end()) return std::nullopt;
  return static_cast<TokenId>(token - spec.tokens.begin());
}

/// "bos_token": "<s>", or {"content": "<s>", …}
std::string_view token_name(const JsonNode& config, std::string_view key) {
  const std::string_view name = string_or(config, key, "");
  return name.empty() ? string_or(config.at_key(key), "content", "") : name;
}

/// One template, or a list of named ones of which the default counts.
std::string_view chat_template_of(const JsonNode& config) {
  simdjson::dom::array list;
  if (config.at_key("chat_template").get(list) != simdjson::SUCCESS)
    return string_or(config, "chat_template", "");
  for (const simdjson::dom::element each : list)
    if (string_or(node_of(each), "name", "") == "default")
      return string_or(node_of(each), "template", "");
  return {};
}

Status read_special(const JsonNode& root, const JsonNode& config, TokenizerSpec& spec) {
  Template around;
  GALLEY_TRY_STATUS(read_post_processor(root.at_key("post_processor"), around));
  const auto named = [&](const char* key, std::string_view otherwise) {
    const std::string_view name = token_name(config, key);
    return id_of(spec, name.empty() ? otherwise : name);
  };
  spec.bos = named("bos_token", around.begin);
  spec.eos = named("eos_token", around.end);
  if (!spec.unknown)
    spec.unknown = named("unk_token", string_or(root.at_key("model"), "unk_token", ""));
  spec.padding = named("pad_token", "");
  // BERT calls them by other names than begin and end.
  if (spec.kind == TokenizerKind::wordpiece) {
    if (!around.begin.empty()) spec.bos = id_of(spec, around.begin);
    if (!around.end.empty()) spec.eos = id_of(spec, around.end);
  }
  spec.add_bos = bool_or(config, "add_bos_token", !around.begin.empty()) && spec.bos;
  spec.add_eos = bool_or(config, "add_eos_token", !around.end.empty()) && spec.eos;
  for (std::size_t i = 0; i < spec.tokens.size(); ++i)
    if (ends_turn(spec.tokens[i].text)) {
      spec.tokens[i].type = TokenType::control;
      spec.end_of_turn.push_back(static_cast<TokenId>(i));
    }
  spec.chat_template = chat_template_of(config);
  return ok();
}

Result<simdjson::dom::element> parse(simdjson::dom::parser& parser, std::string_view json,
                                     std::string_view file) {
  simdjson::dom::element root;
  const auto error = parser.parse(json.data(), json.size()).get(root);
  if (error != simdjson::SUCCESS || !root.is_object())
    return Error{Errc::corrupt,
                 fmt::format("{} is no JSON object: {}", file,
                             error != simdjson::SUCCESS ? simdjson::error_message(error)
                                                        : "it is something else")};
  return root;
}

}  // namespace

Result<TokenizerSpec> parse_tokenizer_json(std::string_view tokenizer_json,
                                           std::string_view tokenizer_config_json) {
  for (const std::string_view json : {tokenizer_json, tokenizer_config_json})
    if (json.size() > kMaxJsonBytes)
      return Error{Errc::too_large, fmt::format("a tokenizer file of {} bytes is more than {}",
                                                json.size(), kMaxJsonBytes)};
  simdjson::dom::parser parser;
  simdjson::dom::parser config_parser;
  GALLEY_TRY(const auto root_element, parse(parser, tokenizer_json, "tokenizer.json"));
  GALLEY_TRY(const auto config_element,
             parse(config_parser, tokenizer_config_json.empty() ? "{}" : tokenizer_config_json,
                   "tokenizer_config.json"));
  const JsonNode root = node_of(root_element);
  const JsonNode config = node_of(config_element);

  TextSteps steps;
  TokenizerSpec spec;
  GALLEY_TRY_STATUS(read_normalizer(root.at_key("normalizer"), steps));
  GALLEY_TRY_STATUS(read_pre_tokenizer(root.at_key("pre_tokenizer"), steps));
  GALLEY_TRY_STATUS(read_model(root.at_key("model"), steps, spec));
  GALLEY_TRY_STATUS(read_added_tokens(root.at_key("added_tokens"), spec));
  spec.nfc = steps.nfc;
  spec.add_space_prefix = steps.add_space_prefix;
  spec.prefix_once = steps.prefix_once;
  spec.prefix_unless_space = steps.prefix_unless_space;
  spec.merge_spaces = steps.merge_spaces;
  spec.lower_case = steps.lower_case;
  spec.strip_accents = steps.strip_accents;
  spec.char_map = std::move(steps.char_map);
  GALLEY_TRY_STATUS(read_special(root, config, spec));
  return spec;
}

}  // namespace galley::text
