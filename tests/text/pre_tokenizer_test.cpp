#include "pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace galley::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> split(std::string_view name, std::string_view text) {
  const auto pre_tokenizer = PreTokenizer::find(name);
  EXPECT_TRUE(pre_tokenizer) << name;
  std::vector<std::size_t> ends;
  pre_tokenizer->split(text, ends);
  std::vector<std::string> pieces;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  EXPECT_EQ(begin, text.size()) << "the pieces are the text";
  return pieces;
}

// The expectations below were read off the regular expressions and confirmed with an engine.

TEST(PreTokenizer, Gpt2) {
  EXPECT_THAT(split("gpt-2", "Hello world's 1234 a1, !!"),
              ElementsAre("Hello", " world", "'s", " 1234", " a", "1", ",", " !!"));
  EXPECT_THAT(split("gpt-2", "I'll 'LL don't"), ElementsAre("I", "'ll", " '", "LL", " don", "'t"));
  EXPECT_THAT(split("gpt-2", "a   b\n\n c\t\td  "),
              ElementsAre("a", "  ", " b", "\n\n", " c", "\t", "\t", "d", "  "));
  EXPECT_THAT(split("gpt-2", "안녕 e\u0301½\u3000\u00a0x"),
              ElementsAre("안녕", " e", "\u0301", "½", "\u3000", "\u00a0", "x"));
}

TEST(PreTokenizer, Llama3AndQwen2) {
  EXPECT_THAT(split("llama-bpe", "I'LL 12345 (word) ...\n\nx"),
              ElementsAre("I", "'LL", " ", "123", "45", " (", "word", ")", " ...\n\n", "x"));
  EXPECT_THAT(split("llama-bpe", "a  \n b   c \r\n\r\n  "),
              ElementsAre("a", "  \n", " b", "  ", " c", " \r\n\r\n", "  "));
  EXPECT_THAT(split("llama-bpe", "\tx\u00a0y'\u017f"), ElementsAre("\tx", "\u00a0y", "'\u017f"));
  EXPECT_THAT(split("qwen2", "2024년 x12"), ElementsAre("2", "0", "2", "4", "년", " x", "1", "2"));
}

TEST(PreTokenizer, SingleDigitsBeforeGpt2) {
  for (const char* name : {"starcoder", "smollm", "command-r", "refact"})
    EXPECT_THAT(split(name, "x = 42; it's"),
                ElementsAre("x", " =", " ", "4", "2", ";", " it", "'s"));
}

TEST(PreTokenizer, FalconAndDefault) {
  EXPECT_THAT(split("falcon", "a+b, 12345 `x`"),
              ElementsAre("a", "+", "b", ",", " ", "123", "45", " ", "`", "x", "`"));
  EXPECT_THAT(split("default", "a 12345"), ElementsAre("a", " ", "123", "45"));
}

TEST(PreTokenizer, DeepSeek) {
  EXPECT_THAT(split("deepseek-llm", "Hi there,\n中文テ 한글 123"),
              ElementsAre("Hi", " there", ",", "\n", "中文テ", " ", "한글", " ", "123"));
  EXPECT_THAT(split("deepseek-coder", "x1 = 23\n"), ElementsAre("x", "1", " = ", "2", "3", "\n"));
  EXPECT_THAT(split("deepseek-v3", "_name 12345중文かx ..\n"),
              ElementsAre("_name", " ", "123", "45", "중", "文か", "x", " ..\n"));
}

TEST(PreTokenizer, CaseCutsTheWordsOfTekken) {
  EXPECT_THAT(split("tekken", "HTTPServer iPhone USA 42 a//\n"),
              ElementsAre("HTTPServer", " i", "Phone", " USA", " ", "4", "2", " a", "//\n"));
  EXPECT_THAT(split("gpt-4o", "It's CamelCase 1234"),
              ElementsAre("It's", " Camel", "Case", " ", "123", "4"));
  EXPECT_THAT(split("tekken", "가A\u0301b"), ElementsAre("가A\u0301b"));
}

TEST(PreTokenizer, BloomAndChameleon) {
  EXPECT_THAT(split("bloom", "Hello, (world) 12"),
              ElementsAre("Hello", ", (", "world", ")", " 12"));
  EXPECT_THAT(
      split("chameleon", "a    b\t7IMGIMGABZ!<sentinel:3>"),
      ElementsAre("a", "    ", "b", "\t", "7", "IMGIMGABZ", "!", "<", "sentinel", ":", "3", ">"));
}

TEST(PreTokenizer, UnknownNamesAreToldApart) {
  const auto result = PreTokenizer::find("llama-bp");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::unsupported);
  EXPECT_THAT(result.error().message, HasSubstr("'llama-bp'"));
  EXPECT_THAT(result.error().hint, HasSubstr("llama-bpe"));
}

TEST(PreTokenizer, RegexesLeadBackToTheName) {
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "starcoder", "tekken", "deepseek-llm"}) {
    std::vector<std::string> regexes;
    for (const Expression& each : PreTokenizer::find(name)->expressions())
      regexes.emplace_back(each.regex);
    EXPECT_EQ(PreTokenizer::name_of(regexes), name);
  }
  EXPECT_EQ(PreTokenizer::name_of(std::vector<std::string>{"\\w+"}), std::nullopt);
}

}  // namespace
}  // namespace galley::text
