// The shipped language model, trained anew from the shipped texts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "perplexity/perplexity_bench.h"
#include "train_fixture.h"

namespace galley {
namespace {

class Retraining : public testing::TrainFixture {
 protected:
  static double value_of(const std::string& out, const std::string& key) {
    const auto found = out.find(":: " + key + "=");
    return found == std::string::npos ? 1e9 : std::stod(out.substr(found + key.size() + 4));
  }
};

TEST_F(Retraining, TenMinutesGiveAModelOfRealText) {
  const testing::Ending ending =
      run({"lm", "--data", GALLEY_SOURCE_DIR "/data/lm", "--minutes", "10", "--out", at("model")});

  ASSERT_EQ(ending.status, 0) << ending.err;
  RecordProperty("said", ending.out);
  // nanoGPT's README quotes 1.88 nats a character for three minutes of Shakespeare alone on a
  // laptop's processor; here two thirds of the time go to Korean.
  EXPECT_LE(value_of(ending.out, "val_nats_per_char_shakespeare"), 1.75);
  EXPECT_LE(value_of(ending.out, "val_nats_per_byte_ko_reviews"), 1.25);
  EXPECT_LE(value_of(ending.out, "train_seconds"), 615);

  const auto rounded = bench::run_perplexity_bench(
      {.model = folder_ / "model", .text = GALLEY_SOURCE_DIR "/data/lm"});
  ASSERT_TRUE(rounded) << describe(rounded.error());
  EXPECT_LT(rounded->figures.at("perplexity_loss_q8_0"), 0.005);
  EXPECT_LT(rounded->figures.at("perplexity_loss_i8"), 0.005);
  EXPECT_LT(rounded->figures.at("perplexity_loss_q4_0"), 0.03);
  EXPECT_LT(rounded->figures.at("perplexity_loss_q4_k_m"), 0.03);
}

}  // namespace
}  // namespace galley
