#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <chrono>
#include <ctime>

#include "base/text.h"
#include "tiny_tokenizers.h"
#include "utf8.h"

namespace galley::text {
namespace {

/// Bytes in which characters of every length, halves of them and spaces all are common.
rc::Gen<std::string> any_text() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
          "a", "aa", " ", "  ", "\n", "나는", "밥", "é", "😀", "e\u0301", "\xff", "\xe1\x80",
          "\xf0\x9f", "12", "'s", "<|im_end|>", "▁", "\u3000", "the"})),
      [](const std::vector<std::string>& parts) {
        std::string text;
        for (const std::string& part : parts) text += part;
        return text;
      });
}

std::string repaired(std::string_view text) {
  std::string scratch;
  return std::string(well_formed(text, scratch));
}

/// The obvious slow version of byte-pair encoding, on one piece.
std::vector<std::string> merge_slowly(const TokenizerSpec& spec, std::vector<std::string> symbols) {
  while (true) {
    std::size_t best = spec.merges.size(), at = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = std::ranges::find(spec.merges, std::pair(symbols[i], symbols[i + 1]));
      const auto rank = static_cast<std::size_t>(found - spec.merges.begin());
      if (rank < best) best = rank, at = i;
    }
    if (best == spec.merges.size()) return symbols;
    symbols[at] += symbols[at + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(TokenizerProperties, ByteLevelTextComesBack) {
  const Tokenizer tokenizer = make(tiny_byte_bpe());
  const bool held = rc::check("decode(encode(text)) is the text", [&] {
    const std::string text = *any_text();
    RC_ASSERT(tokenizer.decode(tokenizer.encode(text)) == repaired(text));
    const auto parsed = tokenizer.encode(text, {.add_special = false, .parse_special = true});
    RC_ASSERT(tokenizer.decode(parsed, true) == repaired(text));
    const std::string bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    RC_ASSERT(tokenizer.decode(tokenizer.encode(bytes)) == repaired(bytes));
  });
  EXPECT_TRUE(held);
}

TEST(TokenizerProperties, LongAndShortPiecesMergeAlike) {
  const TokenizerSpec spec = tiny_byte_bpe();
  const Tokenizer tokenizer = make(spec);
  const bool held = rc::check("as the slow version", [&] {
    const auto length = *rc::gen::inRange<std::size_t>(1, 150);
    std::string text;
    std::vector<std::string> symbols;
    for (std::size_t i = 0; i < length; ++i) {
      symbols.emplace_back(1, *rc::gen::element('a', 't', 'h', 'e', 'c'));
      text += symbols.back();
    }
    RC_ASSERT(spell(tokenizer, text) == merge_slowly(spec, symbols));
  });
  EXPECT_TRUE(held);
}

TEST(TokenizerProperties, AStreamGivesWholeCharactersAndTheSameText) {
  const std::vector<Tokenizer> tokenizers = [] {
    std::vector<Tokenizer> all;
    all.push_back(make(tiny_byte_bpe()));
    all.push_back(make(tiny_sentencepiece()));
    all.push_back(make(tiny_unigram()));
    return all;
  }();
  const bool held = rc::check("add() and finish() give decode()", [&] {
    for (const Tokenizer& tokenizer : tokenizers) {
      // Any tokens, so that characters are cut and bytes do not fit together.
      const auto ids = *rc::gen::container<std::vector<TokenId>>(
          rc::gen::inRange<TokenId>(0, static_cast<TokenId>(tokenizer.size())));
      const bool special = *rc::gen::arbitrary<bool>();
      Detokenizer detokenizer(tokenizer, special);
      std::string text;
      for (const TokenId id : ids) {
        const std::string part = detokenizer.add(id);
        RC_ASSERT(is_valid_utf8(part));
        text += part;
      }
      text += detokenizer.finish();
      RC_ASSERT(is_valid_utf8(text));
      RC_ASSERT(text == tokenizer.decode(ids, special));
      std::string bytes;
      for (const TokenId id : ids) bytes += tokenizer.bytes_of(id, special);
      std::string_view rest = bytes;
      if (tokenizer.spec().kind != TokenizerKind::byte_bpe && rest.starts_with(' '))
        rest.remove_prefix(1);
      RC_ASSERT(text == repaired(rest));
    }
  });
  EXPECT_TRUE(held);
}

TEST(Detokenizer, HoldsACharacterBackUntilItIsWhole) {
  const Tokenizer tokenizer = make(tiny_sentencepiece());
  Detokenizer detokenizer(tokenizer);
  const auto byte = [&](const char* name) { return *tokenizer.find(name); };
  EXPECT_EQ(detokenizer.add(*tokenizer.find("▁hello")), "hello");
  EXPECT_EQ(detokenizer.add(byte("<0xED>")), "");
  EXPECT_EQ(detokenizer.add(byte("<0x95>")), "");
  EXPECT_EQ(detokenizer.add(byte("<0x9C>")), "한");
  EXPECT_EQ(detokenizer.add(byte("<0xED>")), "");
  EXPECT_EQ(detokenizer.add(*tokenizer.find("h")), "\uFFFDh");
  EXPECT_EQ(detokenizer.add(byte("<0xF0>")), "");
  EXPECT_EQ(detokenizer.finish(), "\uFFFD");
  EXPECT_EQ(detokenizer.finish(), "");
}

TEST(Detokenizer, KeepsTheSpaceOfWhatGoesOnWithAText) {
  const Tokenizer tokenizer = make(tiny_sentencepiece());
  const TokenId hello = *tokenizer.find("▁hello");
  EXPECT_EQ(Detokenizer(tokenizer).add(hello), "hello");
  EXPECT_EQ(Detokenizer(tokenizer, false, Detokenizer::From::middle).add(hello), " hello");
}

/// Text made to be slow takes about as long as any: a second is a thousand times too much for what
/// is linear here, and nothing beside what a quadratic way would take.
TEST(TokenizerLimits, AMegabyteOfOneKindIsEncodedInTime) {
  constexpr std::size_t kBytes = 1'000'000;
  std::string marks;
  while (marks.size() < kBytes) marks += "\u0301";
  std::string hangul;
  while (hangul.size() < kBytes) hangul += "는";
  const std::vector<std::string> texts{std::string(kBytes, 'a'),
                                       std::string(kBytes, ' '),
                                       std::string(kBytes, '\n'),
                                       std::string(kBytes, '1'),
                                       std::string(kBytes, '\xf0'),
                                       marks,
                                       hangul};
  std::vector<TokenizerSpec> specs{tiny_sentencepiece(), tiny_unigram(), tiny_wordpiece()};
  for (const char* name : {"gpt-2", "llama-bpe", "starcoder", "tekken", "deepseek-v3", "default"}) {
    specs.push_back(tiny_byte_bpe());
    specs.back().pre_tokenizer = name;
  }
  for (TokenizerSpec& spec : specs) {
    const Tokenizer tokenizer = make(spec);
    for (const std::string& text : texts) {
      const std::clock_t begin = std::clock();
      EXPECT_GT(tokenizer.encode(text).size(), 0U);
      const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
      EXPECT_LT(seconds, 5) << spec.pre_tokenizer << " on " << static_cast<int>(text[0]);
    }
  }
}

}  // namespace
}  // namespace galley::text
