// The parts of a language model's training that need no tensor library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "base/file.h"
#include "inference/model_file.h"
#include "inference/safetensors.h"
#include "support/temp_folder.h"
#include "training/adamw.h"
#include "training/hugging_face_folder.h"
#include "training/language_checkpoint.h"
#include "training/language_corpus.h"
#include "training/language_options.h"

namespace galley::training {
namespace {

using ::testing::HasSubstr;

DecoderShape small_shape() {
  return {.vocabulary = 300,
          .width = 64,
          .layers = 2,
          .heads = 4,
          .kv_heads = 2,
          .feed_forward = 96,
          .context = 32};
}

TEST(LanguageOptions, NameWhatIsWrong) {
  const auto field = [](auto&& change) {
    LanguageOptions options;
    change(options);
    const auto status = check(options);
    return status ? std::string() : status.error().field;
  };
  EXPECT_EQ(field([](auto&) {}), "");
  EXPECT_EQ(field([](auto& o) { o.minutes = 0; }), "minutes");
  EXPECT_EQ(field([](auto& o) { o.minutes = std::numeric_limits<double>::quiet_NaN(); }),
            "minutes");
  EXPECT_EQ(field([](auto& o) { o.steps = -1; }), "steps");
  EXPECT_EQ(field([](auto& o) { o.batch = 0; }), "batch");
  EXPECT_EQ(field([](auto& o) { o.learning_rate = -1e-3; }), "lr");
  EXPECT_EQ(field([](auto& o) { o.dropout = 1; }), "dropout");
  EXPECT_EQ(field([](auto& o) { o.weight_decay = -1; }), "weight_decay");
  EXPECT_EQ(field([](auto& o) { o.threads = 1000; }), "threads");
  EXPECT_EQ(field([](auto& o) { o.shape.vocabulary = 200; }), "vocab");
  EXPECT_EQ(field([](auto& o) { o.shape.width = 100; }), "width");
  EXPECT_EQ(field([](auto& o) { o.shape.heads = 3; }), "heads");
  EXPECT_EQ(field([](auto& o) { o.shape.kv_heads = 3; }), "kv_heads");
  EXPECT_EQ(field([](auto& o) { o.shape.layers = 0; }), "layers");
  EXPECT_EQ(field([](auto& o) { o.shape.feed_forward = 100; }), "ffn");
  EXPECT_EQ(field([](auto& o) { o.shape.context = 4; }), "context");
}

TEST(LanguageOptions, ThereAreNoMoreWorkersThanWindows) {
  EXPECT_EQ(settle({.batch = 2, .threads = 8}).threads, 2U);
  EXPECT_GE(settle({.batch = 64}).threads, 1U);
}

TEST(TrainingPlan, FollowsTheClockUnlessStepsAreGiven) {
  LanguageOptions options;
  EXPECT_DOUBLE_EQ(progress_of(options, {.steps = 10, .seconds = 30}, 120), 0.25);
  EXPECT_DOUBLE_EQ(progress_of(options, {.steps = 10, .seconds = 130}, 120), 1);
  EXPECT_EQ(expected_steps(options, {.steps = 10, .seconds = 30}, 120), 40);
  EXPECT_EQ(expected_steps(options, {}, 120), 0);
  options.steps = 20;
  EXPECT_DOUBLE_EQ(progress_of(options, {.steps = 10, .seconds = 130}, 120), 0.5);
  EXPECT_EQ(expected_steps(options, {.steps = 10, .seconds = 30}, 120), 20);
}

TEST(TrainingPlan, TheRateRisesThenFallsToATwentieth) {
  LanguageOptions options;
  options.learning_rate = 1;
  EXPECT_LT(learning_rate_at(options, 0, 0), 0.05);
  EXPECT_NEAR(learning_rate_at(options, 1000, 0), 1, 1e-9);
  double last = 2;
  for (double progress = 0; progress <= 1; progress += 0.125) {
    const double rate = learning_rate_at(options, 1000, progress);
    EXPECT_LT(rate, last);
    last = rate;
  }
  EXPECT_NEAR(last, 0.05, 1e-9);
}

TEST(DecoderLayout, PlacesEveryParameterOnceAndNeighboursTogether) {
  const DecoderLayout layout(small_shape());
  std::size_t at = 0;
  std::map<std::string, std::size_t> begins;
  for (const auto& slot : layout.slots()) {
    EXPECT_EQ(slot.offset, at) << slot.name;
    begins[slot.name] = at;
    at += slot.count;
  }
  EXPECT_EQ(at, layout.size());
  const std::string attention = "model.layers.1.self_attn.";
  EXPECT_EQ(begins.at(attention + "k_proj.weight") - begins.at(attention + "q_proj.weight"),
            64U * 64);
  EXPECT_EQ(begins.at(attention + "v_proj.weight") - begins.at(attention + "k_proj.weight"),
            32U * 64);
  const auto start = layout.initial_parameters(3);
  EXPECT_EQ(start, layout.initial_parameters(3));
  EXPECT_NE(start, layout.initial_parameters(4));
  EXPECT_EQ(start[begins.at("model.norm.weight")], 1.0F);
}

TEST(AdamW, TakesTheStepsOfItsPaper) {
  const DecoderLayout layout(small_shape());
  auto parameters = layout.initial_parameters(1);
  std::vector<float> gradient(layout.size());
  const AdamW::Options options{.clip = 1e9F};
  const auto b1 = static_cast<double>(options.beta1);
  const auto b2 = static_cast<double>(options.beta2);
  AdamW optimizer(layout, options);
  // The end of the last matrix, which decays, and the last gain, which does not, stand for all.
  const std::size_t gain = layout.slots().back().offset;
  const std::size_t begin = gain - 100;
  std::vector<double> expected(parameters.begin() + static_cast<std::ptrdiff_t>(begin),
                               parameters.end());
  std::vector<double> mean(expected.size());
  std::vector<double> square(expected.size());
  for (int step = 1; step <= 3; ++step) {
    for (std::size_t i = 0; i < gradient.size(); ++i)
      gradient[i] = std::sin(static_cast<float>(i) + static_cast<float>(step));
    optimizer.step(parameters, gradient, 1e-2, 2);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto g = static_cast<double>(gradient[begin + i]);
      mean[i] = b1 * mean[i] + (1 - b1) * g;
      square[i] = b2 * square[i] + (1 - b2) * g * g;
      const double move = mean[i] / (1 - std::pow(b1, step)) /
                          (std::sqrt(square[i] / (1 - std::pow(b2, step))) + 1e-8);
      const double decay = begin + i < gain ? 0.1 : 0;
      expected[i] -= 1e-2 * (move + decay * expected[i]);
    }
  }
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(parameters[begin + i], expected[i], 2e-6) << i;
}

TEST(AdamW, ClipsLongGradientsAndSkipsBrokenOnes) {
  const DecoderLayout layout(small_shape());
  const auto start = layout.initial_parameters(1);
  std::vector<float> gradient(layout.size(), 1000.0F);
  auto clipped = start;
  AdamW optimizer(layout, {.clip = 1});
  EXPECT_NEAR(optimizer.step(clipped, gradient, 1e-3, 1),
              1000 * std::sqrt(static_cast<double>(layout.size())), 30);
  EXPECT_NEAR(optimizer.state().mean[0], 0.1 / std::sqrt(static_cast<double>(layout.size())), 1e-8);
  gradient[5] = std::numeric_limits<float>::quiet_NaN();
  const auto before = clipped;
  EXPECT_FALSE(std::isfinite(optimizer.step(clipped, gradient, 1e-3, 1)));
  EXPECT_EQ(clipped, before);
  EXPECT_EQ(optimizer.state().steps, 1);
}

class Checkpoint : public ::testing::Test {
 protected:
  Checkpoint() {
    saved_.parameters = layout_.initial_parameters(1);
    saved_.optimizer.mean.assign(layout_.size(), 0.5F);
    saved_.optimizer.square.assign(layout_.size(), 0.25F);
    saved_.optimizer.steps = 7;
    saved_.spent = {.steps = 8, .seconds = 12.345678901234};
    saved_.windows = 64;
    saved_.training = fingerprint({.shape = small_shape()}, "data");
  }
  std::string error(const std::string& training) const {
    const auto loaded = load_checkpoint(path_, layout_, training);
    return loaded ? "" : describe(loaded.error());
  }

  testing::TempFolder folder_;
  std::filesystem::path path_ = folder_ / "checkpoint.safetensors";
  DecoderLayout layout_{small_shape()};
  LanguageCheckpoint saved_;
};

TEST_F(Checkpoint, ComesBackBitForBit) {
  ASSERT_TRUE(save_checkpoint(path_, saved_));
  const auto loaded = load_checkpoint(path_, layout_, saved_.training);
  ASSERT_TRUE(loaded) << describe(loaded.error());
  EXPECT_EQ(loaded->parameters, saved_.parameters);
  EXPECT_EQ(loaded->optimizer.mean, saved_.optimizer.mean);
  EXPECT_EQ(loaded->optimizer.square, saved_.optimizer.square);
  EXPECT_EQ(loaded->optimizer.steps, 7);
  EXPECT_EQ(loaded->spent.steps, 8);
  EXPECT_EQ(loaded->spent.seconds, 12.345678901234);
  EXPECT_EQ(loaded->windows, 64U);
}

TEST_F(Checkpoint, OfAnotherTrainingIsRefused) {
  ASSERT_TRUE(save_checkpoint(path_, saved_));
  LanguageOptions other{.shape = small_shape()};
  other.minutes = 99;
  EXPECT_EQ(error(fingerprint(other, "data")), "") << "more time is no other training";
  EXPECT_THAT(error(fingerprint(other, "other")), HasSubstr("other texts"));
  other.seed = 2;
  EXPECT_THAT(error(fingerprint(other, "data")), HasSubstr("--resume"));
}

TEST_F(Checkpoint, DamageIsNoticed) {
  EXPECT_THAT(error(saved_.training), HasSubstr("No such file"));
  ASSERT_TRUE(save_checkpoint(path_, saved_));
  const std::string whole = *read_file(path_, 1 << 26);
  ASSERT_TRUE(write_file_atomic(path_, whole.substr(0, whole.size() / 2), Durability::memory));
  EXPECT_THAT(error(saved_.training), HasSubstr("is damaged"));
  saved_.optimizer.mean.pop_back();
  ASSERT_TRUE(save_checkpoint(path_, saved_));
  EXPECT_THAT(error(saved_.training), HasSubstr("finite numbers of each kind"));
  saved_.optimizer.mean.push_back(std::numeric_limits<float>::infinity());
  ASSERT_TRUE(save_checkpoint(path_, saved_));
  EXPECT_THAT(error(saved_.training), HasSubstr("finite numbers of each kind"));
  ASSERT_TRUE(write_file_atomic(path_, inference::print_safetensors({}, {}), Durability::memory));
  EXPECT_THAT(error(saved_.training), HasSubstr("what it belongs to"));
}

TEST(HuggingFaceFolder, OpensAsAModel) {
  const testing::TempFolder folder;
  LanguageText text{.name = "a"};
  for (int i = 0; i < 100; ++i) text.train += "the cat sat on mat " + std::to_string(i) + "\n";
  auto tokenizer = train_vocabulary(std::span(&text, 1), 300);
  ASSERT_TRUE(tokenizer) << describe(tokenizer.error());
  auto shape = small_shape();
  shape.vocabulary = static_cast<std::uint32_t>(tokenizer->tokens.size());
  const DecoderLayout layout(shape);
  const auto parameters = layout.initial_parameters(1);

  const auto saved = save_hugging_face(folder / "model", layout, parameters, *tokenizer, {});
  ASSERT_TRUE(saved) << describe(saved.error());

  const auto file = inference::ModelFile::open(folder / "model");
  ASSERT_TRUE(file) << describe(file.error());
  const auto& config = file->config();
  EXPECT_EQ(config.layers, 2U);
  EXPECT_EQ(config.kv_heads, 2U);
  EXPECT_EQ(config.head_dim, 16U);
  EXPECT_EQ(config.context, 32U);
  EXPECT_FALSE(config.adjacent_pairs);
  EXPECT_EQ(config.parameters, layout.size());
  EXPECT_EQ(file->tokenizer().eos, tokenizer->eos);
  EXPECT_EQ(file->tokenizer().merges, tokenizer->merges);
  EXPECT_TRUE(file->tokenizer().add_bos);
  const auto* const gate = file->find("blk.1.ffn_gate.weight");
  ASSERT_NE(gate, nullptr);
  EXPECT_EQ(gate->shape, (std::vector<std::size_t>{96, 64}));
}

}  // namespace
}  // namespace galley::training
