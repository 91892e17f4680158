#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "tiny_tokenizers.h"

namespace galley::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Error refusal_of_spec(TokenizerSpec spec) {
  auto tokenizer = Tokenizer::create(std::move(spec));
  EXPECT_FALSE(tokenizer);
  return tokenizer ? Error{} : tokenizer.error();
}

/// Letters a to d and the merges that are asked for.
TokenizerSpec letters(std::vector<std::pair<std::string, std::string>> merges) {
  TokenizerSpec spec;
  for (const char* text : {"a", "b", "c", "d", "Ġ"}) spec.tokens.push_back({.text = text});
  for (const auto& [left, right] : merges) spec.tokens.push_back({.text = left + right});
  spec.merges = std::move(merges);
  return spec;
}

TEST(ByteBpe, MergesBestRankFirstAndFromTheLeft) {
  const Tokenizer ranks = make(letters({{"b", "c"}, {"a", "b"}, {"c", "d"}}));
  EXPECT_THAT(spell(ranks, "abcd"), ElementsAre("a", "bc", "d"));
  const Tokenizer left = make(letters({{"a", "a"}, {"aa", "a"}}));
  EXPECT_THAT(spell(left, "aaaaa"), ElementsAre("aa", "aaa"));
  EXPECT_THAT(spell(left, "aa aaa"), ElementsAre("aa", "Ġ", "aaa"));
}

TEST(ByteBpe, APieceThatIsATokenNeedNotBeReachedByMerges) {
  // "abc" is in the vocabulary, but its merge starts from "bc", which "ab" forestalls.
  TokenizerSpec spec = letters({{"a", "b"}, {"b", "c"}, {"a", "bc"}});
  const Tokenizer merging = make(spec);
  EXPECT_THAT(spell(merging, "abc"), ElementsAre("ab", "c"));
  EXPECT_THAT(spell(merging, "abc"), ElementsAre("ab", "c")) << "also when it is known";
  spec.ignore_merges = true;
  EXPECT_THAT(spell(make(spec), "abc"), ElementsAre("abc"));
}

TEST(ByteBpe, BytesWithoutATokenAreLeftOutOrUnknown) {
  TokenizerSpec spec = letters({});
  EXPECT_THAT(spell(make(spec), "axb"), ElementsAre("a", "b"));
  spec.tokens.push_back({.text = "<unk>", .type = TokenType::unknown});
  spec.unknown = 5;
  EXPECT_THAT(spell(make(spec), "axb"), ElementsAre("a", "<unk>", "b"));
}

TEST(ByteBpe, NormalisesWhereAsked) {
  TokenizerSpec spec = tiny_byte_bpe();
  const std::string jamo = "\u1102\u1161\u1102\u1173\u11ab";  // "나는" in parts
  EXPECT_NE(spell(make(spec), jamo), spell(make(spec), "나는"));
  spec.nfc = true;
  EXPECT_EQ(spell(make(spec), jamo), spell(make(spec), "나는"));
}

TEST(Tokenizer, SetsTokensAroundATextWhereTheModelWantsThem) {
  const Tokenizer llama = make(tiny_sentencepiece());
  EXPECT_THAT(spell(llama, "hello", {}), ElementsAre("<s>", "▁hello"));
  EXPECT_THAT(spell(llama, "", {}), ElementsAre("<s>"));
  EXPECT_THAT(llama.encode("", {.add_special = false}), IsEmpty());
  EXPECT_THAT(spell(make(tiny_unigram()), "ab", {}), ElementsAre("▁ab", "</s>"));
}

TEST(Tokenizer, ReadsSpecialTokensOnlyWhenAsked) {
  const Tokenizer tokenizer = make(tiny_byte_bpe());
  const TokenId end = *tokenizer.find("<|im_end|>");
  const auto parsed =
      tokenizer.encode("a<|im_end|>b", {.add_special = false, .parse_special = true});
  EXPECT_EQ(parsed.size(), 3U);
  EXPECT_EQ(parsed[1], end);
  const auto plain = tokenizer.encode("a<|im_end|>b", {.add_special = false});
  EXPECT_EQ(std::ranges::count(plain, end), 0);
  EXPECT_EQ(tokenizer.decode(parsed), "ab");
  EXPECT_EQ(tokenizer.decode(parsed, true), "a<|im_end|>b");
  EXPECT_EQ(tokenizer.decode(plain), "a<|im_end|>b");
  EXPECT_TRUE(tokenizer.ends_answer(end));
  EXPECT_FALSE(tokenizer.ends_answer(0));
}

TEST(Tokenizer, FindsUserDefinedTokensFirstLeftmostAndLongest) {
  TokenizerSpec spec = letters({{"a", "b"}});
  spec.tokens.push_back({.text = "bc", .type = TokenType::user_defined});
  spec.tokens.push_back({.text = "bcd", .type = TokenType::user_defined});
  EXPECT_THAT(spell(make(spec), "abcdbca"), ElementsAre("a", "bcd", "bc", "a"));
}

TEST(Tokenizer, SpecialTokensMaySwallowTheSpaceBesideThem) {
  TokenizerSpec spec = letters({});
  spec.tokens.push_back(
      {.text = "<x>", .type = TokenType::control, .strip_left = true, .strip_right = true});
  const Tokenizer tokenizer = make(spec);
  EXPECT_THAT(spell(tokenizer, "a \u3000<x> \nb c", {.add_special = false, .parse_special = true}),
              ElementsAre("a", "<x>", "b", "Ġ", "c"));
}

TEST(SentencePiece, MergesByScoreAndFallsBackToBytes) {
  const Tokenizer tokenizer = make(tiny_sentencepiece());
  EXPECT_THAT(spell(tokenizer, "hello"), ElementsAre("▁hello"));
  EXPECT_THAT(spell(tokenizer, "hello  hello"), ElementsAre("▁hello", "▁", "▁hello"));
  EXPECT_THAT(spell(tokenizer, "é"), ElementsAre("▁", "<0xC3>", "<0xA9>"));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("hello é  한")), "hello é  한");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(" hello")), " hello");
}

TEST(SentencePiece, SetsTheSpaceWhereTheSpecSays) {
  TokenizerSpec spec = tiny_sentencepiece();
  const Tokenizer::EncodeOptions parse{.add_special = false, .parse_special = true};
  EXPECT_THAT(spell(make(spec), "hello</s>hello", parse), ElementsAre("▁hello", "</s>", "▁hello"));
  spec.prefix_once = true;
  EXPECT_THAT(spell(make(spec), "hello</s>hello", parse),
              ElementsAre("▁hello", "</s>", "h", "el", "lo"));
  spec.prefix_unless_space = true;
  EXPECT_THAT(spell(make(spec), " hello"), ElementsAre("▁hello"));
  spec.add_space_prefix = false;
  EXPECT_THAT(spell(make(spec), "hello"), ElementsAre("h", "el", "lo"));
}

TEST(SentencePiece, ARunOfUnknownCharactersIsOneToken) {
  TokenizerSpec spec = tiny_sentencepiece();
  std::erase_if(spec.tokens, [](const Token& token) { return token.type == TokenType::byte; });
  EXPECT_THAT(spell(make(spec), "é한hello"), ElementsAre("▁", "<unk>", "h", "el", "lo"));
}

TEST(SentencePiece, TokensThatCrossWordsAreFound) {
  TokenizerSpec spec = tiny_sentencepiece();
  spec.tokens.push_back({.text = "o▁", .score = 1});
  spec.tokens.push_back({.text = "o▁h", .score = 2});
  EXPECT_THAT(spell(make(spec), "lo he"), ElementsAre("▁", "l", "o▁h", "e"));
}

TEST(Unigram, TakesTheCutOfTheHighestSum) {
  const Tokenizer tokenizer = make(tiny_unigram());
  EXPECT_THAT(spell(tokenizer, "ab"), ElementsAre("▁ab"));        // -6, not -3-5
  EXPECT_THAT(spell(tokenizer, "aba"), ElementsAre("▁ab", "a"));  // -10, not -3-9.5
  EXPECT_THAT(spell(tokenizer, "xyb"), ElementsAre("▁", "<unk>", "b"));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("ab ab")), "ab ab");
}

TEST(Unigram, SpacesMayCountAsOne) {
  TokenizerSpec spec = tiny_unigram();
  EXPECT_THAT(spell(make(spec), "ab  ab "), ElementsAre("▁ab", "▁", "▁ab", "▁"));
  spec.merge_spaces = true;
  EXPECT_THAT(spell(make(spec), "  ab  ab "), ElementsAre("▁ab", "▁ab"));
}

TEST(WordPiece, CutsWordsIntoTheLongestKnownStarts) {
  const Tokenizer tokenizer = make(tiny_wordpiece());
  EXPECT_THAT(spell(tokenizer, "Playing, Café!", {}),
              ElementsAre("[CLS]", "▁play", "ing", "[UNK]", "▁cafe", "▁!", "[SEP]"));
  EXPECT_THAT(spell(tokenizer, "中中play"), ElementsAre("▁中", "▁中", "▁play"));
  EXPECT_THAT(spell(tokenizer, "cafe\u0301"), ElementsAre("▁cafe"));
  EXPECT_THAT(spell(tokenizer, "pl\u200bay\u0085ing"), ElementsAre("▁play", "ing"));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("playing cafe")), "playing cafe");
}

TEST(WordPiece, ReadsHangulAsItsJamoOrAsLlamaCppDoes) {
  TokenizerSpec spec = tiny_wordpiece();
  EXPECT_THAT(spell(make(spec), "한"), ElementsAre("▁ᄒ", "ᅡ", "ᆫ"));
  spec.first_of_decomposition = true;
  EXPECT_THAT(spell(make(spec), "한"), ElementsAre("▁ᄒ"));
}

TEST(WordPiece, LongWordsAreUnknown) {
  const std::string ings = std::string("play") + std::string(99, 'x');
  EXPECT_THAT(spell(make(tiny_wordpiece()), ings), ElementsAre("[UNK]"));
}

TEST(Tokenizer, TakesInvalidUtf8AsReplacementCharacters) {
  const Tokenizer tokenizer = make(tiny_byte_bpe());
  const auto text = [&](std::string_view bytes) {
    return tokenizer.decode(tokenizer.encode(bytes));
  };
  EXPECT_EQ(text("a\xff"
                 "b"),
            "a\uFFFDb");
  EXPECT_EQ(text("\xe1\x80"), "\uFFFD") << "one for a maximal subpart";
  EXPECT_EQ(text("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "no part of a surrogate is one";
  EXPECT_EQ(text("\xf0\x9f\x98"), "\uFFFD");
  EXPECT_EQ(text("\xc0\xaf\xf0\x9f\x98\x80"), "\uFFFD\uFFFD😀");
}

TEST(Tokenizer, IdsPastTheVocabularyStandForNothing) {
  const Tokenizer tokenizer = make(letters({}));
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{0, -1, 99, 1}), "ab");
}

TEST(Tokenizer, RefusesWhatContradictsItself) {
  EXPECT_THAT(refusal_of_spec({}).message, HasSubstr("no tokens"));
  TokenizerSpec merges = letters({{"a", "b"}});
  merges.merges.emplace_back("a", "z");
  EXPECT_EQ(refusal_of_spec(merges).code, Errc::invalid_argument);
  EXPECT_THAT(refusal_of_spec(merges).message, HasSubstr("merge 1"));
  EXPECT_THAT(refusal_of_spec(merges).message, HasSubstr("'z'"));
  TokenizerSpec ids = letters({});
  ids.eos = 5;
  EXPECT_THAT(refusal_of_spec(ids).message, HasSubstr("eos is token 5, but it has 5 tokens"));
  TokenizerSpec bos = letters({});
  bos.add_bos = true;
  EXPECT_EQ(refusal_of_spec(bos).field, "bos");
  TokenizerSpec pre = letters({});
  pre.pre_tokenizer = "gpt-3";
  EXPECT_EQ(refusal_of_spec(pre).code, Errc::unsupported);
  TokenizerSpec unknown = tiny_unigram();
  unknown.unknown.reset();
  EXPECT_EQ(refusal_of_spec(unknown).field, "unknown");
  unknown = tiny_wordpiece();
  unknown.unknown.reset();
  EXPECT_EQ(refusal_of_spec(unknown).field, "unknown");
  TokenizerSpec score = tiny_unigram();
  score.tokens[3].score = NAN;
  EXPECT_THAT(refusal_of_spec(score).message, HasSubstr("token 3"));
  TokenizerSpec token = letters({});
  token.tokens[2].text.assign(5000, 'x');
  EXPECT_THAT(refusal_of_spec(token).message, HasSubstr("5000 bytes"));
}

TEST(Tokenizer, RefusesADamagedCharacterMap) {
  TokenizerSpec spec = tiny_unigram();
  spec.char_map = std::string("\x08\0\0\0\0", 5);
  EXPECT_EQ(refusal_of_spec(spec).field, "char_map");
}

TEST(Tokenizer, ThreadsMayShareOne) {
  const Tokenizer tokenizer = make(tiny_byte_bpe());
  const std::string text = "the cat sat on the mat 나는 밥을 먹는다 aaaaaaaaaaaaaa";
  const auto expected = make(tiny_byte_bpe()).encode(text);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) EXPECT_EQ(tokenizer.encode(text), expected);
    });
}

}  // namespace
}  // namespace galley::text
