#include "generate_batch.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace galley::cli {
namespace {

TEST(BatchInput, PlainLinesBecomeLinesOfABatch) {
  const auto input = make_batch_input(
      "{\"prompt\": \"a\"}\n\n{\"prompt\": \"b\", \"custom_id\": \"x\", \"seed\": 2}\n",
      {{"seed", 1}, {"model", "m"}});
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(input->endpoint, "/v1/completions");
  EXPECT_EQ(input->custom_ids, (std::vector<std::string>{"line-1", "x"}));
  const auto lines = split(input->lines, '\n');
  const auto second = parse_json(lines[1]);
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)["body"], Json({{"prompt", "b"}, {"seed", 2}, {"model", "m"}}));
  EXPECT_EQ((*second)["method"], "POST");
}

TEST(BatchInput, LinesOfABatchStayAsTheyAre) {
  const std::string line =
      R"({"body":{"messages":[]},"custom_id":"a","method":"POST","url":"/v1/chat/completions"})";
  const auto input = make_batch_input(line, Json::object());
  ASSERT_TRUE(input);
  EXPECT_EQ(input->lines, line + "\n");
  EXPECT_EQ(input->endpoint, "/v1/chat/completions");
}

TEST(BatchInput, FaultsNameTheLine) {
  const auto fault = [](std::string_view text) {
    const auto input = make_batch_input(text, Json::object());
    return input ? "accepted" : input.error().message;
  };
  EXPECT_EQ(fault(""), "the input has no line");
  EXPECT_EQ(fault("{\"prompt\": \"a\"}\n{\"text\": 1}"),
            "line 2 has no prompt, no messages and no body");
  EXPECT_EQ(fault("\n[1]"), "line 2 is not an object");
  EXPECT_NE(fault("{oops").find("line 1 is not valid JSON"), std::string::npos);
  EXPECT_EQ(fault("{\"prompt\": \"a\"}\n{\"messages\": []}"),
            "line 2 is for /v1/chat/completions, and those before for /v1/completions");
}

}  // namespace
}  // namespace galley::cli
