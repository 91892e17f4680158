#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tiny_tokenizers.h"

namespace galley::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TokenizerSpec train(std::string_view text, std::size_t size,
                    const std::vector<std::string>& control = {}) {
  const std::vector<std::string_view> texts{text};
  auto spec = train_byte_bpe(texts, size, control);
  EXPECT_TRUE(spec) << spec.error().message;
  return *std::move(spec);
}

TEST(TrainByteBpe, MergesTheMostFrequentPairFirst) {
  const TokenizerSpec spec = train("abab abab ab cd cd", 256 + 3);
  // "ab" occurs 5 times; of the pairs that then occur twice, the lower ids win.
  EXPECT_THAT(spec.merges, ElementsAre(Pair("a", "b"), Pair("Ġ", "c"), Pair("Ġ", "ab")));
  EXPECT_EQ(spec.tokens.size(), 259U);
  EXPECT_THAT(spell(make(spec), "abab ab"), ElementsAre("ab", "ab", "Ġab"));
}

TEST(TrainByteBpe, KeepsRoomForControlTokensAtTheEnd) {
  const TokenizerSpec spec = train("aaaa bbbb", 260, {"<|endoftext|>", "<|im_end|>"});
  ASSERT_EQ(spec.tokens.size(), 260U);
  EXPECT_EQ(spec.tokens[258].text, "<|endoftext|>");
  EXPECT_EQ(spec.tokens[259].type, TokenType::control);
  EXPECT_THAT(spec.end_of_turn, ElementsAre(258, 259));
}

TEST(TrainByteBpe, StopsWhenNoPairOccursTwice) {
  EXPECT_EQ(train("abc", 1000).tokens.size(), 256U);
  EXPECT_EQ(train("", 1000).tokens.size(), 256U);
}

/// Counts every pair anew before every merge.
std::vector<std::pair<std::string, std::string>> train_slowly(
    std::vector<std::pair<std::vector<std::size_t>, int>> words, std::vector<std::string> names,
    std::size_t size) {
  std::vector<std::pair<std::string, std::string>> merges;
  while (names.size() < size) {
    std::map<std::pair<std::size_t, std::size_t>, int> counts;
    for (const auto& [symbols, count] : words)
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
        counts[{symbols[i], symbols[i + 1]}] += count;
    const auto best =
        std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
    if (best == counts.end() || best->second < 2) break;
    const auto [left, right] = best->first;
    merges.emplace_back(names[left], names[right]);
    for (auto& [symbols, count] : words)
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
        if (symbols[i] == left && symbols[i + 1] == right) {
          symbols[i] = names.size();
          symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
    names.push_back(names[left] + names[right]);
  }
  return merges;
}

TEST(TrainByteBpe, AgreesWithCountingAnew) {
  // One word of its letters, drawn from few, a line; runs such as "aaaa" are the hard case.
  std::uint32_t state = 1;
  const auto draw = [&state](std::uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 16) % below;
  };
  std::string text;
  std::vector<std::pair<std::vector<std::size_t>, int>> words;
  for (int line = 0; line < 300; ++line) {
    std::vector<std::size_t> symbols;
    for (std::uint32_t i = 0, length = 1 + draw(9); i < length; ++i)
      symbols.push_back('a' + draw(3));
    for (const std::size_t symbol : symbols) text += static_cast<char>(symbol);
    text += '\n';
    words.emplace_back(std::move(symbols), 1);
  }
  const TokenizerSpec spec = train(text, 300);
  std::vector<std::string> bytes;
  for (std::size_t i = 0; i < 256; ++i) bytes.push_back(spec.tokens[i].text);
  EXPECT_EQ(spec.merges, train_slowly(std::move(words), std::move(bytes), 300));
}

TEST(TrainByteBpe, IsDeterministicAndLosesNothing) {
  const TokenizerSpec spec = tiny_byte_bpe();
  EXPECT_EQ(spec, tiny_byte_bpe());
  const Tokenizer tokenizer = make(spec);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("고양이 \xff cat")), "고양이 \uFFFD cat");
}

TEST(TrainByteBpe, RefusesImpossibleSizes) {
  const std::vector<std::string_view> texts{"abc"};
  const std::vector<std::string> control{"<a>", "<b>"};
  const auto small = train_byte_bpe(texts, 257, control);
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().field, "size");
  EXPECT_EQ(small.error().expected, "258 to 16777216");
  const std::vector<std::string> twice{"<a>", "<a>"};
  const auto repeated = train_byte_bpe(texts, 300, twice);
  ASSERT_FALSE(repeated);
  EXPECT_THAT(repeated.error().message, HasSubstr("'<a>'"));
}

}  // namespace
}  // namespace galley::text
