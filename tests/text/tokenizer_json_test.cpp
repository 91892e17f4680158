#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "tiny_tokenizers.h"

namespace galley::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TokenizerSpec parsed(std::string_view json, std::string_view config = "") {
  auto spec = parse_tokenizer_json(json, config);
  EXPECT_TRUE(spec) << spec.error().message;
  return spec ? *std::move(spec) : TokenizerSpec{};
}

Error refusal(std::string_view json, std::string_view config = "") {
  const auto spec = parse_tokenizer_json(json, config);
  EXPECT_FALSE(spec) << json;
  return spec ? Error{} : spec.error();
}

/// A small file with the parts that a test is about.
struct Parts {
  std::string normalizer = "null";
  std::string pre_tokenizer = R"({"type": "ByteLevel", "add_prefix_space": false})";
  std::string post_processor = "null";
  std::string model = R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]})";
  std::string added = "[]";
};
std::string file(const Parts& parts) {
  return fmt::format(R"({{"version": "1.0", "added_tokens": {}, "normalizer": {},
      "pre_tokenizer": {}, "post_processor": {}, "decoder": null, "model": {}}})",
                     parts.added, parts.normalizer, parts.pre_tokenizer, parts.post_processor,
                     parts.model);
}

constexpr const char* kLlama3Split =
    R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex":
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
    "behavior": "Isolated", "invert": false},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";

TEST(TokenizerJson, WhatIsPrintedIsReadBack) {
  for (TokenizerSpec spec : {tiny_byte_bpe(), tiny_unigram(), tiny_wordpiece()}) {
    if (spec.kind != TokenizerKind::wordpiece) spec.lower_case = spec.strip_accents = false;
    if (spec.kind == TokenizerKind::wordpiece) spec.add_space_prefix = false;
    EXPECT_EQ(parsed(print_tokenizer_json(spec)), spec);
  }
  for (const char* name : {"llama-bpe", "qwen2", "starcoder", "deepseek-coder", "default"}) {
    TokenizerSpec spec = tiny_byte_bpe();
    spec.pre_tokenizer = name;
    EXPECT_EQ(parsed(print_tokenizer_json(spec)).pre_tokenizer, name);
  }
}

TEST(TokenizerJson, SentencePieceIsPrintedWithTheMergesOfItsScores) {
  const Tokenizer scored = make(tiny_sentencepiece());
  const TokenizerSpec listed = parsed(print_tokenizer_json(scored.spec()));
  EXPECT_EQ(listed.kind, TokenizerKind::sentencepiece_bpe);
  EXPECT_FALSE(listed.merges.empty());
  TokenizerSpec by_scores = listed;  // as a GGUF file keeps it
  by_scores.merges.clear();
  for (const char* text : {"hello hello", " hel  lo", "é한 hell", "<s>"}) {
    EXPECT_EQ(make(listed).encode(text), scored.encode(text)) << text;
    EXPECT_EQ(make(by_scores).encode(text), scored.encode(text)) << text;
  }
}

TEST(TokenizerJson, ReadsTheShapeOfLlama3) {
  const TokenizerSpec spec = parsed(
      file({.pre_tokenizer = kLlama3Split,
            .post_processor = R"({"type": "Sequence", "processors": [{"type": "ByteLevel"},
           {"type": "TemplateProcessing", "single": [
             {"SpecialToken": {"id": "<|begin|>", "type_id": 0}},
             {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}}]})",
            .model = R"({"type": "BPE", "ignore_merges": true, "vocab": {"a": 0, "b": 1, "ab": 2},
           "merges": [["a", "b"]]})",
            .added = R"([{"id": 3, "content": "<|begin|>", "special": true},
           {"id": 5, "content": "<|eot_id|>", "special": true, "rstrip": true},
           {"id": 6, "content": "<think>", "special": false}])"}));
  EXPECT_EQ(spec.kind, TokenizerKind::byte_bpe);
  EXPECT_EQ(spec.pre_tokenizer, "llama-bpe");
  EXPECT_TRUE(spec.ignore_merges);
  EXPECT_TRUE(spec.add_bos);
  EXPECT_FALSE(spec.add_eos);
  EXPECT_EQ(spec.bos, 3);
  EXPECT_THAT(spec.end_of_turn, ElementsAre(5));
  ASSERT_EQ(spec.tokens.size(), 7U);
  EXPECT_EQ(spec.tokens[4].type, TokenType::unused) << "a gap";
  EXPECT_TRUE(spec.tokens[5].strip_right);
  EXPECT_EQ(spec.tokens[6].type, TokenType::user_defined);
  EXPECT_THAT(spell(make(spec), "ab<think>", {}), ElementsAre("<|begin|>", "ab", "<think>"));
}

TEST(TokenizerJson, ReadsTheShapeOfQwenGptAndStarcoder) {
  EXPECT_TRUE(parsed(file({.normalizer = R"({"type": "NFC"})"})).nfc);
  EXPECT_EQ(parsed(file({})).pre_tokenizer, "gpt-2");
  const std::string digits =
      R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true},
          {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]})";
  EXPECT_EQ(parsed(file({.pre_tokenizer = digits})).pre_tokenizer, "starcoder");
}

TEST(TokenizerJson, ReadsTheShapesOfSentencePiece) {
  const std::string model =
      R"({"type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "vocab": {"<unk>": 0,
          "<0x0A>": 1, "▁": 2, "a": 3, "▁a": 4}, "merges": ["▁ a"]})";
  const TokenizerSpec legacy =
      parsed(file({.normalizer = R"({"type": "Sequence", "normalizers": [{"type": "Prepend",
                "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})",
                   .pre_tokenizer = "null",
                   .model = model}));
  EXPECT_EQ(legacy.kind, TokenizerKind::sentencepiece_bpe);
  EXPECT_TRUE(legacy.add_space_prefix);
  EXPECT_EQ(legacy.unknown, 0);
  EXPECT_THAT(spell(make(legacy), "a a\n"), ElementsAre("▁a", "▁a", "<0x0A>"));

  const TokenizerSpec metaspace =
      parsed(file({.pre_tokenizer = R"({"type": "Metaspace", "replacement": "▁",
                "prepend_scheme": "first", "split": false})",
                   .model = model}));
  EXPECT_TRUE(metaspace.prefix_once);
  EXPECT_THAT(spell(make(metaspace), " a"), ElementsAre("▁a"));
}

TEST(TokenizerJson, ReadsTheConfiguration) {
  const Parts parts{.added = R"([{"id": 3, "content": "<s>", "special": true},
      {"id": 4, "content": "</s>", "special": true}])"};
  const TokenizerSpec spec = parsed(file(parts), R"({"bos_token": {"content": "<s>"},
      "eos_token": "</s>", "pad_token": null, "add_bos_token": true, "chat_template": [
      {"name": "tool_use", "template": "x"}, {"name": "default", "template": "{{ messages }}"}]})");
  EXPECT_EQ(spec.bos, 3);
  EXPECT_EQ(spec.eos, 4);
  EXPECT_EQ(spec.padding, std::nullopt);
  EXPECT_TRUE(spec.add_bos);
  EXPECT_FALSE(spec.add_eos);
  EXPECT_EQ(spec.chat_template, "{{ messages }}");
  EXPECT_EQ(parsed(file(parts), R"({"chat_template": "t"})").chat_template, "t");
}

TEST(TokenizerJson, NamesWhatItDoesNotSupport) {
  const auto message = [](const Parts& parts) {
    const Error error = refusal(file(parts));
    EXPECT_EQ(error.code, Errc::unsupported);
    return error.message;
  };
  EXPECT_THAT(message({.normalizer = R"({"type": "NFKC"})"}), HasSubstr("normalizer NFKC"));
  EXPECT_THAT(message({.normalizer = R"({"type": "NFD"})"}), HasSubstr("NFD"));
  EXPECT_THAT(message({.normalizer = R"({"type": "Lowercase"})"}), HasSubstr("lower case"));
  EXPECT_THAT(message({.pre_tokenizer = R"({"type": "UnicodeScripts"})"}),
              HasSubstr("pre_tokenizer UnicodeScripts"));
  EXPECT_THAT(message({.pre_tokenizer = R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated"},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})"}),
              HasSubstr("\\w+"));
  EXPECT_THAT(message({.pre_tokenizer = R"({"type": "ByteLevel", "add_prefix_space": true})"}),
              HasSubstr("add_prefix_space"));
  EXPECT_THAT(message({.pre_tokenizer = "null"}), HasSubstr("ByteLevel"));
  EXPECT_THAT(message({.post_processor = R"({"type": "Strange"})"}), HasSubstr("Strange"));
  EXPECT_THAT(message({.model = R"({"type": "WordLevel", "vocab": {}})"}),
              HasSubstr("'WordLevel'"));
  EXPECT_THAT(message({.model = R"({"type": "BPE", "end_of_word_suffix": "</w>"})"}),
              HasSubstr("end of words"));
  EXPECT_THAT(message({.added = R"([{"id": 3, "content": "x", "single_word": true}])"}),
              HasSubstr("'x' with single_word"));
  EXPECT_THAT(message({.normalizer = R"({"type": "Sequence", "normalizers": 3})"}),
              HasSubstr("normalizer"));
}

TEST(TokenizerJson, RefusesWhatIsDamaged) {
  const auto message = [](std::string_view json) {
    const Error error = refusal(json);
    EXPECT_EQ(error.code, Errc::corrupt) << json;
    return error.message;
  };
  EXPECT_THAT(message(""), HasSubstr("tokenizer.json is no JSON object"));
  EXPECT_THAT(message("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(message("{\"model\": "), HasSubstr("no JSON object"));
  EXPECT_THAT(message(file({.model = R"({"type": "BPE", "vocab": {"a": -1}, "merges": []})"})),
              HasSubstr("'a' has the id -1"));
  EXPECT_THAT(message(file({.model = R"({"type": "BPE", "vocab": {"a": 9999999}, "merges": []})"})),
              HasSubstr("9999999 among 1"));
  EXPECT_THAT(message(file({.model = R"({"type": "BPE", "vocab": {"a": "0"}, "merges": []})"})),
              HasSubstr("'a'"));
  EXPECT_THAT(message(file({.model = R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]})"})),
              HasSubstr("merge 0"));
  EXPECT_THAT(message(file({.model = R"({"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]})"})),
              HasSubstr("merge 0"));
  EXPECT_THAT(message(file({.added = R"([{"id": 1}])"})), HasSubstr("no id or no content"));
  EXPECT_THAT(refusal(file({}), "{").message, HasSubstr("tokenizer_config.json"));
  EXPECT_THAT(message(file({.normalizer = R"({"type": "Precompiled",
      "precompiled_charsmap": "?"})"})),
              HasSubstr("base64"));
}

}  // namespace
}  // namespace galley::text
