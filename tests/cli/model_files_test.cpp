#include <algorithm>
#include <filesystem>

#include "fixture.h"

namespace galley::cli::testing {
namespace {

/// The commands that work on model files; only import asks a server.
class ModelFilesTest : public ClientTest {
 protected:
  std::string path(const std::string& name) const { return (home / name).string(); }
  std::string synthesized(const std::string& name) {
    const auto done = galley({"models", "synth", "--preset", "15m", "--quant", "q8_0", "--out",
                              path(name), "--threads", "2"});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.out, path(name) + "\n");
    return path(name);
  }
  Json info(const std::string& file) {
    const auto done = galley({"model", "info", file, "--json"});
    EXPECT_EQ(done.code, 0) << done.err;
    const auto json = parse_json(done.out);
    return json ? *json : Json();
  }
};

TEST_F(ModelFilesTest, SynthInfoAndQuantize) {
  const std::string file = synthesized("m.gguf");
  const Json made = info(file);
  EXPECT_EQ(made["parameters"], 24'407'712);
  EXPECT_EQ(made["file_bytes"], std::filesystem::file_size(file));
  EXPECT_EQ(made["kv_bytes_per_token"], 2 * 6 * 288 * 2);
  EXPECT_EQ(made["tokenizer"]["tokens"], 32000);
  EXPECT_EQ(made["formats"][0]["format"], "q8_0");
  EXPECT_TRUE(std::ranges::any_of(made["kernels"], [](const Json& one) {
    return one["operation"] == "ffn_down" && !one["kernel"].get<std::string>().empty();
  }));
  const auto table = galley({"models", "info", file}).out;
  EXPECT_THAT(table, HasSubstr("6 layers, width 288"));
  EXPECT_THAT(table, HasSubstr("24.4 M"));

  const auto done =
      galley({"models", "quantize", file, path("small.gguf"), "--to", "q4_0", "--json"});
  EXPECT_EQ(done.code, 0) << done.err;
  const auto written = parse_json(done.out);
  ASSERT_TRUE(written);
  EXPECT_EQ((*written)["size_bytes"], std::filesystem::file_size(path("small.gguf")));
  EXPECT_TRUE(std::ranges::any_of(info(path("small.gguf"))["formats"],
                                  [](const Json& one) { return one["format"] == "q4_0"; }));
  EXPECT_TRUE(requests().empty());
}

TEST_F(ModelFilesTest, WrongUsageIsOneSentence) {
  const auto synth = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"models", "synth"};
    words.insert(words.end(), more.begin(), more.end());
    return galley(words);
  };
  EXPECT_EQ(synth({"--preset", "7b", "--out", path("m")}).err,
            "--preset: there is no preset '7b'; expected 15m, 125m, 350m, 1.1b, 3b, gpt2-125m\n");
  EXPECT_THAT(synth({"--preset", "15m", "--quant", "q3", "--out", path("m")}).err,
              HasSubstr("'q3' is no format"));
  EXPECT_EQ(synth({"--preset", "15m"}).code, 2);
  EXPECT_EQ(synth({"--preset", "15m", "--out", path("m"), "--threads", "-1"}).code, 2);
  EXPECT_EQ(galley({"models", "info", path("absent")}).code, 3);
  EXPECT_EQ(galley({"models", "quantize", path("absent"), path("m"), "--to", "q8_0"}).code, 3);
}

TEST_F(ModelFilesTest, ImportChecksThenFreezes) {
  answer("POST", "/api/v1/blobs/missing", {{"missing", Json::array()}});
  answer("POST", "/api/v1/models/{name}/snapshots", {{"ref", "tiny-model-q8_0@1"}}, 201);
  std::filesystem::create_directories(home / "files");
  const std::string file = synthesized("files/Tiny Model-Q8_0.gguf");
  std::filesystem::create_directories(home / "linked");
  std::filesystem::create_symlink(file, home / "linked/Tiny Model-Q8_0.gguf");
  const auto done = galley({"models", "import", path("linked/Tiny Model-Q8_0.gguf")});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "tiny-model-q8_0@1\n");
  EXPECT_THAT(requests().back(), HasSubstr("POST /api/v1/models/tiny-model-q8_0/snapshots"));
  EXPECT_THAT(requests().back(), HasSubstr(R"("path":"Tiny Model-Q8_0.gguf")"));
  // Nothing is left beside the file that was sent.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(home / "linked"),
                          std::filesystem::directory_iterator()),
            1);

  const std::size_t before = requests().size();
  std::filesystem::resize_file(file, 100'000);
  const auto refused = galley({"models", "import", file, "tiny"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("GGUF: "));
  EXPECT_EQ(requests().size(), before);
}

}  // namespace
}  // namespace galley::cli::testing
