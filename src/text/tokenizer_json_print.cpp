#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "piece_encoder.h"
#include "pre_tokenizer.h"
#include "text/tokenizer.h"
#include "utf8.h"
#include "vocabulary.h"

namespace galley::text {
namespace {

/// A JSON string. Control characters are escaped, malformed UTF-8 becomes U+FFFD.
std::string json_quoted(std::string_view text) {
  std::string repaired;
  std::string out = "\"";
  for (const char c : well_formed(text, repaired)) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(c));
    else
      out += c;
  }
  return out += '"';
}

/// Grows an array or object: a comma before every entry but the first.
class Entries {
 public:
  explicit Entries(std::string& out) : out_(out) {}
  std::string& next() { return out_ += std::exchange(first_, false) ? "\n    " : ",\n    "; }

 private:
  std::string& out_;
  bool first_ = true;
};

std::string sequence(std::string_view list, const std::vector<std::string>& steps) {
  if (steps.empty()) return "null";
  if (steps.size() == 1) return steps[0];
  return fmt::format(R"({{"type": "Sequence", "{}": [{}]}})", list, fmt::join(steps, ", "));
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kBase64Digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = at; i < at + 3; ++i)
      bits = bits << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
    for (std::size_t digit = 0; digit < 4; ++digit)
      out += at + digit <= bytes.size() ? kBase64Digits[bits >> (18 - 6 * digit) & 63U] : '=';
  }
  return out;
}

bool is_sentencepiece(const TokenizerSpec& spec) {
  return spec.kind == TokenizerKind::sentencepiece_bpe || spec.kind == TokenizerKind::unigram;
}

std::string normalizer_of(const TokenizerSpec& spec) {
  if (spec.kind == TokenizerKind::wordpiece)
    return fmt::format(R"({{"type": "BertNormalizer", "clean_text": true, )"
                       R"("handle_chinese_chars": true, "strip_accents": {}, "lowercase": {}}})",
                       spec.strip_accents, spec.lower_case);
  std::vector<std::string> steps;
  if (spec.nfc) steps.emplace_back(R"({"type": "NFC"})");
  if (!spec.char_map.empty())
    steps.push_back(fmt::format(R"({{"type": "Precompiled", "precompiled_charsmap": "{}"}})",
                                base64(spec.char_map)));
  if (is_sentencepiece(spec) && !spec.prefix_unless_space) {
    if (spec.add_space_prefix) steps.emplace_back(R"({"type": "Prepend", "prepend": "▁"})");
    steps.emplace_back(R"({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})");
  }
  return sequence("normalizers", steps);
}

std::string byte_level(bool use_regex) {
  return fmt::format(
      R"({{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": {}}})",
      use_regex);
}

std::string byte_level_splits(const TokenizerSpec& spec) {
  const auto pre_tokenizer = PreTokenizer::find(spec.pre_tokenizer);
  std::vector<std::string> steps;
  bool words = false;
  if (pre_tokenizer) {
    for (const Expression& each : pre_tokenizer->expressions()) {
      words = each.regex == kByteLevelRegex && &each == &pre_tokenizer->expressions().back();
      if (words) break;
      if (each.regex == kDigitRegex)
        steps.emplace_back(R"({"type": "Digits", "individual_digits": true})");
      else
        steps.push_back(fmt::format(R"({{"type": "Split", "pattern": {{"Regex": {}}}, )"
                                    R"("behavior": "Isolated", "invert": false}})",
                                    json_quoted(each.regex)));
    }
  }
  steps.push_back(byte_level(words));
  return sequence("pretokenizers", steps);
}

std::string pre_tokenizer_of(const TokenizerSpec& spec) {
  if (spec.kind == TokenizerKind::byte_bpe) return byte_level_splits(spec);
  if (spec.kind == TokenizerKind::wordpiece) return R"({"type": "BertPreTokenizer"})";
  std::vector<std::string> steps;
  if (spec.merge_spaces) steps.emplace_back(R"({"type": "WhitespaceSplit"})");
  if (spec.prefix_unless_space)
    steps.push_back(fmt::format(
        R"({{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "{}", "split": {}}})",
        !spec.add_space_prefix ? "never"
        : spec.prefix_once     ? "first"
                               : "always",
        spec.kind == TokenizerKind::unigram));
  return sequence("pretokenizers", steps);
}

std::string post_processor_of(const TokenizerSpec& spec) {
  if (!spec.add_bos && !spec.add_eos) return "null";
  std::vector<std::string> parts, tokens;
  const auto special = [&](std::optional<TokenId> id) {
    const std::string name = json_quoted(spec.tokens[static_cast<std::size_t>(*id)].text);
    parts.push_back(fmt::format(R"({{"SpecialToken": {{"id": {}, "type_id": 0}}}})", name));
    tokens.push_back(
        fmt::format(R"({0}: {{"id": {0}, "ids": [{1}], "tokens": [{0}]}})", name, *id));
  };
  if (spec.add_bos) special(spec.bos);
  parts.emplace_back(R"({"Sequence": {"id": "A", "type_id": 0}})");
  if (spec.add_eos && spec.eos != (spec.add_bos ? spec.bos : std::nullopt))
    special(spec.eos);
  else if (spec.add_eos)
    parts.push_back(parts.front());
  const std::string single = fmt::format("{}", fmt::join(parts, ", "));
  return fmt::format(R"({{"type": "TemplateProcessing", "single": [{}], "pair": [{}, )"
                     R"({{"Sequence": {{"id": "B", "type_id": 1}}}}], "special_tokens": {{{}}}}})",
                     single, single, fmt::join(tokens, ", "));
}

std::string decoder_of(const TokenizerSpec& spec) {
  switch (spec.kind) {
    case TokenizerKind::byte_bpe:
      return byte_level(true);
    case TokenizerKind::wordpiece:
      return R"({"type": "WordPiece", "prefix": "##", "cleanup": false})";
    default:
      break;
  }
  std::vector<std::string> steps{
      R"({"type": "Replace", "pattern": {"String": "▁"}, "content": " "})",
      R"({"type": "ByteFallback"})", R"({"type": "Fuse"})"};
  if (spec.add_space_prefix)
    steps.emplace_back(R"({"type": "Strip", "content": " ", "start": 1, "stop": 0})");
  return sequence("decoders", steps);
}

bool is_added(const Token& token) {
  return token.type == TokenType::control || token.type == TokenType::user_defined ||
         token.type == TokenType::unknown;
}

std::string added_tokens_of(const TokenizerSpec& spec) {
  std::string out = "[";
  Entries entries(out);
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const Token& token = spec.tokens[id];
    if (!is_added(token) || token.text.empty()) continue;
    fmt::format_to(std::back_inserter(entries.next()),
                   R"({{"id": {}, "content": {}, "single_word": false, "lstrip": {}, )"
                   R"("rstrip": {}, "normalized": false, "special": {}}})",
                   id, json_quoted(token.text), token.strip_left, token.strip_right,
                   token.type != TokenType::user_defined);
  }
  return out += "]";
}

/// As Hugging Face spells it: with WordPiece, ## before what does not begin a word.
std::string spelling(const TokenizerSpec& spec, const Token& token) {
  if (spec.kind != TokenizerKind::wordpiece || is_added(token)) return token.text;
  if (token.text.starts_with(kSpaceMark)) return token.text.substr(kSpaceMark.size());
  return "##" + token.text;
}

std::string vocabulary_of(const TokenizerSpec& spec) {
  const bool scored = spec.kind == TokenizerKind::unigram;
  std::string out(scored ? "[" : "{");
  Entries entries(out);
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const Token& token = spec.tokens[id];
    // A list has no gaps; an object needs no entry for one.
    if (token.text.empty() && !scored) continue;
    std::string& line = entries.next();
    if (scored)
      fmt::format_to(std::back_inserter(line), "[{}, {}]", json_quoted(token.text), token.score);
    else
      fmt::format_to(std::back_inserter(line), "{}: {}", json_quoted(spelling(spec, token)), id);
  }
  return out += scored ? "]" : "}";
}

std::string merges_of(const TokenizerSpec& spec) {
  std::string out = "[";
  Entries entries(out);
  const auto add = [&entries](std::string_view left, std::string_view right) {
    fmt::format_to(std::back_inserter(entries.next()), "[{}, {}]", json_quoted(left),
                   json_quoted(right));
  };
  for (const auto& [left, right] : spec.merges) add(left, right);
  if (spec.kind != TokenizerKind::sentencepiece_bpe || !spec.merges.empty()) return out += "]";
  // Hugging Face's BPE knows no scores.
  if (const auto vocabulary = Vocabulary::make(spec)) {
    std::vector<RankedMerge> merges = scored_merges(**vocabulary);
    std::ranges::stable_sort(merges, {}, &RankedMerge::rank);
    for (const RankedMerge& merge : merges)
      add((*vocabulary)->token(merge.left).text, (*vocabulary)->token(merge.right).text);
  }
  return out += "]";
}

std::string model_of(const TokenizerSpec& spec) {
  std::string unknown = "null";
  if (spec.unknown)
    unknown = json_quoted(spec.tokens[static_cast<std::size_t>(*spec.unknown)].text);
  const std::string vocabulary = vocabulary_of(spec);
  const bool has_bytes = std::ranges::any_of(
      spec.tokens, [](const Token& token) { return token.type == TokenType::byte; });
  switch (spec.kind) {
    case TokenizerKind::wordpiece:
      return fmt::format(R"({{"type": "WordPiece", "unk_token": {}, )"
                         R"("continuing_subword_prefix": "##", "max_input_chars_per_word": 100, )"
                         R"("vocab": {}}})",
                         unknown, vocabulary);
    case TokenizerKind::unigram:
      return fmt::format(R"({{"type": "Unigram", "unk_id": {}, "vocab": {}, "byte_fallback": {}}})",
                         spec.unknown ? std::to_string(*spec.unknown) : "null", vocabulary,
                         has_bytes);
    default:
      return fmt::format(R"({{"type": "BPE", "dropout": null, "unk_token": {}, )"
                         R"("continuing_subword_prefix": null, "end_of_word_suffix": null, )"
                         R"("fuse_unk": {}, "byte_fallback": {}, "ignore_merges": {}, )"
                         R"("vocab": {}, "merges": {}}})",
                         unknown, has_bytes, has_bytes, spec.ignore_merges, vocabulary,
                         merges_of(spec));
  }
}

}  // namespace

std::string print_tokenizer_json(const TokenizerSpec& spec) {
  return fmt::format(R"({{
  "version": "1.0",
  "truncation": null,
  "padding": null,
  "added_tokens": {},
  "normalizer": {},
  "pre_tokenizer": {},
  "post_processor": {},
  "decoder": {},
  "model": {}
}}
)",
                     added_tokens_of(spec), normalizer_of(spec), pre_tokenizer_of(spec),
                     post_processor_of(spec), decoder_of(spec), model_of(spec));
}

}  // namespace galley::text
