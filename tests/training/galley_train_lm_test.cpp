// galley-train lm as the platform and people run it; needs libtorch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <numeric>
#include <regex>
#include <string>
#include <vector>

#include "inference/language_model.h"
#include "inference/model_file.h"
#include "tensor/device_group.h"
#include "train_fixture.h"

namespace galley {
namespace {

using testing::Ending;
using ::testing::HasSubstr;
using ::testing::Not;

/// Sentences that a small model can learn something of within seconds.
std::string toy_text(int lines) {
  const std::vector<std::string> who{"고양이가", "the cat", "강아지는", "a dog"};
  const std::vector<std::string> what{"집에서 잔다", "sat on the mat", "밥을 먹었다", "ran away"};
  std::string text;
  for (int i = 0; i < lines; ++i)
    text += who[static_cast<std::size_t>(i % 4)] + " " + what[static_cast<std::size_t>(i / 4 % 4)] +
            " " + std::to_string(i % 7) + "\n";
  return text;
}

std::vector<double> values_of(const std::string& out, const std::string& key) {
  std::vector<double> values;
  const std::regex pattern("[ :]" + key + "=([-+.0-9e]+)");
  for (auto match = std::sregex_iterator(out.begin(), out.end(), pattern);
       match != std::sregex_iterator(); ++match)
    values.push_back(std::stod((*match)[1].str()));
  return values;
}

class GalleyTrainLm : public testing::TrainFixture {
 protected:
  void SetUp() override { write("toy.txt", toy_text(800)); }

  std::vector<std::string> command(const std::string& out,
                                   const std::vector<std::string>& more) const {
    std::vector<std::string> arguments{
        "lm",  "--data",    at("toy.txt"), "--out",   at(out), "--vocab",    "320", "--width",
        "64",  "--layers",  "2",           "--heads", "4",     "--kv-heads", "2",   "--ffn",
        "128", "--context", "32",          "--batch", "4",     "--threads",  "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

TEST_F(GalleyTrainLm, LearnsAndReportsInTheJobProtocol) {
  const Ending ending = run(command("model", {"--steps", "40", "--lr", "5e-3"}));
  ASSERT_EQ(ending.status, 0) << ending.err;
  const auto losses = values_of(ending.out, "val_loss");
  ASSERT_GE(losses.size(), 3U) << ending.out;
  EXPECT_NEAR(losses.front(), std::log(320), 0.3) << "it knows nothing before the first step";
  EXPECT_LT(losses.back(), losses.front() - 1);
  for (const char* key : {" total_steps=40", " loss=", " tokens_per_s=", " lr="})
    EXPECT_THAT(ending.out, HasSubstr(key));
  EXPECT_EQ(values_of(ending.out, "val_nats_per_char_toy").size(), 1U);
  EXPECT_THAT(ending.out, HasSubstr("\ngalley:: artifact=" + at("model") + "\n"));
  EXPECT_THAT(ending.err, Not(HasSubstr("\x1b"))) << "no terminal, no bar";
  EXPECT_EQ(read("model/validation/toy.txt"), toy_text(800).substr(toy_text(760).size()));
  EXPECT_EQ(read("model/checkpoint.safetensors"), "") << "it is of no use any more";
}

TEST_F(GalleyTrainLm, EndsWithTheTimeItWasGiven) {
  const Ending ending = run(command("model", {"--minutes", "0.1"}));
  ASSERT_EQ(ending.status, 0) << ending.err;
  EXPECT_GE(values_of(ending.out, "step").back(), 1);
  EXPECT_LE(values_of(ending.out, "train_seconds").at(0), 30) << "a busy machine's allowance";
  const auto rates = values_of(ending.out, "lr");
  EXPECT_LT(rates.back(), 2e-3 * 0.06) << "it has cooled down";
}

TEST_F(GalleyTrainLm, StoppedItGoesOnAsIfNothingHadHappened) {
  ASSERT_EQ(run(command("straight", {"--steps", "60"})).status, 0);

  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = start(command("broken", {"--steps", "60", "--resume"}), writer.get());
  writer.reset();
  std::string out;
  char byte = 0;
  while (out.find(" loss=") == std::string::npos && ::read(reader.get(), &byte, 1) == 1)
    out += byte;
  ASSERT_EQ(::kill(child, SIGTERM), 0);
  while (::read(reader.get(), &byte, 1) == 1) out += byte;
  ASSERT_EQ(finish(child), 75) << read("stderr");
  EXPECT_THAT(out, HasSubstr("galley:: checkpoint=" + at("broken/checkpoint.safetensors") + "\n"));
  EXPECT_THAT(out, Not(HasSubstr("artifact=")));
  EXPECT_EQ(read("broken/config.json"), "") << "no half model";

  const Ending resumed = run(command("broken", {"--steps", "60", "--resume"}));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("going on after step"));
  EXPECT_TRUE(read("broken/model.safetensors") == read("straight/model.safetensors"));
}

TEST_F(GalleyTrainLm, ACheckpointOfOtherTextsIsRefused) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = start(command("model", {"--steps", "100000"}), writer.get());
  writer.reset();
  std::string out;
  char byte = 0;
  while (out.find(" loss=") == std::string::npos && ::read(reader.get(), &byte, 1) == 1)
    out += byte;
  ASSERT_EQ(::kill(child, SIGINT), 0);
  while (::read(reader.get(), &byte, 1) == 1) out += byte;
  ASSERT_EQ(finish(child), 130) << read("stderr");

  write("toy.txt", toy_text(900));
  const Ending ending = run(command("model", {"--steps", "10", "--resume"}));
  EXPECT_EQ(ending.status, 1);
  EXPECT_THAT(ending.err, HasSubstr("other texts"));
}

TEST_F(GalleyTrainLm, BadDataIsOneSentenceAndExit1) {
  write("toy.txt", "one line\n");
  EXPECT_THAT(run(command("model", {"--steps", "1"})).err, HasSubstr("toy.txt has 1 lines"));
  const Ending absent = run({"lm", "--data", at("absent.txt"), "--out", at("model")});
  EXPECT_EQ(absent.status, 1);
  EXPECT_THAT(absent.err, HasSubstr("absent.txt: No such file"));
}

TEST_F(GalleyTrainLm, TheEngineGivesTheFrameworksLogits) {
  ASSERT_EQ(run(command("model", {"--steps", "40"})).status, 0);
  std::vector<text::TokenId> tokens;
  std::string list;
  for (int i = 0; i < 30; ++i) {
    tokens.push_back(i * 31 % 300);
    list += (i > 0 ? "," : "") + std::to_string(tokens.back());
  }
  const Ending torch =
      run({"lm-logits", "--model", at("model"), "--tokens", list, "--out", at("logits")},
          GALLEY_BIN_DIR "/galley-train-torch");
  ASSERT_EQ(torch.status, 0) << torch.err;
  const std::string bytes = read("logits");
  std::vector<float> expected(bytes.size() / sizeof(float));
  std::memcpy(expected.data(), bytes.data(), bytes.size());

  const auto file = inference::ModelFile::open(folder_ / "model");
  ASSERT_TRUE(file) << describe(file.error());
  auto devices = tensor::make_cpu_group({.threads = 1});
  ASSERT_TRUE(devices);
  auto model = inference::LanguageModel::load(*file, **devices,
                                              {.kv_format = tensor::KvFormat::f32,
                                               .kv_tokens = 64,
                                               .max_rows = 32,
                                               .activation = tensor::Activation::f32});
  ASSERT_TRUE(model) << describe(model.error());
  std::vector<std::uint32_t> pages((*model)->page_count());
  std::iota(pages.begin(), pages.end(), 0U);
  const inference::ForwardSequence sequence{
      .tokens = tokens, .pages = pages, .logit_rows = static_cast<std::uint32_t>(tokens.size())};
  std::vector<float> logits(tokens.size() * (*model)->vocabulary());
  ASSERT_EQ(logits.size(), expected.size());
  (*model)->forward(std::span(&sequence, 1), logits);
  float worst = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    worst = std::max(worst, std::abs(logits[i] - expected[i]));
  EXPECT_LE(worst, 1e-4F);
}

}  // namespace
}  // namespace galley
