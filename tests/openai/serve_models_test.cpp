// What `galley serve` can put beside a model: adapters, drafts, TLS.
#include <fstream>
#include <random>

#include "http/certificate_authority.h"
#include "inference/safetensors.h"
#include "serve_fixture.h"

namespace galley::openai {
namespace {

constexpr std::size_t kRank = 4;

/// A PEFT folder that changes the output projection of every layer.
void write_adapter(const std::filesystem::path& folder, const inference::SynthShape& shape) {
  ASSERT_TRUE(make_folders(folder));
  std::ofstream(folder / "adapter_config.json")
      << R"({"peft_type": "LORA", "r": 4, "lora_alpha": 16, "target_modules": ["o_proj"]})";
  std::mt19937 dice(5);
  std::normal_distribution<float> normal(0, 0.5F);
  std::vector<float> values(kRank * shape.width);
  for (float& value : values) value = normal(dice);
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()),
                               values.size() * sizeof(float));
  std::vector<std::pair<std::string, inference::TensorView>> tensors;
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    const std::string name =
        "base_model.model.model.layers." + std::to_string(layer) + ".self_attn.o_proj.";
    tensors.push_back({name + "lora_A.weight", {"F32", {kRank, shape.width}, bytes}});
    tensors.push_back({name + "lora_B.weight", {"F32", {shape.width, kRank}, bytes}});
  }
  std::ofstream(folder / "adapter_model.safetensors", std::ios::binary)
      << inference::print_safetensors(tensors, {});
}

Json greedy(const std::string& prompt, const Json& more = Json::object()) {
  Json body{{"prompt", prompt}, {"max_tokens", 40}, {"temperature", 0}, {"ignore_eos", true}};
  body.update(more);
  return body;
}

TEST_F(ServeTest, AdaptersAreChosenByEachRequest) {
  write_adapter(folder / "lora", tiny_shape());
  auto server = begin({"--adapter", "poems=" + (folder / "lora").string()});
  ASSERT_TRUE(server) << describe(server.error());
  const Json models = get(*server, "/v1/models");
  ASSERT_EQ(models["data"].size(), 2U);
  EXPECT_EQ(models["data"][1]["id"], "tiny:poems");
  EXPECT_EQ(models["data"][1]["parent"], "tiny");

  const Json base = complete(*server, greedy("Hello"));
  const Json adapted = complete(*server, greedy("Hello", {{"adapter", "poems"}}));
  EXPECT_NE(text_of(base), text_of(adapted));
  EXPECT_EQ(adapted["model"], "tiny:poems");
  // The prefix cache knows whose keys and values it holds.
  EXPECT_EQ(text_of(complete(*server, greedy("Hello"))), text_of(base));
  EXPECT_EQ(text_of(complete(*server, greedy("Hello", {{"model", "tiny:poems"}}))),
            text_of(adapted));
  const Json unknown =
      post(*server, "/v1/completions", greedy("Hello", {{"adapter", "poem"}}), 404);
  EXPECT_THAT(unknown["error"]["message"].get<std::string>(), HasSubstr("did you mean poems"));

  const auto told = galley({"generate", "--url", server->url(), "--greedy", "--ignore-eos",
                            "--max-tokens", "40", "--adapter", "poems", "Hello"});
  EXPECT_THAT(told.stdout_bytes, ::testing::StartsWith(text_of(adapted))) << told.stderr_bytes;
}

TEST_F(ServeTest, RequestsOfBothKindsShareSteps) {
  write_adapter(folder / "lora", tiny_shape());
  auto server = begin({"--adapter", "poems=" + (folder / "lora").string()});
  ASSERT_TRUE(server) << describe(server.error());
  const std::vector<Json> bodies{greedy("one"), greedy("two", {{"adapter", "poems"}}),
                                 greedy("three"), greedy("one", {{"adapter", "poems"}})};
  std::vector<std::string> alone;
  for (const Json& body : bodies) alone.push_back(text_of(complete(*server, body)));
  std::vector<std::string> together(bodies.size());
  {
    std::vector<std::jthread> clients;
    for (std::size_t i = 0; i < bodies.size(); ++i)
      clients.emplace_back([&, i] { together[i] = text_of(complete(*server, bodies[i])); });
  }
  EXPECT_EQ(together, alone);
}

TEST_F(ServeTest, AnAdapterOfAnotherModelIsRefused) {
  auto other = tiny_shape();
  other.width = 64;
  write_adapter(folder / "lora", other);
  const auto out = refused({"--adapter", "poems=" + (folder / "lora").string()});
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_THAT(out.stderr_bytes, HasSubstr("cannot be served: "));
  EXPECT_THAT(out.stderr_bytes, HasSubstr("o_proj"));
}

TEST_F(ServeTest, ADraftModelChangesNoText) {
  // The model itself guesses best what the model will write; another guesses badly.
  synthesize(folder / "other.gguf", tiny_shape(), 9);
  std::string plain;
  for (const auto& [draft, is_good] :
       {std::pair(model, true), std::pair(folder / "other.gguf", false)}) {
    auto server = begin({"--draft", draft.string(), "--draft-tokens", "4"});
    ASSERT_TRUE(server) << describe(server.error());
    const Json body = greedy("Once upon a time");
    Json without = body;
    without["speculation"] = "none";
    const Json alone = complete(*server, without);
    const Json drafted = complete(*server, body);
    EXPECT_EQ(text_of(drafted), text_of(alone));
    EXPECT_EQ(alone["usage"]["completion_tokens_details"]["accepted_prediction_tokens"], 0);
    const Json details = drafted["usage"]["completion_tokens_details"];
    if (is_good) {
      EXPECT_GT(details["accepted_prediction_tokens"], 20);
    } else {
      EXPECT_GT(details["rejected_prediction_tokens"], 0);
    }
    EXPECT_GT(metric(*server, "galley_draft_tokens_total"), 0);
    // Sampled answers too are those of a server without a draft.
    Json sampled = greedy("Once", {{"temperature", 1.0}, {"seed", 4}});
    const std::string with_draft = text_of(complete(*server, sampled));
    sampled["speculation"] = "none";
    EXPECT_EQ(text_of(complete(*server, sampled)), with_draft);
  }
}

TEST_F(ServeTest, PromptLookupChangesNoText) {
  auto server = begin({"--speculation", "prompt_lookup"});
  ASSERT_TRUE(server) << describe(server.error());
  std::int64_t accepted = 0;
  for (const char* prompt : {"a b c a b c a b c", "Hello Hello Hello", "x"}) {
    Json body = greedy(prompt, {{"max_tokens", 120}});
    const Json looked_up = complete(*server, body);
    accepted += looked_up["usage"]["completion_tokens_details"]["accepted_prediction_tokens"]
                    .get<std::int64_t>();
    body["speculation"] = "none";
    EXPECT_EQ(text_of(looked_up), text_of(complete(*server, body)));
  }
  EXPECT_GT(accepted, 0);
  const Json refused =
      post(*server, "/v1/completions", greedy("x", {{"speculation", "draft_model"}}), 400);
  EXPECT_EQ(refused["error"]["param"], "speculation");
}

TEST_F(ServeTest, DraftsThatCannotWorkAreRefusedAtTheStart) {
  const auto none = refused({"--speculation", "draft_model"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.stderr_bytes, HasSubstr("there is no draft model"));
  auto other = tiny_shape();
  other.vocabulary = 640;
  synthesize(folder / "other.gguf", other);
  const auto strange = refused({"--draft", (folder / "other.gguf").string()});
  EXPECT_EQ(strange.exit_code, 1);
  EXPECT_THAT(strange.stderr_bytes, HasSubstr("another vocabulary: 640 tokens"));
}

TEST_F(ServeTest, TlsAndAKeyTogether) {
  const auto files = http::make_certificates(folder / "tls", {.names = {"127.0.0.1"}});
  ASSERT_TRUE(files) << describe(files.error());
  const std::string key = "a-key-of-the-test-0123";
  ASSERT_TRUE(write_file_atomic(folder / "key", key, Durability::memory));
  auto server = begin({"--tls-cert", files->certificate.string(), "--tls-key", files->key.string(),
                       "--api-key-file", (folder / "key").string()});
  ASSERT_TRUE(server) << describe(server.error());
  ASSERT_TRUE(server->url().starts_with("https://")) << server->url();

  EXPECT_FALSE(client(*server)->send({.target = "/health"})) << "nobody vouches for it yet";
  authority = files->authority.string();
  EXPECT_EQ(client(*server)->send({.target = "/health"})->status, 200);
  EXPECT_EQ(client(*server)->send({.target = "/v1/models"})->status, 401);
  EXPECT_EQ(client(*server, key)->send({.target = "/v1/models"})->status, 200);
  const auto plain = http::Client::open({.server = "http://" + address_of(*server), .retries = 0});
  const auto answer = (*plain)->send({.target = "/health"});
  EXPECT_FALSE(answer && answer->status == 200);

  const auto generate = [&](const std::vector<std::string>& environment) {
    return galley({"generate", "--url", server->url(), "--max-tokens", "4", "Hello"}, {},
                  environment);
  };
  EXPECT_EQ(generate({"GALLEY_CA=" + authority, "GALLEY_API_KEY=" + key}).exit_code, 0);
  EXPECT_EQ(generate({"GALLEY_CA=" + authority}).exit_code, 4);
  const auto untrusted = generate({"GALLEY_API_KEY=" + key});
  EXPECT_NE(untrusted.exit_code, 0);
  EXPECT_THAT(untrusted.stderr_bytes, HasSubstr("certificate"));
}

TEST_F(ServeTest, AShortKeyAndAKeyInTheClearAreRefused) {
  ASSERT_TRUE(write_file_atomic(folder / "key", "short", Durability::memory));
  const auto brief = refused({"--api-key-file", (folder / "key").string()});
  EXPECT_EQ(brief.exit_code, 2);
  EXPECT_THAT(brief.stderr_bytes, HasSubstr("has 5 characters"));
  ASSERT_TRUE(write_file_atomic(folder / "key", "a-key-of-the-test-0123", Durability::memory));
  const auto clear = galley({"serve", "--model", model.string(), "--listen", "0.0.0.0:0",
                             "--api-key-file", (folder / "key").string()});
  EXPECT_EQ(clear.exit_code, 2);
  EXPECT_THAT(clear.stderr_bytes, HasSubstr("TLS"));
}

}  // namespace
}  // namespace galley::openai
