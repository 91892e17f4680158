// Language models in `galley up`: served beside everything else, and imported as snapshots.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "../system/installation.h"
#include "base/json.h"
#include "tiny_shape.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class UpModelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        inference::synthesize(openai::tiny_shape(), {.mix = inference::QuantMix::q8_0}, model));
  }
  Json json_of(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const auto out = installation.galley(arguments);
    EXPECT_EQ(out.exit_code, 0) << out.stderr_bytes;
    return parse_json(out.stdout_bytes).value_or(Json());
  }

  Installation installation;
  const std::filesystem::path model = installation.folder() / "Tiny Model.gguf";
};

TEST_F(UpModelsTest, UpServesALanguageModelToThoseWhoSignIn) {
  installation.start({"--model", "tiny=" + model.string(), "--kv-memory", "64MiB"});
  const Json body{{"prompt", "Hello"}, {"max_tokens", 4}, {"ignore_eos", true}, {"seed", 1}};
  auto client = installation.client();
  Json answer;
  ASSERT_TRUE(eventually([&] {
    const auto response =
        client.send({.method = "POST", .target = "/v1/completions", .body = dump_json(body)});
    if (!response || response->status == 503) return false;
    EXPECT_EQ(response->status, 200) << response->body;
    answer = parse_json(response->body).value_or(Json());
    return true;
  }));
  EXPECT_EQ(answer["usage"]["completion_tokens"], 4);
  const auto told = installation.galley(
      {"generate", "--seed", "1", "--max-tokens", "4", "--ignore-eos", "Hello"});
  EXPECT_EQ(told.exit_code, 0) << told.stderr_bytes;
  EXPECT_THAT(told.stdout_bytes, StartsWith(answer["choices"][0]["text"].get<std::string>()));

  auto stranger = support::ApiClient::open(installation.server().url(), "");
  ASSERT_TRUE(stranger);
  const auto refused =
      stranger->send({.method = "POST", .target = "/v1/completions", .body = dump_json(body)});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
}

TEST_F(UpModelsTest, AModelThatCannotBeLoadedIsSaidToThoseWhoAsk) {
  std::ofstream(model, std::ios::trunc) << "GGUF";
  installation.start({"--model", "tiny=" + model.string()});
  auto client = installation.client();
  std::string said;
  ASSERT_TRUE(eventually([&] {
    const auto response =
        client.send({.method = "POST", .target = "/v1/completions", .body = R"({"prompt": "x"})"});
    said = response ? response->body : "";
    return said.find("could not be loaded") != std::string::npos;
  })) << said;
}

TEST_F(UpModelsTest, AModelIsImportedOnceAndBrokenOnesNotAtAll) {
  installation.start();
  const auto first = installation.galley({"models", "import", model.string(), "--note", "first"});
  EXPECT_EQ(first.exit_code, 0) << first.stderr_bytes;
  EXPECT_EQ(first.stdout_bytes, "tiny-model@1\n");
  EXPECT_THAT(first.stderr_bytes, HasSubstr("llama model of "));
  const Json snapshot = json_of({"snapshots", "show", "tiny-model@1"});
  EXPECT_EQ(snapshot["note"], "first");
  EXPECT_EQ(snapshot["files"][0]["path"], "Tiny Model.gguf");

  const auto again = installation.galley({"models", "import", model.string(), "other"});
  EXPECT_EQ(again.exit_code, 0) << again.stderr_bytes;
  EXPECT_THAT(again.stderr_bytes, HasSubstr("0 B sent"));

  const auto folder = std::filesystem::path(GALLEY_SOURCE_DIR) / "data/lm/model";
  const auto hugging = json_of({"models", "import", folder.string(), "reviews-lm"});
  EXPECT_EQ(hugging["ref"], "reviews-lm@1");

  std::filesystem::resize_file(model, std::filesystem::file_size(model) / 2);
  const auto broken = installation.galley({"models", "import", model.string(), "broken"});
  EXPECT_NE(broken.exit_code, 0);
  EXPECT_THAT(broken.stderr_bytes, HasSubstr("Tiny Model.gguf"));
  const auto none = installation.galley({"models", "import", "no-such.gguf"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_EQ(installation.galley({"models", "show", "broken"}).exit_code, 3);
}

}  // namespace
}  // namespace galley::testing
