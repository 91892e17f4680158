#include "fixture.h"

namespace galley::openai {
namespace {

Json ask(Json more = Json::object()) {
  Json body{{"model", "twin"},
            {"messages", {{{"role", "user"}, {"content", "Hi"}}}},
            {"seed", 7},
            {"max_completion_tokens", 12},
            {"ignore_eos", true}};
  body.update(more);
  return body;
}

const Json& only(const Json& answer) { return answer["choices"][0]; }

std::string literal(const std::string& text) {
  std::string quoted = "root ::= \"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

TEST_F(ApiTest, AChatHasOpenAisShape) {
  start();
  const Json answer = post("/v1/chat/completions", ask({{"logprobs", true}, {"top_logprobs", 2}}));
  EXPECT_EQ(answer["object"], "chat.completion");
  EXPECT_EQ(only(answer)["message"]["role"], "assistant");
  EXPECT_EQ(only(answer)["finish_reason"], "length");
  const Json& first = only(answer)["logprobs"]["content"][0];
  EXPECT_LE(first["logprob"], 0);
  EXPECT_EQ(first["top_logprobs"].size(), 2U);
  EXPECT_EQ(first["bytes"].size(), 1U);
}

TEST_F(ApiTest, AStreamedChatIsTheSameText) {
  start();
  const Json whole = post("/v1/chat/completions", ask());
  const auto events = stream("/v1/chat/completions", ask());
  EXPECT_EQ(only(events.front())["delta"]["role"], "assistant");
  EXPECT_EQ(events.front()["object"], "chat.completion.chunk");
  EXPECT_EQ(only(events.back())["finish_reason"], "length");
  std::string text;
  for (const Json& event : events) text += only(event)["delta"].value("content", "");
  EXPECT_EQ(text, only(whole)["message"]["content"]);
}

TEST_F(ApiTest, AChatMayUseWhatIsLeftOfTheContext) {
  start();
  Json body = ask();
  body.erase("max_completion_tokens");
  const Json answer = post("/v1/chat/completions", body);
  EXPECT_EQ(answer["usage"]["total_tokens"], 512);
  const Json refused =
      post("/v1/chat/completions",
           ask({{"messages", {{{"role", "user"}, {"content", std::string(600, 'x')}}}}}), 400);
  EXPECT_EQ(refused["error"]["param"], "messages");
  EXPECT_EQ(refused["error"]["code"], "context_length_exceeded");
}

const Json kTools{
    {{"type", "function"}, {"function", {{"name", "add"}, {"parameters", {{"type", "object"}}}}}}};

TEST_F(ApiTest, SimpleCallsAreRead) {
  start();
  const std::string call = R"(<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>)";
  const Json wanted = ask({{"tools", kTools},
                           {"grammar", literal(call)},
                           {"max_completion_tokens", 100},
                           {"ignore_eos", false}});
  const Json answer = post("/v1/chat/completions", wanted);
  EXPECT_EQ(only(answer)["finish_reason"], "tool_calls") << answer.dump();
  EXPECT_EQ(only(answer)["message"]["content"], nullptr);
  EXPECT_EQ(only(answer)["message"]["tool_calls"][0]["function"]["name"], "add");
  EXPECT_EQ(only(answer)["message"]["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
  const auto events = stream("/v1/chat/completions", wanted);
  EXPECT_EQ(only(events.back())["finish_reason"], "tool_calls");
  EXPECT_EQ(only(events[1])["delta"]["tool_calls"][0]["function"]["name"], "add");
  // Without tools, or when none may be called, it is text.
  const Json text = post("/v1/chat/completions", ask({{"tools", kTools},
                                                      {"tool_choice", "none"},
                                                      {"grammar", literal(call)},
                                                      {"max_completion_tokens", 100},
                                                      {"ignore_eos", false}}));
  EXPECT_EQ(only(text)["message"]["content"], call);
}

}  // namespace
}  // namespace galley::openai
