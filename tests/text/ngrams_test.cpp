#include "text/ngrams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace galley::text {
namespace {

constexpr NgramOptions kCharactersOnly{
    .char_min = 1, .char_max = 3, .word_max = 0, .tail_chars = 0};
constexpr NgramOptions kWordsOnly{.char_min = 1, .char_max = 0, .word_max = 2, .tail_chars = 0};

std::vector<std::uint32_t> hashes(std::string_view text, const NgramOptions& options = {}) {
  NgramScratch scratch;
  std::vector<std::uint32_t> out;
  const auto status = hash_ngrams(text, options, scratch, out);
  EXPECT_TRUE(status) << status.error().message;
  return out;
}

TEST(HashNgrams, CountsCharactersAsCodePoints) {
  // " 한국 " has 2 unigrams, 3 bigrams and 2 trigrams, however many bytes a syllable takes.
  EXPECT_EQ(hashes("한국", kCharactersOnly).size(), 7U);
  EXPECT_EQ(hashes("ab", kCharactersOnly).size(), 7U);
  EXPECT_EQ(hashes("😀x", kCharactersOnly).size(), 7U);
}

TEST(HashNgrams, CountsRunsOfWords) {
  EXPECT_EQ(hashes("one", kWordsOnly).size(), 1U);
  EXPECT_EQ(hashes("one two three", kWordsOnly).size(), 5U);
  EXPECT_EQ(hashes("one two", kWordsOnly)[0], hashes("one three", kWordsOnly)[0]);
  EXPECT_NE(hashes("one two", kWordsOnly)[1], hashes("one three", kWordsOnly)[1]);
}

TEST(HashNgrams, EquivalentTextsAreOne) {
  EXPECT_EQ(hashes("한글"), hashes("\u1112\u1161\u11ab\u1100\u1173\u11af"));
  EXPECT_EQ(hashes("  GOOD\t\n movie "), hashes("good movie"));
  EXPECT_EQ(hashes("good\u3000movie"), hashes("good movie"));
  NgramOptions exact;
  exact.fold_case = false;
  EXPECT_NE(hashes("GOOD", exact), hashes("good", exact));
}

TEST(HashNgrams, KindsOfFeaturesDoNotMix) {
  NgramOptions tail = kCharactersOnly;
  tail.tail_chars = 2;
  auto plain = hashes("abcdef", kCharactersOnly);
  auto both = hashes("abcdef", tail);
  ASSERT_EQ(both.size(), plain.size() + 2 + 2 + 1);  // within "ef ": 2 of one, 2 of two, 1 of three
  for (std::size_t i = plain.size(); i < both.size(); ++i)
    EXPECT_THAT(plain, ::testing::Not(::testing::Contains(both[i])));
  // The tail is the end: another beginning leaves its features as they were.
  const auto other = hashes("xbcdef", tail);
  EXPECT_TRUE(std::equal(both.end() - 5, both.end(), other.end() - 5));
}

TEST(HashNgrams, EmptyAndBlankTextsHaveNoFeatures) {
  EXPECT_TRUE(hashes("").empty());
  EXPECT_TRUE(hashes(" \t\u3000\n").empty());
}

/// Stored models depend on these numbers, which were also worked out by hand from
/// docs/formats/classifier.md: a change to them is a new scheme.
TEST(HashNgrams, IsTheSchemeOnDisk) {
  EXPECT_EQ(kNgramScheme, "galley-ngrams-1");
  EXPECT_THAT(hashes("가A", {.char_min = 1, .char_max = 2, .word_max = 1, .tail_chars = 1}),
              ::testing::ElementsAreArray(
                  std::vector<std::uint32_t>{3976198083U, 3930990630U, 3410549358U, 3513445275U,
                                             3972057892U, 2617674020U, 2732458766U, 2211542603U}));
}

TEST(HashNgrams, RefusesInvalidAndEndlessTexts) {
  NgramScratch scratch;
  std::vector<std::uint32_t> out;
  const auto invalid = hash_ngrams("a\xc3(", {}, scratch, out);
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.error().code, Errc::invalid_argument);
  const auto endless = hash_ngrams(std::string(kMaxTextBytes + 1, 'a'), {}, scratch, out);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().code, Errc::too_large);
  EXPECT_TRUE(hash_ngrams(std::string(kMaxTextBytes, 'a'), {}, scratch, out));
}

TEST(HashNgrams, IsTheSameOnEveryThread) {
  const auto expected = hashes("세상에 이런 영화가 있다니");
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) EXPECT_EQ(hashes("세상에 이런 영화가 있다니"), expected);
    });
}

TEST(NgramOptions, AreChecked) {
  EXPECT_TRUE(check(NgramOptions{}));
  const auto field = [](const NgramOptions& options) {
    const auto status = check(options);
    return status ? std::string("none") : status.error().field;
  };
  EXPECT_EQ(field({.char_min = 3, .char_max = 2}), "char_min");
  EXPECT_EQ(field({.char_min = 0}), "char_min");
  EXPECT_EQ(field({.char_max = 17}), "char_max");
  EXPECT_EQ(field({.word_max = 17}), "word_max");
  EXPECT_EQ(field({.char_max = 0, .word_max = 0}), "char_max");
  EXPECT_EQ(field({.tail_chars = 257}), "tail_chars");
}

}  // namespace
}  // namespace galley::text
