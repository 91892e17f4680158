#include <fstream>

#include "fixture.h"

namespace galley::openai {
namespace {

std::string line(const std::string& id, const Json& body,
                 const std::string& url = "/v1/completions") {
  return dump_json({{"custom_id", id}, {"method", "POST"}, {"url", url}, {"body", body}}) + "\n";
}

Json tiny(const std::string& prompt) {
  return {{"prompt", prompt}, {"max_tokens", 4}, {"ignore_eos", true}, {"seed", 3}};
}

class BatchTest : public ApiTest {
 protected:
  std::string upload(const std::string& content) const {
    const std::string body =
        "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\n"
        "Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n" +
        content + "\r\n--b--\r\n";
    const auto answer = post_bytes("/v1/files", body, "multipart/form-data; boundary=b");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return parse_json(answer.body)->value("id", "");
  }
  Json begin(const std::string& content, const std::string& endpoint = "/v1/completions") const {
    return post(
        "/v1/batches",
        {{"input_file_id", upload(content)}, {"endpoint", endpoint}, {"completion_window", "24h"}});
  }
  static std::string many(int count) {
    std::string input;
    for (int i = 0; i < count; ++i)
      input += line("c" + std::to_string(i), tiny("prompt " + std::to_string(i)));
    return input;
  }
  /// Starts, and begins a batch of so many lines that stands still once the first are answered.
  std::string hold_after_one_of(int count) {
    start();
    // The warm-up's steps pass the gate too.
    EXPECT_TRUE(eventually([&] { return models->ready(); }));
    gate.hold();
    const std::string id = begin(many(count))["id"];
    EXPECT_TRUE(eventually([&] {
      gate.allow(1);
      return get("/v1/batches/" + id)["request_counts"]["completed"] > 0;
    }));
    return id;
  }
  Json wait(const std::string& id, const std::string& status) const {
    Json batch;
    EXPECT_TRUE(eventually([&] {
      batch = get("/v1/batches/" + id);
      return batch["status"] == status || batch["status"] == "failed";
    })) << batch.dump();
    EXPECT_EQ(batch["status"], status) << batch.dump();
    return batch;
  }
  std::vector<Json> lines_of(const Json& file) const {
    std::vector<Json> lines;
    if (file.is_null()) return lines;
    const std::string text =
        send({.target = "/v1/files/" + file.get<std::string>() + "/content"}).body;
    std::istringstream in(text);
    for (std::string one; std::getline(in, one);) lines.push_back(*parse_json(one));
    return lines;
  }
};

TEST_F(BatchTest, AnswersComeInTheOrderOfTheInput) {
  start();
  std::string input = many(40);
  input += line("bad", {{"prompt", "x"}, {"temperature", -1}});
  const Json begun = begin(input);
  EXPECT_EQ(begun["object"], "batch");
  EXPECT_EQ(begun["status"], "validating");
  const Json batch = wait(begun["id"], "completed");
  EXPECT_EQ(batch["request_counts"], Json({{"total", 41}, {"completed", 40}, {"failed", 1}}));
  const auto output = lines_of(batch["output_file_id"]);
  ASSERT_EQ(output.size(), 40U);
  for (std::size_t i = 0; i < output.size(); ++i) {
    EXPECT_EQ(output[i]["custom_id"], "c" + std::to_string(i));
    EXPECT_EQ(output[i]["response"]["status_code"], 200);
    EXPECT_EQ(output[i]["response"]["body"]["usage"]["completion_tokens"], 4);
  }
  const auto errors = lines_of(batch["error_file_id"]);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0]["response"]["body"]["error"]["param"], "temperature");
  const Json alone = post("/v1/completions", tiny("prompt 5"));
  EXPECT_EQ(output[5]["response"]["body"]["choices"][0]["text"], alone["choices"][0]["text"]);
}

TEST_F(BatchTest, ABatchGoesOnAfterARestart) {
  const std::string id = hold_after_one_of(30);
  gate.release();
  stop();
  // A crash may cut the last record short.
  std::ofstream(folder / "data/batches" / id / "answers.log", std::ios::app) << "29 200 {\"torn";
  start();
  const Json batch = wait(id, "completed");
  EXPECT_EQ(batch["request_counts"]["completed"], 30);
  EXPECT_EQ(lines_of(batch["output_file_id"]).size(), 30U);
}

TEST_F(BatchTest, ACancelledBatchKeepsWhatIsAnswered) {
  const std::string id = hold_after_one_of(500);
  EXPECT_EQ(post("/v1/batches/" + id + "/cancel", Json::object())["status"], "cancelling");
  gate.release();
  const Json batch = wait(id, "cancelled");
  EXPECT_GT(lines_of(batch["output_file_id"]).size(), 0U);
  EXPECT_LT(lines_of(batch["output_file_id"]).size(), 500U);
  EXPECT_EQ(post("/v1/batches/" + id + "/cancel", Json::object(), 409)["error"]["type"],
            "invalid_request_error");
}

TEST_F(BatchTest, WrongLinesFailTheBatchByNumber) {
  start();
  const std::string input = line("a", tiny("x")) + "{oops\n" + line("a", tiny("y")) +
                            line("b", tiny("z"), "/v1/chat/completions") +
                            line("c", {{"prompt", "x"}, {"stream", true}});
  const std::string id = begin(input)["id"];
  Json batch;
  ASSERT_TRUE(eventually([&] { return (batch = get("/v1/batches/" + id))["status"] == "failed"; }));
  std::vector<int> lines;
  for (const Json& error : batch["errors"]["data"]) lines.push_back(error["line"]);
  EXPECT_THAT(lines, ElementsAre(2, 3, 4, 5));
}

TEST_F(BatchTest, OtherEndpointsWorkToo) {
  start();
  const Json chat = wait(
      begin(line("a", {{"messages", {{{"role", "user"}, {"content", "Hi"}}}}, {"max_tokens", 3}},
                 "/v1/chat/completions"),
            "/v1/chat/completions")["id"],
      "completed");
  EXPECT_EQ(lines_of(chat["output_file_id"])[0]["response"]["body"]["object"], "chat.completion");
  const Json vectors = wait(
      begin(line("a", {{"input", "Hi"}}, "/v1/embeddings"), "/v1/embeddings")["id"], "completed");
  EXPECT_EQ(lines_of(vectors["output_file_id"])[0]["response"]["body"]["data"].size(), 1U);
}

TEST_F(BatchTest, FilesAreListedAndDeleted) {
  start();
  const std::string id = upload("one\n");
  upload("two\n");
  const Json list = get("/v1/files?limit=1");
  EXPECT_EQ(list["data"].size(), 1U);
  EXPECT_EQ(list["has_more"], true);
  EXPECT_EQ(get("/v1/files?after=" + list["last_id"].get<std::string>())["data"][0]["id"], id);
  EXPECT_EQ(get("/v1/files/" + id)["bytes"], 4);
  EXPECT_EQ(send({.target = "/v1/files/" + id + "/content"}).body, "one\n");
  stop();
  start();
  EXPECT_EQ(get("/v1/files/" + id)["filename"], "in.jsonl");
  EXPECT_EQ(parse_json(send({.method = "DELETE", .target = "/v1/files/" + id}).body)->at("deleted"),
            true);
  get("/v1/files/" + id, 404);
  EXPECT_EQ(post("/v1/batches", {{"input_file_id", id}, {"endpoint", "/v1/completions"}},
                 404)["error"]["param"],
            "input_file_id");
}

TEST_F(BatchTest, WrongUploadsAreNamed) {
  start();
  const auto fault = [&](const std::string& body,
                         const std::string& type = "multipart/form-data; boundary=b") {
    const auto answer = post_bytes("/v1/files", body, type);
    EXPECT_EQ(answer.status, 400) << answer.body;
    return (*parse_json(answer.body))["error"]["message"].get<std::string>();
  };
  EXPECT_THAT(fault("{}", "application/json"), HasSubstr("multipart/form-data"));
  EXPECT_THAT(fault("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx"),
              HasSubstr("middle of a part"));
  EXPECT_THAT(
      fault("--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b--\r\n"),
      HasSubstr("file: required"));
  EXPECT_THAT(fault("--b\r\nContent-Disposition: form-data; "
                    "name=\"file\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; "
                    "name=\"purpose\"\r\n\r\nfine-tune\r\n--b--\r\n"),
              HasSubstr("purpose: found"));
}

}  // namespace
}  // namespace galley::openai
