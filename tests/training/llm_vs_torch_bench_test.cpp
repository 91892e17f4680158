#include "llm_vs_torch/llm_vs_torch_bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inference/synth.h"
#include "support/temp_folder.h"

namespace galley::bench {
namespace {

class LlmVsTorchBench : public ::testing::Test {
 protected:
  void SetUp() override {
    const inference::SynthShape shape{.name = "tiny",
                                      .layers = 2,
                                      .width = 64,
                                      .heads = 4,
                                      .kv_heads = 2,
                                      .feed_forward = 128,
                                      .context = 256,
                                      .vocabulary = 320};
    const auto made = inference::synthesize(shape, {}, folder_ / "tiny.gguf");
    ASSERT_TRUE(made) << describe(made.error());
  }

  testing::TempFolder folder_;
};

TEST_F(LlmVsTorchBench, GivesEveryFigureOfItsForm) {
  const auto report = run_llm_vs_torch_bench(
      {.programs = GALLEY_BIN_DIR, .model = folder_ / "tiny.gguf", .threads = 1, .rounds = 1});

  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_EQ(report->name, "llm-vs-torch");
  for (const char* name : {"ours_tok_s", "ours_q8_0_tok_s", "torch_f32_tok_s", "torch_bf16_tok_s",
                           "prefill_ratio", "decode_ratio"})
    for (const char* ending : {"", "_batch8"})
      EXPECT_GT(report->figures.at(std::string(name) + ending), 0) << name << ending;
  EXPECT_GT(report->figures.at("ratio"), 0);
  EXPECT_GT(report->figures.at("ratio_q8_0"), 0);
}

TEST_F(LlmVsTorchBench, SaysWhatIsMissing) {
  const auto report = run_llm_vs_torch_bench(
      {.programs = folder_.path(), .model = folder_ / "tiny.gguf", .threads = 1, .rounds = 1});
  EXPECT_EQ(report.error().code, Errc::not_found);
  EXPECT_THAT(report.error().hint, ::testing::HasSubstr("libtorch-dev"));
}

}  // namespace
}  // namespace galley::bench
