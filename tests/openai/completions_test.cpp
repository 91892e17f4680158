#include "fixture.h"

namespace galley::openai {
namespace {

Json ask_completion(Json more = Json::object()) {
  Json body{{"model", "twin"},
            {"prompt", "Hello"},
            {"seed", 7},
            {"max_tokens", 12},
            {"ignore_eos", true}};
  body.update(more);
  return body;
}

const Json& only_choice(const Json& answer) { return answer["choices"][0]; }

TEST_F(ApiTest, ACompletionHasOpenAisShape) {
  start();
  const Json answer = post("/v1/completions", ask_completion());
  EXPECT_EQ(answer["object"], "text_completion");
  EXPECT_EQ(answer["model"], "twin");
  EXPECT_THAT(answer["id"].get<std::string>(), ::testing::StartsWith("cmpl-"));
  EXPECT_EQ(only_choice(answer)["index"], 0);
  EXPECT_EQ(only_choice(answer)["finish_reason"], "length");
  EXPECT_EQ(only_choice(answer)["logprobs"], nullptr);
  EXPECT_FALSE(only_choice(answer)["text"].get<std::string>().empty());
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 5);
  EXPECT_EQ(answer["usage"]["completion_tokens"], 12);
  EXPECT_EQ(answer["usage"]["total_tokens"], 17);
  EXPECT_EQ(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
}

TEST_F(ApiTest, TheSameSeedGivesTheSameTextInEveryForm) {
  start();
  const std::string text = only_choice(post("/v1/completions", ask_completion()))["text"];
  EXPECT_EQ(only_choice(post("/v1/completions", ask_completion()))["text"], text);
  EXPECT_EQ(only_choice(post("/v1/completions",
                             ask_completion({{"prompt", {72, 101, 108, 108, 111}}})))["text"],
            text);
  const Json two = post("/v1/completions", ask_completion({{"prompt", {"Hello", "Other"}}}));
  ASSERT_EQ(two["choices"].size(), 2U);
  EXPECT_EQ(two["choices"][0]["text"], text);
  EXPECT_EQ(two["usage"]["prompt_tokens"], 10);
  EXPECT_EQ(only_choice(post("/v1/completions", ask_completion({{"recompute", true}})))["text"],
            text);
  EXPECT_NE(only_choice(post("/v1/completions", ask_completion({{"seed", 8}})))["text"], text);
  EXPECT_NE(only_choice(post("/v1/completions", ask_completion({{"adapter", "poems"}})))["text"],
            text);
}

TEST_F(ApiTest, AStreamIsTheSameText) {
  start();
  const std::string text = only_choice(post("/v1/completions", ask_completion()))["text"];
  const auto events =
      stream("/v1/completions", ask_completion({{"stream_options", {{"include_usage", true}}}}));
  std::string streamed;
  for (const Json& event : events)
    if (!event["choices"].empty()) streamed += only_choice(event)["text"].get<std::string>();
  EXPECT_EQ(streamed, text);
  EXPECT_EQ(events.front()["usage"], nullptr);
  EXPECT_EQ(events.back()["usage"]["completion_tokens"], 12);
  EXPECT_TRUE(events.back()["choices"].empty());
  EXPECT_EQ(only_choice(events[events.size() - 2])["finish_reason"], "length");
}

TEST_F(ApiTest, SeveralChoicesAreApart) {
  start();
  const Json whole = post("/v1/completions", ask_completion({{"n", 3}}));
  ASSERT_EQ(whole["choices"].size(), 3U);
  std::vector<std::string> streamed(3);
  for (const Json& event : stream("/v1/completions", ask_completion({{"n", 3}})))
    streamed[only_choice(event)["index"].get<std::size_t>()] +=
        only_choice(event)["text"].get<std::string>();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(streamed[i], whole["choices"][i]["text"]);
  EXPECT_NE(streamed[0], streamed[1]);
  const Json best = post("/v1/completions", ask_completion({{"n", 1}, {"best_of", 4}}));
  EXPECT_EQ(best["choices"].size(), 1U);
  EXPECT_EQ(best["usage"]["completion_tokens"], 48);
}

TEST_F(ApiTest, BothAnswersAreThoseOfEachWayAlone) {
  start();
  const std::string greedy =
      only_choice(post("/v1/completions", ask_completion({{"greedy", true}})))["text"];
  const std::string sampled = only_choice(post("/v1/completions", ask_completion()))["text"];
  const Json both = post("/v1/completions", ask_completion({{"greedy", "both"}}));
  ASSERT_EQ(both["choices"].size(), 2U);
  EXPECT_EQ(both["choices"][0]["decoding"], "greedy");
  EXPECT_EQ(both["choices"][0]["text"], greedy);
  EXPECT_EQ(both["choices"][1]["decoding"], "sampled");
  EXPECT_EQ(both["choices"][1]["text"], sampled);
  EXPECT_EQ(both["choices"][1]["index"], 1);
  EXPECT_LT(both["choices"][1]["mean_logprob"], 0);
  EXPECT_EQ(both["choices"][0]["logprobs"], nullptr);
  EXPECT_EQ(both["usage"]["prompt_tokens"], 5);
  EXPECT_EQ(both["usage"]["completion_tokens"], 24);

  std::vector<std::string> streamed(2);
  std::vector<std::string> decodings(2);
  for (const Json& event : stream("/v1/completions", ask_completion({{"greedy", "both"}}))) {
    const auto index = only_choice(event)["index"].get<std::size_t>();
    streamed[index] += only_choice(event)["text"].get<std::string>();
    if (only_choice(event).contains("decoding")) decodings[index] = only_choice(event)["decoding"];
  }
  EXPECT_THAT(streamed, ElementsAre(greedy, sampled));
  EXPECT_THAT(decodings, ElementsAre("greedy", "sampled"));
}

TEST_F(ApiTest, TheLikelierOfBothIsChosenForEachPrompt) {
  start();
  const Json request =
      ask_completion({{"prompt", {"Hello", "Other"}}, {"greedy", "both"}, {"logprobs", 0}});
  const Json both = post("/v1/completions", request);
  ASSERT_EQ(both["choices"].size(), 4U);
  Json choosing = request;
  choosing["choose"] = "likelihood";
  const Json chosen = post("/v1/completions", choosing);
  ASSERT_EQ(chosen["choices"].size(), 2U);
  for (std::size_t prompt = 0; prompt < 2; ++prompt) {
    const Json& one = both["choices"][2 * prompt];
    const Json& other = both["choices"][2 * prompt + 1];
    double sum = 0;
    for (const Json& logprob : one["logprobs"]["token_logprobs"]) sum += logprob.get<double>();
    EXPECT_NEAR(one["mean_logprob"].get<double>(), sum / 12, 1e-4);
    const Json& best = other["mean_logprob"] > one["mean_logprob"] ? other : one;
    EXPECT_EQ(chosen["choices"][prompt]["text"], best["text"]);
    EXPECT_EQ(chosen["choices"][prompt]["decoding"], best["decoding"]);
    EXPECT_EQ(chosen["choices"][prompt]["index"], prompt);
  }
}

TEST_F(ApiTest, AChatIsAnsweredBothWaysToo) {
  start();
  const Json both =
      post("/v1/chat/completions", {{"messages", {{{"role", "user"}, {"content", "Hi"}}}},
                                    {"max_tokens", 8},
                                    {"seed", 7},
                                    {"greedy", "both"}});
  ASSERT_EQ(both["choices"].size(), 2U);
  EXPECT_EQ(both["choices"][0]["decoding"], "greedy");
  EXPECT_EQ(both["choices"][1]["decoding"], "sampled");
  EXPECT_NE(both["choices"][0]["message"]["content"], both["choices"][1]["message"]["content"]);
}

TEST_F(ApiTest, EchoAndLogprobsReachIntoThePrompt) {
  start();
  const Json answer =
      post("/v1/completions", ask_completion({{"echo", true}, {"logprobs", 2}, {"max_tokens", 3}}));
  EXPECT_THAT(only_choice(answer)["text"].get<std::string>(), ::testing::StartsWith("Hello"));
  const Json& logprobs = only_choice(answer)["logprobs"];
  ASSERT_EQ(logprobs["tokens"].size(), 8U);
  EXPECT_EQ(logprobs["tokens"][0], "H");
  EXPECT_EQ(logprobs["token_logprobs"][0], nullptr);
  EXPECT_LT(logprobs["token_logprobs"][1], 0);
  EXPECT_EQ(logprobs["top_logprobs"][7].size(), 2U);
  EXPECT_EQ(logprobs["text_offset"][5], 5);
  const Json alone = post("/v1/completions", ask_completion({{"logprobs", 0}, {"max_tokens", 3}}));
  EXPECT_EQ(only_choice(alone)["logprobs"]["tokens"].size(), 3U);
  EXPECT_EQ(only_choice(alone)["logprobs"]["text_offset"][0], 5);
  EXPECT_EQ(only_choice(alone)["logprobs"]["token_logprobs"][2], logprobs["token_logprobs"][7]);
  const Json scored =
      post("/v1/completions", ask_completion({{"echo", true}, {"logprobs", 1}, {"max_tokens", 0}}));
  EXPECT_EQ(only_choice(scored)["logprobs"]["tokens"].size(), 5U);
  EXPECT_EQ(only_choice(scored)["text"], "Hello");
  const Json beside = post("/v1/completions", ask_completion({{"prompt_logprobs", true}}));
  EXPECT_EQ(only_choice(beside)["prompt_logprobs"].size(), 5U);
}

TEST_F(ApiTest, StopSequencesEndAnAnswer) {
  start();
  const Json whole =
      post("/v1/completions", ask_completion({{"grammar", "root ::= \"one two three\""}}));
  EXPECT_THAT("one two three",
              ::testing::StartsWith(only_choice(whole)["text"].get<std::string>()));
  const Json stopped =
      post("/v1/completions",
           ask_completion(
               {{"grammar", "root ::= \"one two three\""}, {"stop", {"tw"}}, {"max_tokens", 40}}));
  EXPECT_EQ(only_choice(stopped)["text"], "one ");
  EXPECT_EQ(only_choice(stopped)["finish_reason"], "stop");
  EXPECT_EQ(only_choice(stopped)["stop_reason"], "tw");
}

TEST_F(ApiTest, StartAndRestartFrameTheAnswer) {
  start();
  const Json framed =
      post("/v1/completions",
           ask_completion({{"prompt", "Hel"}, {"start", "lo"}, {"restart", "\nQ: "}}));
  const std::string text = only_choice(post("/v1/completions", ask_completion()))["text"];
  EXPECT_EQ(only_choice(framed)["text"], text + "\nQ: ");
  EXPECT_EQ(only_choice(framed)["restart"], "\nQ: ");
  std::string streamed;
  for (const Json& event : stream("/v1/completions", ask_completion({{"restart", "\nQ: "}})))
    streamed += only_choice(event)["text"].get<std::string>();
  EXPECT_EQ(streamed, text + "\nQ: ");
}

TEST_F(ApiTest, SchemasHold) {
  start();
  const Json schema{{"type", "object"},
                    {"properties", {{"ok", {{"type", "boolean"}}}}},
                    {"required", {"ok"}},
                    {"additionalProperties", false}};
  const Json answer = post(
      "/v1/completions",
      ask_completion(
          {{"max_tokens", 64},
           {"ignore_eos", false},
           {"response_format",
            {{"type", "json_schema"}, {"json_schema", {{"name", "a"}, {"schema", schema}}}}}}));
  const auto json = parse_json(only_choice(answer)["text"].get<std::string>());
  if (only_choice(answer)["finish_reason"] == "stop") {
    ASSERT_TRUE(json) << answer.dump();
    EXPECT_TRUE((*json)["ok"].is_boolean());
  }
  const Json refused = post("/v1/completions", ask_completion({{"grammar", "root ::= \"a"}}), 400);
  EXPECT_EQ(refused["error"]["param"], "grammar");
}

TEST_F(ApiTest, WrongRequestsAreToldWhatIsWrong) {
  start();
  const auto error = [&](const Json& more, int status = 400) {
    return post("/v1/completions", ask_completion(more), status)["error"];
  };
  EXPECT_EQ(error({{"model", "twim"}}, 404)["code"], "model_not_found");
  EXPECT_THAT(error({{"model", "twim"}}, 404)["message"].get<std::string>(),
              HasSubstr("did you mean twin?"));
  EXPECT_EQ(error({{"model", "twin:poem"}}, 404)["param"], "model");
  EXPECT_EQ(error({{"prompt", {5, 999}}})["param"], "prompt[1]");
  EXPECT_EQ(error({{"logit_bias", {{"300", 1}}}})["param"], "logit_bias");
  const Json context = error({{"max_tokens", 600}});
  EXPECT_EQ(context["code"], "context_length_exceeded");
  EXPECT_THAT(context["message"].get<std::string>(), HasSubstr("605"));
  EXPECT_THAT(context["message"].get<std::string>(), HasSubstr("at most 507"));
  const Json prompt = error({{"prompt", std::string(2000, 'x')}});
  EXPECT_EQ(prompt["param"], "prompt");
  EXPECT_THAT(prompt["message"].get<std::string>(), HasSubstr("2000 tokens"));
  EXPECT_EQ(post_bytes("/v1/completions", "{\"prompt\": \"\xff\"}").status, 400);
  EXPECT_EQ(post_bytes("/v1/completions", "{").status, 400);
  EXPECT_EQ(get("/v1/nothing", 404)["error"]["type"], "invalid_request_error");
}

TEST_F(ApiTest, ModelsAreListed) {
  start();
  const Json list = get("/v1/models");
  ASSERT_EQ(list["data"].size(), 2U);
  EXPECT_EQ(list["data"][0]["id"], "twin");
  EXPECT_EQ(list["data"][0]["context_length"], 512);
  EXPECT_EQ(list["data"][1]["parent"], "twin");
  EXPECT_EQ(get("/v1/models/twin%3Apoems")["id"], "twin:poems");
  EXPECT_EQ(get("/v1/models/none", 404)["error"]["code"], "model_not_found");
  EXPECT_EQ(post("/v1/completions", {{"prompt", "x"}, {"max_tokens", 1}})["model"], "twin");
}

TEST_F(ApiTest, HealthWaitsForWhatIsExpected) {
  models = std::make_unique<TextModels>(system_clock());
  models->expect("twin");
  start();
  EXPECT_EQ(get("/health", 503)["error"]["type"], "server_error");
  EXPECT_EQ(post("/v1/completions", ask_completion(), 503)["error"]["code"], "unavailable");
  add_model();
  EXPECT_TRUE(eventually([&] { return models->ready(); }));
  EXPECT_EQ(get("/health")["status"], "ok");
  service->begin_drain();
  EXPECT_EQ(send({.target = "/health"}).status, 503);
  EXPECT_EQ(post_bytes("/v1/completions", dump_json(ask_completion())).headers.get("Retry-After"),
            "1");
}

TEST_F(ApiTest, TokensGoThereAndBack) {
  start();
  EXPECT_EQ(post("/tokenize", {{"content", "Hi"}})["tokens"], Json({72, 105}));
  EXPECT_EQ(post("/tokenize", {{"content", "Hi"}, {"with_pieces", true}})["tokens"][0]["piece"],
            "H");
  EXPECT_EQ(post("/detokenize", {{"tokens", {72, 105}}})["content"], "Hi");
  EXPECT_EQ(post("/detokenize", {{"tokens", {72, 9999}}}, 400)["error"]["param"], "tokens[1]");
  const Json prompt =
      post("/apply-template", {{"messages", {{{"role", "user"}, {"content", "Hi"}}}}});
  EXPECT_THAT(prompt["prompt"].get<std::string>(), HasSubstr("<|im_start|>user\nHi<|im_end|>"));
  EXPECT_EQ(get("/version")["version"], "test");
}

TEST_F(ApiTest, EmbeddingsComeAsNumbersOrAsBytes) {
  start();
  const Json numbers = post("/v1/embeddings", {{"model", "twin"}, {"input", {"a", "b"}}});
  ASSERT_EQ(numbers["data"].size(), 2U);
  EXPECT_EQ(numbers["data"][0]["embedding"].size(), 4U);
  EXPECT_EQ(numbers["usage"]["prompt_tokens"], 2);
  const Json bytes =
      post("/v1/embeddings", {{"model", "twin"}, {"input", "a"}, {"encoding_format", "base64"}});
  EXPECT_EQ(bytes["data"][0]["embedding"].get<std::string>().size(), 24U);
  EXPECT_EQ(post("/v1/embeddings", {{"input", "a"}, {"dimensions", 2}}, 400)["error"]["param"],
            "dimensions");
}

TEST_F(ApiTest, MetricsSpeakBothDialects) {
  start();
  post("/v1/completions", ask_completion());
  serving::metrics_after(models->all().front()->engine(), 1);
  const std::string text = send({.target = "/metrics"}).body;
  EXPECT_THAT(text, HasSubstr("galley_generation_tokens_total{model=\"twin\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("vllm:generation_tokens_total{model_name=\"twin\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("galley_time_to_first_token_seconds_count{model=\"twin\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("finished_reason=\"length\"} 1\n"));
}

}  // namespace
}  // namespace galley::openai
