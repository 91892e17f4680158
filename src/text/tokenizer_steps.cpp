#include "tokenizer_steps.h"

#include <fmt/format.h>

#include "pre_tokenizer.h"
#include "vocabulary.h"

namespace galley::text {
namespace {

/// Sequences within sequences: public files have two levels.
constexpr int kMaxNesting = 8;

Error unsupported(std::string_view part, std::string_view what) {
  return {Errc::unsupported, fmt::format("tokenizer.json: the {} {} is not supported", part, what),
          std::string(part)};
}

/// Calls read(step) for the object, or for each in its sequence.
template <class Read>
Status for_each_step(const JsonNode& object, std::string_view part, std::string_view list,
                     int depth, const Read& read) {
  if (is_absent(object)) return ok();
  const std::string_view type = string_or(object, "type", "");
  if (type != "Sequence") return read(type.empty() ? "without a type" : type, object);
  simdjson::dom::array steps;
  if (object.at_key(list).get(steps) != simdjson::SUCCESS || depth == kMaxNesting)
    return unsupported(part, "of this form");
  for (const simdjson::dom::element step : steps)
    GALLEY_TRY_STATUS(for_each_step(node_of(step), part, list, depth + 1, read));
  return ok();
}

/// "pattern" is {"String": "…"} or {"Regex": "…"}.
struct Pattern {
  std::string_view literal;
  std::string_view regex;
};
Pattern pattern_of(const JsonNode& step) {
  const JsonNode pattern = step.at_key("pattern");
  return {string_or(pattern, "String", ""), string_or(pattern, "Regex", "")};
}

Result<std::string> from_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+') value = 62;
    if (c == '/') value = 63;
    if (value < 0)
      return Error{Errc::corrupt, "tokenizer.json: precompiled_charsmap is not base64"};
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFFU);
  }
  return bytes;
}

Status read_replace(const JsonNode& step, TextSteps& steps) {
  const Pattern pattern = pattern_of(step);
  const std::string_view content = string_or(step, "content", "");
  if (pattern.literal == " " && content == kSpaceMark) {
    steps.marks_spaces = true;
    return ok();
  }
  if (pattern.regex == " {2,}" && (content == " " || content == kSpaceMark)) {
    steps.merge_spaces = true;
    return ok();
  }
  return unsupported("normalizer", fmt::format("Replace of '{}{}' by '{}'", pattern.literal,
                                               pattern.regex, content));
}

Status read_bert(const JsonNode& step, TextSteps& steps) {
  if (!bool_or(step, "clean_text", true)) return unsupported("normalizer", "clean_text = false");
  if (!bool_or(step, "handle_chinese_chars", true))
    return unsupported("normalizer", "handle_chinese_chars = false");
  steps.lower_case = bool_or(step, "lowercase", true);
  steps.strip_accents = bool_or(step, "strip_accents", steps.lower_case);
  return ok();
}

Status read_metaspace(const JsonNode& step, TextSteps& steps) {
  if (string_or(step, "replacement", kSpaceMark) != kSpaceMark)
    return unsupported("pre_tokenizer", "Metaspace with another mark than U+2581");
  const std::string_view scheme = string_or(
      step, "prepend_scheme", bool_or(step, "add_prefix_space", true) ? "always" : "never");
  steps.marks_spaces = true;
  steps.add_space_prefix = scheme != "never";
  steps.prefix_once = scheme == "first";
  steps.prefix_unless_space = true;
  return ok();
}

Status read_split(const JsonNode& step, TextSteps& steps) {
  const Pattern pattern = pattern_of(step);
  // Gemma: spaces are gone when this runs.
  if (pattern.literal == " " && steps.marks_spaces) return ok();
  const std::string_view behavior = string_or(step, "behavior", "Isolated");
  const bool inverted = bool_or(step, "invert", false);
  const bool plain = behavior == "Isolated" || (behavior == "Removed" && inverted &&
                                                PreTokenizer::matches_all(pattern.regex));
  if (pattern.regex.empty() || !plain)
    return unsupported("pre_tokenizer", fmt::format("Split on '{}{}' ({})", pattern.literal,
                                                    pattern.regex, behavior));
  steps.regexes.emplace_back(pattern.regex);
  return ok();
}

Status read_byte_level(const JsonNode& step, TextSteps& steps) {
  if (bool_or(step, "add_prefix_space", false))
    return unsupported("pre_tokenizer", "ByteLevel with add_prefix_space");
  steps.byte_level = true;
  if (bool_or(step, "use_regex", true)) steps.regexes.emplace_back(kByteLevelRegex);
  return ok();
}

}  // namespace

bool is_absent(const JsonNode& node) { return node.error() != simdjson::SUCCESS || node.is_null(); }

std::string_view string_or(const JsonNode& object, std::string_view name,
                           std::string_view otherwise) {
  std::string_view text;
  return object.at_key(name).get(text) == simdjson::SUCCESS ? text : otherwise;
}

bool bool_or(const JsonNode& object, std::string_view name, bool otherwise) {
  bool value = otherwise;
  return object.at_key(name).get(value) == simdjson::SUCCESS ? value : otherwise;
}

Status read_normalizer(const JsonNode& normalizer, TextSteps& steps) {
  const auto read = [&](std::string_view type, const JsonNode& step) -> Status {
    if (type == "Replace") return read_replace(step, steps);
    if (type == "BertNormalizer") return read_bert(step, steps);
    if (type == "Precompiled") {
      GALLEY_TRY(steps.char_map, from_base64(string_or(step, "precompiled_charsmap", "")));
    } else if (type == "Prepend" && string_or(step, "prepend", "") == kSpaceMark) {
      steps.add_space_prefix = true;
    } else if (type == "NFC") {
      steps.nfc = true;
    } else if (type == "NFD") {
      steps.decomposes = true;
    } else if (type == "Lowercase") {
      steps.lower_case = true;
    } else if (type == "StripAccents") {
      steps.strip_accents = true;
    } else {
      return unsupported("normalizer", type);
    }
    return ok();
  };
  return for_each_step(normalizer, "normalizer", "normalizers", 0, read);
}

Status read_pre_tokenizer(const JsonNode& pre_tokenizer, TextSteps& steps) {
  const auto read = [&](std::string_view type, const JsonNode& step) -> Status {
    if (type == "ByteLevel") return read_byte_level(step, steps);
    if (type == "Metaspace") return read_metaspace(step, steps);
    if (type == "Split") return read_split(step, steps);
    if (type == "BertPreTokenizer") {
      steps.bert_words = true;
    } else if (type == "WhitespaceSplit") {
      steps.merge_spaces = true;
    } else if (type == "Digits") {
      steps.regexes.emplace_back(bool_or(step, "individual_digits", false) ? kDigitRegex
                                                                           : kDigitsRegex);
    } else if (type == "Punctuation" && string_or(step, "behavior", "") == "Contiguous") {
      steps.regexes.emplace_back(kPunctuationRegex);
    } else {
      return unsupported("pre_tokenizer", type);
    }
    return ok();
  };
  return for_each_step(pre_tokenizer, "pre_tokenizer", "pretokenizers", 0, read);
}

Status read_post_processor(const JsonNode& post_processor, Template& around) {
  const auto read = [&](std::string_view type, const JsonNode& step) -> Status {
    if (type == "BertProcessing" || type == "RobertaProcessing") {
      std::string_view begin, end;
      if (step.at_key("cls").at(0).get(begin) == simdjson::SUCCESS) around.begin = begin;
      if (step.at_key("sep").at(0).get(end) == simdjson::SUCCESS) around.end = end;
      return ok();
    }
    if (type == "ByteLevel") return ok();
    simdjson::dom::array single;
    if (type != "TemplateProcessing" || step.at_key("single").get(single) != simdjson::SUCCESS)
      return unsupported("post_processor", type);
    bool behind = false;
    for (const simdjson::dom::element part : single) {
      const JsonNode node = node_of(part);
      behind |= !is_absent(node.at_key("Sequence"));
      const std::string_view token = string_or(node.at_key("SpecialToken"), "id", "");
      if (!token.empty()) (behind ? around.end : around.begin) = token;
    }
    return ok();
  };
  return for_each_step(post_processor, "post_processor", "processors", 0, read);
}

}  // namespace galley::text
