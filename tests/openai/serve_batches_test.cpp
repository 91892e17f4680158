// Batches of a real `galley serve` that is killed.
#include <fstream>
#include <map>

#include "serve_fixture.h"

namespace galley::openai {
namespace {

class ServeBatchesTest : public ServeTest {
 protected:
  ServerProcess start() {
    auto server = begin({"--max-sequences", "2"});
    EXPECT_TRUE(server) << describe(server.error());
    return *std::move(server);
  }
  std::string upload(const ServerProcess& server, const std::string& lines) const {
    http::Headers headers;
    headers.set("Content-Type", "multipart/form-data; boundary=b");
    const auto answer = client(server)->send(
        {.method = "POST",
         .target = "/v1/files",
         .headers = headers,
         .body = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\n"
                 "Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n" +
                 lines + "\r\n--b--\r\n"});
    EXPECT_TRUE(answer && answer->status == 200) << (answer ? answer->body : "");
    return answer ? parse_json(answer->body).value_or(Json()).value("id", "") : "";
  }
  std::int64_t completed(const ServerProcess& server, const std::string& id) const {
    return get(server, "/v1/batches/" + id)["request_counts"]["completed"].get<std::int64_t>();
  }
  /// The request that answered each line, by the line's name; of a log as of a file.
  static std::map<std::string, std::string> answers_in(const std::string& text) {
    std::map<std::string, std::string> answers;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const auto json = parse_json(std::string_view(line).substr(line.find('{')));
      if (!json) continue;  // the one that was being written
      const auto [at, is_new] = answers.emplace((*json)["custom_id"], (*json)["id"]);
      EXPECT_TRUE(is_new) << at->first << " was answered twice";
    }
    return answers;
  }
};

TEST_F(ServeBatchesTest, AKilledServerGoesOnWithWhatHasNoAnswer) {
  // Enough work that the server is far from its end whenever this process is given a processor.
  constexpr int kLines = 200;
  std::string input;
  for (int i = 0; i < kLines; ++i)
    input += dump_json({{"custom_id", "c" + std::to_string(i)},
                        {"method", "POST"},
                        {"url", "/v1/completions"},
                        {"body",
                         {{"prompt", "line " + std::to_string(i)},
                          {"max_tokens", 200},
                          {"ignore_eos", true},
                          {"seed", i}}}}) +
             "\n";
  std::optional<ServerProcess> server = start();
  const std::string id = post(*server, "/v1/batches",
                              {{"input_file_id", upload(*server, input)},
                               {"endpoint", "/v1/completions"},
                               {"completion_window", "24h"}})["id"];
  const auto log = folder / "data/batches" / id / "answers.log";
  std::map<std::string, std::string> before;
  for (int kill = 0; kill < 3; ++kill) {
    const auto reached = static_cast<std::int64_t>(before.size()) + 10;
    ASSERT_TRUE(eventually([&] { return completed(*server, id) >= reached; }));
    server->kill();
    const auto text = read_file(log, 1 << 24);
    ASSERT_TRUE(text) << "it was killed before its end: " << describe(text.error());
    const auto now = answers_in(*text);
    EXPECT_GE(now.size(), before.size() + 10) << "what is counted is on the disk";
    for (const auto& [line, request] : before) EXPECT_EQ(now.at(line), request) << line;
    before = now;
    server = start();
  }
  ASSERT_LT(before.size(), kLines) << "the batch outlives the last kill";
  Json batch;
  ASSERT_TRUE(eventually([&] {
    batch = get(*server, "/v1/batches/" + id);
    return batch["status"] == "completed";
  })) << batch.dump();
  EXPECT_EQ(batch["request_counts"]["completed"], kLines);
  const auto file = client(*server)->send(
      {.target = "/v1/files/" + batch["output_file_id"].get<std::string>() + "/content"});
  ASSERT_TRUE(file);
  const auto after = answers_in(file->body);
  EXPECT_EQ(after.size(), static_cast<std::size_t>(kLines));
  for (const auto& [line, request] : before) EXPECT_EQ(after.at(line), request) << line;
  EXPECT_EQ(metric(*server, "galley_requests_finished_total"),
            static_cast<double>(kLines) - static_cast<double>(before.size()))
      << "the last server wrote what was missing and nothing else";
}

}  // namespace
}  // namespace galley::openai
