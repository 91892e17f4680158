// What rounding costs a language model of real text.
#include <gtest/gtest.h>

#include <cmath>

#include "inference/quantize.h"
#include "perplexity/measured_nats.h"
#include "support/temp_folder.h"
#include "training/language_corpus.h"

namespace galley {
namespace {

using inference::QuantMix;

const std::filesystem::path kModel = GALLEY_SOURCE_DIR "/data/lm/model";
constexpr std::size_t kTokens = 3000;  // of each text: enough that rounding, not chance, decides

class RoundedModel : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto file = inference::ModelFile::open(kModel);
    ASSERT_TRUE(file) << describe(file.error());
    const auto tokenizer = text::Tokenizer::create(file->tokenizer());
    ASSERT_TRUE(tokenizer);
    for (const char* name : {"ko_reviews.txt.zst", "shakespeare.txt.zst"}) {
      const auto text =
          training::read_language_text(std::filesystem::path(GALLEY_SOURCE_DIR "/data/lm") / name);
      ASSERT_TRUE(text) << describe(text.error());
      streams_.push_back(training::encode_documents(*tokenizer, text->validation, text->lines));
      streams_.back().resize(kTokens);
    }
    exact_ = nats(kModel, tensor::Activation::f32);
  }

  double nats(const std::filesystem::path& model, tensor::Activation activation) {
    const auto measured = bench::measure_nats(model, streams_, activation, 2);
    EXPECT_TRUE(measured) << describe(measured.error());
    if (!measured) return 1e9;
    EXPECT_EQ(measured->tokens, streams_.size() * (kTokens - 1));
    return measured->mean();
  }
  /// Perplexity of the rounded model over that of the one it was made from, minus 1.
  double loss(QuantMix mix) {
    const auto rounded = folder_ / (mix == QuantMix::i8 ? "rounded" : "rounded.gguf");
    const auto written = inference::quantize(kModel, rounded, mix, {});
    EXPECT_TRUE(written) << describe(written.error());
    return std::exp(nats(rounded, tensor::Activation::int8) - exact_) - 1;
  }

  testing::TempFolder folder_;
  std::vector<std::vector<text::TokenId>> streams_;
  double exact_ = 0;
};

TEST_F(RoundedModel, PredictsTextThatItHasNotSeen) {
  EXPECT_LT(exact_, 5.2);  // of 8.3 nats that a uniform guess would pay
}

TEST_F(RoundedModel, ActivationsInInt8CostLessThanHalfAPercent) {
  EXPECT_LT(std::exp(nats(kModel, tensor::Activation::int8) - exact_) - 1, 0.005);
}

TEST_F(RoundedModel, WeightsInInt8CostLessThanHalfAPercent) {
  EXPECT_LT(loss(QuantMix::q8_0), 0.005);
  EXPECT_LT(loss(QuantMix::i8), 0.005);
}

TEST_F(RoundedModel, WeightsInInt4CostLessThanThreePercent) {
  EXPECT_LT(loss(QuantMix::q4_0), 0.03);
  EXPECT_LT(loss(QuantMix::q4_k_m), 0.03);
}

}  // namespace
}  // namespace galley
