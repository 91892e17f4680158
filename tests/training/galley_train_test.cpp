// The command as the platform and people run it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "inference/text_classifier.h"
#include "support/child.h"
#include "toy_data.h"
#include "train_fixture.h"

namespace galley {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using testing::Ending;

class GalleyTrain : public testing::TrainFixture {
 protected:
  void SetUp() override {
    write("train.tsv", testing::toy_reviews(1200, 1));
    write("test.tsv", testing::toy_reviews(200, 2));
  }

  /// `classifier --out OUT` and more.
  Ending train(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"classifier", "--out", at("model")});
    return run(std::move(arguments));
  }
  /// Runs a training that must fail, leaving no model; what it says.
  std::string failure(std::vector<std::string> arguments, int status = 1) const {
    const Ending ending = train(std::move(arguments));
    EXPECT_EQ(ending.status, status) << ending.err;
    EXPECT_THAT(ending.err, HasSubstr("galley-train: "));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "model"));
    return ending.err;
  }
};

TEST_F(GalleyTrain, TrainsOnAFolderAndReportsInTheJobProtocol) {
  const Ending ending = train({"--train", folder_.path(), "--threads", "1"});

  ASSERT_EQ(ending.status, 0) << ending.err;
  EXPECT_THAT(ending.out, StartsWith("galley:: step="));
  for (const char* key :
       {" epoch=1 ", " total_steps=", " loss=", " dev_accuracy=", " tokens_per_s="})
    EXPECT_THAT(ending.out, HasSubstr(key));
  EXPECT_THAT(ending.out, HasSubstr("\ngalley:: test_accuracy="));
  EXPECT_THAT(ending.out, HasSubstr("\ngalley:: artifact=" + at("model") + "\n"));
  EXPECT_THAT(ending.err, Not(HasSubstr("\x1b"))) << "no terminal, no bar";
  const auto classifier = inference::TextClassifier::open(folder_ / "model");
  ASSERT_TRUE(classifier) << describe(classifier.error());
  const auto answer = (*classifier)->predict("최고 감동 추천");
  EXPECT_EQ((*classifier)->labels()[answer->label_index], "good");
  EXPECT_EQ((*classifier)->card().embedding_type, "int8");
  EXPECT_GE((*classifier)->card().metrics.at("test_accuracy"), 0.95);
  EXPECT_TRUE((*classifier)->card().finished);
}

TEST_F(GalleyTrain, OneThreadWritesTheSameBytes) {
  ASSERT_EQ(train({"--train", at("train.tsv"), "--threads", "1", "--epochs", "3"}).status, 0);
  const std::string weights = read("model/model.safetensors");
  const std::string card = read("model/card.json");
  ASSERT_EQ(train({"--train", at("train.tsv"), "--threads", "1", "--epochs", "3"}).status, 0);
  EXPECT_TRUE(weights == read("model/model.safetensors"));
  EXPECT_EQ(card, read("model/card.json"));
}

TEST_F(GalleyTrain, KeepsF32WhenAsked) {
  ASSERT_EQ(train({"--train", at("train.tsv"), "--epochs", "1", "--keep-f32"}).status, 0);
  EXPECT_EQ((*inference::TextClassifier::open(folder_ / "model"))->card().embedding_type, "f32");
}

TEST_F(GalleyTrain, BadDataIsOneSentenceAndExit1) {
  EXPECT_THAT(failure({"--train", at("absent.tsv")}), HasSubstr("absent.tsv does not exist"));
  write("one.tsv", "text\tlabel\na\tA\nb\tA\n");
  EXPECT_THAT(failure({"--train", at("one.tsv")}), HasSubstr("one class only"));
  write("bad.tsv", "text\tlabel\na\tA\nb\tB\nc\n");
  EXPECT_THAT(failure({"--train", at("bad.tsv")}), HasSubstr("bad.tsv:4"));
  write("utf8.tsv", "text\tlabel\na\tA\n\xff\tB\n");
  EXPECT_THAT(failure({"--train", at("utf8.tsv")}), HasSubstr("utf8.tsv:3"));
  write("empty.tsv", "");
  EXPECT_THAT(failure({"--train", at("empty.tsv")}), HasSubstr("is empty"));
  write("zstd.tsv", "\x28\xB5\x2F\xFD....");
  EXPECT_THAT(failure({"--train", at("zstd.tsv")}), HasSubstr("zstd"));
  write("strange.tsv", "text\tlabel\na\tmaybe\n");
  EXPECT_THAT(failure({"--train", at("train.tsv"), "--epochs", "1", "--test", at("strange.tsv")}),
              AllOf(HasSubstr("strange.tsv:2"), HasSubstr("maybe")));
}

TEST_F(GalleyTrain, AnOutputThatCannotBeMadeIsOneSentence) {
  const Ending ending = run(
      {"classifier", "--train", at("train.tsv"), "--epochs", "1", "--out", at("train.tsv/model")});
  EXPECT_EQ(ending.status, 1);
  EXPECT_THAT(ending.err, HasSubstr("train.tsv/model"));
}

TEST_F(GalleyTrain, AFullDiskIsOneSentence) {
  std::filesystem::create_directories(folder_ / "small");
  const int status = testing::with_small_disk(folder_ / "small", "16k", [&] {
    const Ending ending = run(
        {"classifier", "--train", at("train.tsv"), "--epochs", "1", "--out", at("small/model")});
    EXPECT_EQ(ending.status, 1);
    EXPECT_THAT(ending.err, HasSubstr("No space left"));
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "small/model"));
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "no private mounts here";
  EXPECT_EQ(status, 0);
}

TEST_F(GalleyTrain, WrongUsageIsExit2) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"clasifier"}).status, 2);
  EXPECT_EQ(train({}).status, 2);
  EXPECT_EQ(train({"--train", at("train.tsv"), "--epochs", "many"}).status, 2);
  EXPECT_THAT(failure({"--train", at("train.tsv"), "--dim", "20"}, 2), HasSubstr("multiple of 16"));
}

TEST_F(GalleyTrain, ALanguageModelsOptionsAreReadWithoutLibtorch) {
  EXPECT_THAT(run({"lm", "--help"}).out, HasSubstr("--data data/lm"));
  EXPECT_EQ(run({"lm"}).status, 2);
  const Ending ending =
      run({"lm", "--data", at("train.tsv"), "--out", at("model"), "--width", "100"});
  EXPECT_EQ(ending.status, 2);
  EXPECT_THAT(ending.err, AllOf(HasSubstr("galley-train: "), HasSubstr("width of 100")));
}

TEST_F(GalleyTrain, SaysWhatALanguageModelNeedsWhereItIsMissing) {
  const std::string program = at("galley-train");
  std::filesystem::copy(GALLEY_BIN_DIR "/galley-train", program);
  const Ending ending = run({"lm", "--data", at("train.tsv"), "--out", at("model")}, program);
  EXPECT_EQ(ending.status, 1);
  EXPECT_THAT(ending.err, AllOf(HasSubstr("galley-train-torch"), HasSubstr("libtorch-dev")));
}

TEST_F(GalleyTrain, HelpTeachesWithExamples) {
  const Ending ending = run({"classifier", "--help"});
  EXPECT_EQ(ending.status, 0);
  EXPECT_THAT(ending.out, AllOf(HasSubstr("Examples:"), HasSubstr("--train data/nsmc")));
  EXPECT_THAT(run({"--version"}).out, HasSubstr("galley-train"));
}

class StopSignal : public GalleyTrain, public ::testing::WithParamInterface<std::pair<int, int>> {};

TEST_P(StopSignal, SavesWhatThereIs) {
  const auto [signal, expected_status] = GetParam();
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = start({"classifier", "--train", at("train.tsv"), "--out", at("model"),
                             "--epochs", "10000", "--patience", "0"},
                            writer.get());
  writer.reset();
  std::string out;
  char byte = 0;
  while (out.find("dev_accuracy=") == std::string::npos && ::read(reader.get(), &byte, 1) == 1)
    out += byte;
  ASSERT_EQ(::kill(child, signal), 0);
  while (::read(reader.get(), &byte, 1) == 1) out += byte;

  EXPECT_EQ(finish(child), expected_status) << read("stderr");
  EXPECT_THAT(out, HasSubstr("galley:: checkpoint=" + at("model") + "\n"));
  EXPECT_THAT(out, Not(HasSubstr("artifact=")));
  const auto classifier = inference::TextClassifier::open(folder_ / "model");
  ASSERT_TRUE(classifier) << describe(classifier.error());
  EXPECT_FALSE((*classifier)->card().finished);
}

INSTANTIATE_TEST_SUITE_P(Both, StopSignal,
                         ::testing::Values(std::pair{SIGTERM, 75}, std::pair{SIGINT, 130}),
                         [](const auto& test) {
                           return test.param.first == SIGTERM ? "Term" : "Int";
                         });

}  // namespace
}  // namespace galley
