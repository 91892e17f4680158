// `galley serve` and its clients as real programs.
#include <fstream>

#include "serve_fixture.h"

namespace galley::openai {
namespace {

std::string streamed(int tokens) {
  const std::string text = dump_json(
      {{"prompt", "Hello"}, {"max_tokens", tokens}, {"ignore_eos", true}, {"stream", true}});
  return "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
}

TEST_F(ServeTest, RunningAnswersEndBeforeItStops) {
  auto server = begin();
  ASSERT_TRUE(server) << server.error().message;
  auto wire = http::testing::Wire::to(address_of(*server));
  wire.send(streamed(900));
  wire.read_until("data: ");
  ::kill(server->pid(), SIGTERM);
  EXPECT_THAT(wire.read_until("[DONE]"), HasSubstr("\"finish_reason\":\"length\""));
  const auto end = server->wait(Millis{20'000});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 0) << end->said;
}

TEST_F(ServeTest, AKeyIsAskedForWhereThereIsOne) {
  const std::string key = "a-key-of-the-test-0123";
  ASSERT_TRUE(write_file_atomic(folder / "key", key + "\n", Durability::memory));
  auto server = begin({"--api-key-file", (folder / "key").string()});
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(client(*server)->send({.target = "/v1/models"})->status, 401);
  EXPECT_EQ(client(*server, "wrong-key")->send({.target = "/v1/models"})->status, 401);
  EXPECT_EQ(client(*server, key)->send({.target = "/v1/models"})->status, 200);
  EXPECT_EQ(client(*server)->send({.target = "/health"})->status, 200);
  const auto told =
      galley({"generate", "--url", server->url(), "--token", key, "--max-tokens", "4", "Hello"});
  EXPECT_EQ(told.exit_code, 0) << told.stderr_bytes;
  EXPECT_EQ(galley({"generate", "--url", server->url(), "Hello"}).exit_code, 4);
}

TEST_F(ServeTest, ThePlaygroundIsServedBesideTheApi) {
  const std::string key = "a-key-of-the-test-0123";
  ASSERT_TRUE(write_file_atomic(folder / "key", key + "\n", Durability::memory));
  auto server = begin({"--api-key-file", (folder / "key").string()});
  ASSERT_TRUE(server) << server.error().message;
  http::Headers browser;
  browser.set("Accept", "text/html,*/*;q=0.8");
  for (const char* path : {"/", "/playground"}) {
    const auto page = client(*server)->send({.target = path, .headers = browser});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->status, 200) << path;
    EXPECT_THAT(page->body, HasSubstr("<title>Galley</title>"));
    EXPECT_THAT(std::string(page->headers.get("Content-Security-Policy")),
                HasSubstr("default-src 'self'"));
  }
  const auto other = client(*server)->send({.target = "/jobs", .headers = browser});
  EXPECT_EQ(other->status, 404);
  EXPECT_THAT(other->body, HasSubstr("\"error\""));
  EXPECT_EQ(client(*server)->send({.target = "/api/v1/whoami"})->status, 404);
  const auto models = parse_json(client(*server, key)->send({.target = "/v1/models"})->body);
  ASSERT_TRUE(models);
  EXPECT_EQ((*models)["data"][0]["snapshot"].get<std::string>().size(), 12U);
}

TEST_F(ServeTest, PagesOfOtherSitesAreRefused) {
  auto server = begin();
  ASSERT_TRUE(server) << server.error().message;
  http::Headers foreign;
  foreign.set("Origin", "https://example.org");
  EXPECT_EQ(client(*server)->send({.target = "/v1/models", .headers = foreign})->status, 403);
  http::Headers rebound;
  rebound.set("Host", "evil.example:80");
  EXPECT_EQ(client(*server)->send({.target = "/v1/models", .headers = rebound})->status, 403);
}

TEST_F(ServeTest, WhatCannotBeServedIsSaidInOneSentence) {
  std::ofstream(model, std::ios::trunc) << "GGUF";
  const auto broken = galley({"serve", "--model", model.string(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_THAT(broken.stderr_bytes, HasSubstr("tiny.gguf cannot be served: "));
  EXPECT_EQ(galley({"serve", "--model", (folder / "none.gguf").string()}).exit_code, 3);
  EXPECT_EQ(galley({"serve", "--model", model.string(), "--listen", "0.0.0.0:0"}).exit_code, 2);
  EXPECT_EQ(galley({"serve"}).exit_code, 2);
}

TEST_F(ServeTest, TheCommandLineGeneratesChatsAndRunsBatches) {
  auto server = begin();
  ASSERT_TRUE(server) << server.error().message;
  const auto generate = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{
        "generate", "--url", server->url() + "/v1", "--seed", "3", "--max-tokens", "8"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return galley(arguments);
  };
  const auto text = generate({"Hello"});
  EXPECT_EQ(text.exit_code, 0) << text.stderr_bytes;
  const auto document = parse_json(generate({"--json", "Hello"}).stdout_bytes);
  ASSERT_TRUE(document);
  EXPECT_THAT(text.stdout_bytes,
              ::testing::StartsWith((*document)["choices"][0]["text"].get<std::string>()));
  const auto wrong = generate({"--temperature", "9", "Hello"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.stderr_bytes, HasSubstr("temperature: found 9"));

  std::ofstream(folder / "in.jsonl") << R"({"prompt": "one"})"
                                        "\n\n"
                                        R"({"custom_id": "b", "prompt": "two", "max_tokens": 2})"
                                        "\n";
  const auto batch = generate(
      {"--batch", (folder / "in.jsonl").string(), "--out", (folder / "out.jsonl").string()});
  EXPECT_EQ(batch.exit_code, 0) << batch.stderr_bytes;
  const auto lines = read_file(folder / "out.jsonl", 1 << 20);
  ASSERT_TRUE(lines);
  EXPECT_LT(lines->find("\"line-1\""), lines->find("\"b\""));
  const auto again = generate(
      {"--batch", (folder / "in.jsonl").string(), "--out", (folder / "again.jsonl").string()});
  EXPECT_THAT(again.stderr_bytes, HasSubstr("going on with batch_"));
  EXPECT_EQ(*read_file(folder / "again.jsonl", 1 << 20), *lines);
}

}  // namespace
}  // namespace galley::openai
