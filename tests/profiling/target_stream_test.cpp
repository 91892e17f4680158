#include "target_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::profiling {
namespace {

using ::testing::HasSubstr;

std::string piece(const std::string& text) {
  return R"({"choices":[{"index":0,"text":")" + text + R"(","finish_reason":null}]})";
}

StreamedAnswer answer_of(const std::vector<std::string>& events) {
  StreamedAnswer answer;
  for (const auto& event : events) {
    const auto taken = answer.take(event);
    EXPECT_TRUE(taken) << taken.error().message;
  }
  return answer;
}

TEST(StreamedAnswer, PutsACompletionTogether) {
  const auto answer =
      answer_of({piece("Hello"), piece(" you"), piece(""),
                 R"({"choices":[{"text":"","finish_reason":"stop","stop_reason":"\n"}]})",
                 R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}})", "[DONE]"});
  EXPECT_EQ(answer.text(), "Hello you");
  EXPECT_EQ(answer.pieces(), 2U);
  EXPECT_EQ(answer.finish_reason(), "stop");
  EXPECT_TRUE(answer.names_stop());
  EXPECT_TRUE(answer.complete());
  ASSERT_TRUE(answer.usage());
  EXPECT_EQ(answer.usage()->prompt_tokens, 7U);
  EXPECT_FALSE(answer.count_is_wrong(16));
  EXPECT_EQ(answer.output_tokens(16), 3U);
}

TEST(StreamedAnswer, ReadsChats) {
  const auto answer = answer_of({R"({"choices":[{"delta":{"role":"assistant"}}]})",
                                 R"({"choices":[{"delta":{"content":"hi"}}],"usage":null})",
                                 R"({"choices":[{"delta":{},"finish_reason":"length"}]})"});
  EXPECT_EQ(answer.text(), "hi");
  EXPECT_EQ(answer.finish_reason(), "length");
  EXPECT_FALSE(answer.names_stop());
}

TEST(StreamedAnswer, IsIncompleteUntilTheServerSaysSo) {
  EXPECT_FALSE(answer_of({piece("a")}).complete());
  EXPECT_TRUE(answer_of({piece("a"), "[DONE]"}).complete());
}

TEST(StreamedAnswer, CountsPiecesWhereTheServerLies) {
  const auto usage = [](int tokens) {
    return R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":)" +
           std::to_string(tokens) + "}}";
  };
  const auto fewer = answer_of({piece("a"), piece("b"), piece("c"), usage(1)});
  EXPECT_TRUE(fewer.count_is_wrong(16));
  EXPECT_EQ(fewer.output_tokens(16), 3U);
  const auto over_limit = answer_of({piece("a long text indeed"), usage(17)});
  EXPECT_TRUE(over_limit.count_is_wrong(16));
  EXPECT_EQ(over_limit.output_tokens(16), 1U);
  const auto over_bytes = answer_of({piece("ab"), piece("c"), usage(12)});
  EXPECT_TRUE(over_bytes.count_is_wrong(16));
  EXPECT_EQ(over_bytes.output_tokens(16), 2U);
  // A character of three bytes may be three tokens, and come as one piece.
  const auto honest = answer_of({piece("한"), piece("글"), usage(6)});
  EXPECT_FALSE(honest.count_is_wrong(16));
  EXPECT_EQ(honest.output_tokens(16), 6U);
  const auto none = answer_of({piece("a"), piece("b")});
  EXPECT_FALSE(none.count_is_wrong(16));
  EXPECT_EQ(none.output_tokens(16), 2U);
}

TEST(StreamedAnswer, TellsTheServersOwnErrors) {
  StreamedAnswer answer;
  const auto taken = answer.take(R"({"error":{"message":"out of memory"}})");
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("out of memory"));
  EXPECT_THAT(answer.take(R"({"error":"gone"})").error().message, HasSubstr("gone"));
}

TEST(StreamedAnswer, RefusesWhatIsNotOfThisApi) {
  for (const char* data : {"", "hello", "[1]", "{\"choices\":[3]}"}) {
    StreamedAnswer answer;
    const auto taken = answer.take(data);
    ASSERT_FALSE(taken) << data;
    EXPECT_EQ(taken.error().code, Errc::corrupt);
  }
  StreamedAnswer answer;
  EXPECT_TRUE(answer.take(R"({"object":"ping"})"));
  EXPECT_TRUE(answer.take(R"({"choices":"none"})"));
}

TEST(StreamedAnswer, DoesNotTakeAnAnswerWithoutEnd) {
  StreamedAnswer answer;
  const std::string much = piece(std::string(1 << 20, 'x'));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(answer.take(much));
  const auto more = answer.take(much);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::too_large);
}

}  // namespace
}  // namespace galley::profiling
