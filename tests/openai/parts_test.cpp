#include <gtest/gtest.h>

#include "answer_log.h"
#include "base/file.h"
#include "batch_record.h"
#include "embeddings.h"
#include "multipart.h"
#include "serving/engine_fixture.h"
#include "support/temp_folder.h"
#include "token_text.h"
#include "tool_calls.h"
#include "weights_mark.h"

namespace galley::openai {
namespace {

TEST(WeightsMark, StandsForNamesSizesAndContents) {
  testing::TempFolder folder;
  const auto write = [&](const std::string& name, std::string bytes) {
    EXPECT_TRUE(write_file_atomic(folder / name, std::move(bytes), Durability::memory));
  };
  const auto mark = [&] {
    const auto made = folder_mark(folder.path());
    EXPECT_TRUE(made) << describe(made.error());
    return made ? *made : "";
  };
  std::string weights(3 << 20, 'w');
  write("model.safetensors", weights);
  write("config.json", "{}");
  const std::string first = mark();
  EXPECT_EQ(first.size(), 12U);
  EXPECT_EQ(mark(), first);
  weights.back() = 'x';
  write("model.safetensors", weights);
  const std::string retrained = mark();
  EXPECT_NE(retrained, first);
  write("model.safetensors", weights + "w");
  EXPECT_NE(mark(), retrained);
  weights.front() = 'x';
  write("model.safetensors", weights);
  EXPECT_NE(mark(), retrained);
  EXPECT_FALSE(folder_mark(folder / "none"));
  const std::vector<std::filesystem::path> missing{folder / "none.gguf"};
  EXPECT_EQ(weights_mark(missing).error().code, Errc::not_found);
}

TEST(ToolCalls, AreReadInThreeForms) {
  const auto tagged = read_tool_calls(
      "Sure. <tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": "
      "1}}\n</tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>");
  EXPECT_EQ(tagged.content, "Sure.");
  ASSERT_EQ(tagged.calls.size(), 2U);
  EXPECT_EQ(tagged.calls[0].arguments, "{\"x\":1}");
  const auto list = read_tool_calls("[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {}}]");
  EXPECT_EQ(list.calls.size(), 1U);
  const auto bare = read_tool_calls(" {\"name\": \"f\", \"parameters\": {\"y\": [1]}}");
  ASSERT_EQ(bare.calls.size(), 1U);
  EXPECT_EQ(bare.calls[0].arguments, "{\"y\":[1]}");
}

TEST(ToolCalls, AnythingElseIsContent) {
  for (const char* text : {"Hello", "{\"name\": 1}", "{\"name\": \"f\"",
                           "<tool_call>{]</tool_call>", "[TOOL_CALLS] []", ""}) {
    const auto read = read_tool_calls(text);
    EXPECT_EQ(read.content, text);
    EXPECT_TRUE(read.calls.empty());
  }
}

TEST(CallFilter, ShowsTextAndKeepsCalls) {
  CallFilter filter;
  std::string shown;
  for (const char c : std::string("a < b <tool_call>{\"x\"")) shown += filter.add({&c, 1});
  EXPECT_EQ(shown, "a < b ");
  EXPECT_EQ(filter.take_rest(), "<tool_call>{\"x\"");
  CallFilter json;
  EXPECT_EQ(json.add(" {\"name\""), "");
  CallFilter plain;
  EXPECT_EQ(plain.add("Hello <"), "Hello ");
  EXPECT_EQ(plain.add("3"), "<3");
}

TEST(Multipart, ReadsPartsWithTheirNames) {
  const auto parts =
      parse_multipart("multipart/form-data; boundary=\"x y\"",
                      "preamble\r\n--x y\r\nContent-Type: a\r\nContent-Disposition: form-data; "
                      "name=\"file\"; filename=\"a b.jsonl\"\r\n\r\n1\r\n2\r\n--x y\r\n"
                      "content-disposition: form-data; name=purpose\r\n\r\n\r\n--x y--\r\n");
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].file_name, "a b.jsonl");
  EXPECT_EQ((*parts)[0].content, "1\r\n2");
  EXPECT_EQ((*parts)[1].name, "purpose");
  EXPECT_EQ((*parts)[1].content, "");
}

TEST(Multipart, BodiesCutAnywhereAreRefused) {
  const std::string whole = "--b\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nxyz\r\n--b--";
  ASSERT_TRUE(parse_multipart("multipart/form-data; boundary=b", whole));
  for (std::size_t i = 0; i < whole.size(); ++i)
    EXPECT_FALSE(parse_multipart("multipart/form-data; boundary=b", whole.substr(0, i))) << i;
}

TEST(AnswerLog, DropsATornRecordAndKeepsTheOrderOfTheInput) {
  const testing::TempFolder folder;
  {
    auto log = AnswerLog::open(folder / "log", 3);
    ASSERT_TRUE(log);
    ASSERT_TRUE(log->append(2, 200, "two"));
    ASSERT_TRUE(log->append(0, 400, "zero"));
    ASSERT_TRUE(log->sync());
    ASSERT_TRUE(log->append(1, 200, "one"));
  }
  std::filesystem::resize_file(folder / "log", std::filesystem::file_size(folder / "log") - 2);
  auto log = AnswerLog::open(folder / "log", 3);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_TRUE(log->has(0) && log->has(2));
  EXPECT_FALSE(log->has(1));
  ASSERT_TRUE(log->append(1, 200, "again"));
  const auto files = log->sorted();
  ASSERT_TRUE(files);
  EXPECT_EQ(files->output, "again\ntwo\n");
  EXPECT_EQ(files->errors, "zero\n");
  EXPECT_EQ(log->completed(), 2);
  EXPECT_FALSE(AnswerLog::open(folder / "log", 2)) << "an index past the input";
}

TEST(BatchRecord, SurvivesPrinting) {
  BatchRecord batch{.id = "batch_1",
                    .endpoint = "/v1/completions",
                    .input_file = "file-1",
                    .output_file = {},
                    .error_file = {},
                    .status = "in_progress"};
  batch.metadata = {{"a", "b"}};
  batch.total = 5;
  batch.times["in_progress_at"] = 17;
  const auto read = read_batch(dump_json(print_batch(batch)));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(print_batch(*read), print_batch(batch));
  EXPECT_FALSE(read_batch("[]"));
}

TEST(TokenText, PrintsLogprobsOfPartsOfCharacters) {
  const auto tokenizer = serving::byte_tokenizer();
  CompletionLogprobs logprobs(tokenizer, 1, 3);
  const std::vector<serving::TokenInfo> tokens{
      {.token = 0xE2, .logprob = -0.5F, .top = {{0xE2, -0.5F}}},
      {.token = 'a', .logprob = -INFINITY, .top = {}}};
  logprobs.add(tokens);
  const auto json = parse_json(logprobs.take());
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["tokens"], Json({"bytes:\\xe2", "a"}));
  EXPECT_EQ((*json)["token_logprobs"], Json({-0.5, -9999.0}));
  EXPECT_EQ((*json)["text_offset"], Json({3, 4}));
  EXPECT_EQ((*json)["top_logprobs"][0]["bytes:\\xe2"], -0.5);
}

TEST(Base64, PadsAsItShould) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace galley::openai
