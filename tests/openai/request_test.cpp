#include <gtest/gtest.h>

#include "error_reply.h"
#include "fields.h"
#include "requests.h"

namespace galley::openai {
namespace {

Json completion(Json more = Json::object()) {
  Json body{{"model", "m"}, {"prompt", "Hello"}};
  body.update(more);
  return body;
}

Json chat(Json more = Json::object()) {
  Json body{{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "Hi"}}}}};
  body.update(more);
  return body;
}

/// "field|message" of the fault of a completion with this field.
std::string fault_of(const Json& more) {
  const auto request = parse_completion(completion(more));
  return request ? "accepted" : request.error().field + "|" + request.error().message;
}

std::string chat_fault_of(const Json& more) {
  const auto request = parse_chat(chat(more));
  return request ? "accepted" : request.error().field + "|" + request.error().message;
}

TEST(CompletionRequest, TakesEveryFormOfPrompt) {
  const auto one = parse_completion(completion());
  ASSERT_TRUE(one) << describe(one.error());
  EXPECT_EQ(std::get<std::string>(one->prompts.at(0)), "Hello");
  const auto texts = parse_completion(completion({{"prompt", {"a", "b"}}}));
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->prompts.size(), 2U);
  const auto tokens = parse_completion(completion({{"prompt", {1, 2, 3}}}));
  ASSERT_TRUE(tokens);
  EXPECT_EQ(std::get<TokenList>(tokens->prompts.at(0)), (TokenList{1, 2, 3}));
  const auto lists = parse_completion(completion({{"prompt", {{1, 2}, {3}}}}));
  ASSERT_TRUE(lists);
  EXPECT_EQ(std::get<TokenList>(lists->prompts.at(1)), (TokenList{3}));
}

TEST(CompletionRequest, ReadsTheKnobs) {
  const auto request = parse_completion(completion({{"max_tokens", 7},
                                                    {"temperature", 0.5},
                                                    {"top_p", 0.9},
                                                    {"top_k", 40},
                                                    {"min_p", 0.05},
                                                    {"repetition_penalty", 5},
                                                    {"repetition_penalty_scope", "output"},
                                                    {"greedy", true},
                                                    {"recompute", true},
                                                    {"ignore_eos", true},
                                                    {"stop", {"\n", "END"}},
                                                    {"seed", -3},
                                                    {"n", 2},
                                                    {"best_of", 3},
                                                    {"logprobs", 5},
                                                    {"logit_bias", {{"11", -100}, {"12", 1.5}}},
                                                    {"start", "A:"},
                                                    {"restart", "\nQ:"},
                                                    {"priority", -2},
                                                    {"speculation", "prompt_lookup"},
                                                    {"adapter", "poems"},
                                                    {"echo", true},
                                                    {"user", "ada"}}));
  ASSERT_TRUE(request) << describe(request.error());
  EXPECT_EQ(request->max_tokens, 7);
  EXPECT_FLOAT_EQ(request->temperature, 0.5F);
  EXPECT_EQ(request->top_k, 40);
  EXPECT_FLOAT_EQ(request->repetition_penalty, 5);
  EXPECT_EQ(request->repetition_scope, "output");
  EXPECT_EQ(request->stop, (std::vector<std::string>{"\n", "END"}));
  EXPECT_EQ(request->seed, -3);
  EXPECT_EQ(request->best_of, 3);
  EXPECT_EQ(request->logit_bias.size(), 2U);
  EXPECT_EQ(request->restart, "\nQ:");
  EXPECT_TRUE(request->greedy && request->recompute && request->ignore_eos && request->echo);
}

TEST(CompletionRequest, GreedyMayBeBoth) {
  const auto both = parse_completion(completion({{"greedy", "both"}, {"choose", "likelihood"}}));
  ASSERT_TRUE(both) << describe(both.error());
  EXPECT_TRUE(both->both && both->choose);
  EXPECT_FALSE(both->greedy);
  EXPECT_TRUE(parse_chat(chat({{"greedy", "both"}}))->both);
  EXPECT_EQ(fault_of({{"greedy", "maybe"}}), "greedy|found \"maybe\"");
  EXPECT_EQ(fault_of({{"greedy", 1}}), "greedy|found 1");
  EXPECT_EQ(fault_of({{"greedy", "both"}, {"n", 2}}),
            "n|greedy is \"both\", which makes two answers already");
  EXPECT_EQ(fault_of({{"greedy", "both"}, {"best_of", 2}}),
            "best_of|greedy is \"both\", which makes two answers already");
  EXPECT_EQ(fault_of({{"greedy", "both"}, {"temperature", 0}}),
            "temperature|is 0, so that both answers would be greedy");
  EXPECT_EQ(fault_of({{"choose", "likelihood"}}), "choose|there is nothing to choose between");
  EXPECT_EQ(fault_of({{"choose", "mine"}, {"greedy", "both"}}), "choose|found \"mine\"");
  EXPECT_EQ(fault_of({{"choose", "likelihood"}, {"greedy", "both"}, {"stream", true}}),
            "choose|the likelier answer is known only at the end");
  const Json many(std::vector<std::string>(1025, "a"));
  EXPECT_EQ(fault_of({{"prompt", many}, {"greedy", "both"}}),
            "prompt|asks for 1025 prompts times 2 answers");
}

TEST(CompletionRequest, AliasesNameTheSameThing) {
  EXPECT_EQ(parse_completion(completion({{"out_seq_length", 9}}))->max_tokens, 9);
  EXPECT_EQ(parse_completion(completion({{"stop_sequences", "x"}}))->stop.size(), 1U);
  EXPECT_EQ(fault_of({{"stop_sequences", "x"}, {"stop", "x"}}), "accepted");
  EXPECT_EQ(fault_of({{"stop_sequences", "x"}, {"stop", "y"}}), "stop_sequences|differs from stop");
}

TEST(CompletionRequest, FieldsInsideExtraBodyCount) {
  EXPECT_EQ(parse_completion(completion({{"extra_body", {{"top_k", 3}}}}))->top_k, 3);
  EXPECT_EQ(fault_of({{"extra_body", {{"top_kk", 3}}}}), "top_kk|unknown field");
  EXPECT_EQ(fault_of({{"top_k", 1}, {"extra_body", {{"top_k", 3}}}}),
            "extra_body.top_k|stands beside extra_body too");
}

TEST(CompletionRequest, EveryWrongValueIsNamed) {
  EXPECT_EQ(fault_of({{"temperature", -0.1}}), "temperature|found -0.1");
  EXPECT_EQ(fault_of({{"temperature", "warm"}}), "temperature|found \"warm\"");
  EXPECT_EQ(fault_of({{"temperature", 2.5}}), "temperature|found 2.5");
  EXPECT_EQ(fault_of({{"top_p", 0}}), "top_p|found 0");
  EXPECT_EQ(fault_of({{"top_k", -1}}), "top_k|found -1");
  EXPECT_EQ(fault_of({{"min_p", 1.5}}), "min_p|found 1.5");
  EXPECT_EQ(fault_of({{"repetition_penalty", 0}}), "repetition_penalty|found 0");
  EXPECT_EQ(fault_of({{"presence_penalty", 3}}), "presence_penalty|found 3");
  EXPECT_EQ(fault_of({{"max_tokens", -1}}), "max_tokens|found -1");
  EXPECT_EQ(fault_of({{"max_tokens", 1.5}}), "max_tokens|found 1.5");
  EXPECT_EQ(fault_of({{"max_tokens", 18446744073709551615ULL}}),
            "max_tokens|found 18446744073709551615");
  EXPECT_EQ(fault_of({{"n", 0}}), "n|found 0");
  EXPECT_EQ(fault_of({{"logprobs", 21}}), "logprobs|found 21");
  EXPECT_EQ(fault_of({{"echo", 1}}), "echo|found 1");
  EXPECT_EQ(fault_of({{"user", 7}}), "user|found 7");
  EXPECT_EQ(fault_of({{"stop", 7}}), "stop|found 7");
  EXPECT_EQ(fault_of({{"stop", ""}}), "stop|a stop sequence is empty");
  EXPECT_EQ(fault_of({{"stop", {"a", 2}}}), "stop[1]|found 2");
  EXPECT_EQ(fault_of({{"stop", Json(std::vector<std::string>(5000, "x"))}}),
            "stop|found a list of 5000");
  EXPECT_EQ(fault_of({{"stop", Json(std::vector<std::string>(64, "x"))}}), "accepted");
  EXPECT_EQ(fault_of({{"logit_bias", {{"the", 1}}}}), "logit_bias|found the key \"the\"");
  EXPECT_EQ(fault_of({{"logit_bias", {{"5", 101}}}}), "logit_bias.5|found 101");
  EXPECT_EQ(fault_of({{"suffix", "end"}}),
            "suffix|text cannot be inserted before a suffix by this kind of model");
  EXPECT_EQ(fault_of({{"suffix", nullptr}}), "accepted");
  EXPECT_EQ(fault_of({{"n", 3}, {"best_of", 2}}), "best_of|is 2 and n is 3");
  EXPECT_EQ(fault_of({{"best_of", 2}, {"stream", true}}),
            "best_of|the best answers are known only at the end");
  EXPECT_EQ(fault_of({{"stream_options", {{"include_usage", true}}}}),
            "stream_options|the answer is not streamed");
  EXPECT_EQ(fault_of({{"speculation", "promptlookup"}}), "speculation|found \"promptlookup\"");
  EXPECT_EQ(fault_of({{"prompt", nullptr}}), "prompt|required field is missing");
  EXPECT_EQ(fault_of({{"prompt", Json::array()}}), "prompt|the list is empty");
  EXPECT_EQ(fault_of({{"prompt", {1, -2}}}), "prompt[1]|found -2");
  EXPECT_EQ(fault_of({{"prompt", {"a", 2}}}), "prompt[1]|found 2");
  EXPECT_EQ(fault_of({{"prompt", {{{"a", 1}}}}}), "prompt[0]|found an object");
  EXPECT_EQ(fault_of({{"response_format", {{"type", "xml"}}}}),
            "response_format.type|found \"xml\"");
  EXPECT_EQ(fault_of({{"response_format", {{"type", "json_schema"}}}}),
            "response_format.json_schema|required field is missing");
  EXPECT_EQ(
      fault_of({{"response_format", {{"type", "json_object"}}}, {"grammar", "root ::= \"a\""}}),
      "response_format.type|a grammar is given too");
}

TEST(CompletionRequest, UnknownFieldsAreRefusedWithTheNearest) {
  const auto request = parse_completion(completion({{"temprature", 1}}));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().field, "temprature");
  EXPECT_EQ(request.error().hint, "did you mean temperature?");
  EXPECT_EQ(fault_of({{"store", true}, {"metadata", {{"a", "b"}}}, {"service_tier", "auto"}}),
            "accepted");
}

TEST(ChatRequest, JoinsPartsAndKeepsRoles) {
  const auto request = parse_chat(
      {{"messages",
        {{{"role", "developer"}, {"content", "Be short."}},
         {{"role", "user"},
          {"content", {{{"type", "text"}, {"text", "a"}}, {{"type", "text"}, {"text", "b"}}}}}}}});
  ASSERT_TRUE(request) << describe(request.error());
  EXPECT_EQ(request->messages[0]["role"], "system");
  EXPECT_EQ(request->messages[1]["content"], "ab");
}

TEST(ChatRequest, ArgumentsOfCallsBecomeValues) {
  const auto request =
      parse_chat(chat({{"messages",
                        {{{"role", "user"}, {"content", "?"}},
                         {{"role", "assistant"},
                          {"content", nullptr},
                          {"tool_calls",
                           {{{"id", "c1"},
                             {"type", "function"},
                             {"function", {{"name", "f"}, {"arguments", "{\"x\":1}"}}}}}}},
                         {{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "2"}}}}}));
  ASSERT_TRUE(request) << describe(request.error());
  EXPECT_EQ(request->messages[1]["tool_calls"][0]["function"]["arguments"]["x"], 1);
  EXPECT_EQ(request->messages[2]["tool_call_id"], "c1");
}

TEST(ChatRequest, EveryWrongValueIsNamed) {
  EXPECT_EQ(chat_fault_of({{"messages", Json::array()}}), "messages|found a list of 0");
  EXPECT_EQ(chat_fault_of({{"messages", "hi"}}), "messages|found \"hi\"");
  EXPECT_EQ(chat_fault_of({{"messages", {{{"role", "user"}}}}}),
            "messages[0].content|required field is missing");
  EXPECT_EQ(chat_fault_of({{"messages", {{{"role", "usr"}, {"content", "x"}}}}}),
            "messages[0].role|found \"usr\"");
  EXPECT_EQ(chat_fault_of({{"messages", {{{"role", "user"}, {"content", "x"}, {"colour", 1}}}}}),
            "messages[0].colour|unknown field");
  const Json picture{{{"type", "image_url"}, {"image_url", {{"url", "x"}}}}};
  EXPECT_EQ(chat_fault_of({{"messages", {{{"role", "user"}, {"content", picture}}}}}),
            "messages[0].content[0].type|parts of type \"image_url\" are not supported");
  EXPECT_EQ(chat_fault_of({{"top_logprobs", 3}}), "top_logprobs|logprobs is not true");
  EXPECT_EQ(chat_fault_of({{"tool_choice", "required"}}), "tool_choice|found \"required\"");
  EXPECT_EQ(chat_fault_of({{"functions", {{{"name", "f"}}}}}),
            "functions|functions are not supported; tools are");
  EXPECT_EQ(chat_fault_of({{"max_tokens", 5}, {"max_completion_tokens", 6}}),
            "max_completion_tokens|differs from max_tokens");
  EXPECT_EQ(chat_fault_of({{"prompt", "x"}}), "prompt|unknown field");
}

TEST(EmbeddingRequest, ReadsAndRefuses) {
  const auto request = parse_embedding({{"input", {"a", "b"}}, {"encoding_format", "base64"}});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->inputs.size(), 2U);
  EXPECT_TRUE(request->base64);
  EXPECT_EQ(parse_embedding({{"input", ""}}).error().field, "input");
  EXPECT_EQ(parse_embedding({{"input", {"a", ""}}}).error().field, "input[1]");
  EXPECT_EQ(parse_embedding({{"input", "a"}, {"dimensions", 0}}).error().field, "dimensions");
}

TEST(Body, MustBeAnObjectInUtf8) {
  EXPECT_NE(parse_body("{\"a\":}").error().message.find("line 1"), std::string::npos);
  EXPECT_NE(parse_body("{\"a\": NaN}").error().message.find("not valid JSON"), std::string::npos);
  EXPECT_NE(parse_body("{\"a\": 1e999}").error().message.find("not valid JSON"), std::string::npos);
  EXPECT_NE(parse_body("[1]").error().message.find("a list of 1"), std::string::npos);
  EXPECT_NE(parse_body("{\"prompt\":\"\xff\"}").error().message.find("UTF-8"), std::string::npos);
}

TEST(ErrorReply, HasOpenAisShape) {
  const Json body = error_body({Errc::not_found, "no model 'x'", "model", {}, "did you mean y?"});
  EXPECT_EQ(body["error"]["param"], "model");
  EXPECT_EQ(body["error"]["code"], "model_not_found");
  EXPECT_EQ(body["error"]["message"], "model: no model 'x'; did you mean y?");
  EXPECT_EQ(status_of({Errc::too_large, "", "messages"}), 400);
  EXPECT_EQ(status_of({Errc::too_large, "", "file"}), 413);
  EXPECT_EQ(status_of({Errc::exhausted, ""}), 429);
  EXPECT_EQ(error_reply({Errc::unavailable, ""}).headers.get("Retry-After"), "1");
}

}  // namespace
}  // namespace galley::openai
