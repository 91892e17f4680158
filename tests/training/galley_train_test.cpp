// The command as the platform and people run it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "inference/text_classifier.h"
#include "support/child.h"
#include "support/temp_folder.h"
#include "toy_data.h"

namespace galley {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Ending {
  int status = -1;
  std::string out;
  std::string err;
};

class GalleyTrain : public ::testing::Test {
 protected:
  void SetUp() override {
    write("train.tsv", testing::toy_reviews(1200, 1));
    write("test.tsv", testing::toy_reviews(200, 2));
  }

  void write(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(write_file_atomic(folder_ / name, bytes, Durability::memory));
  }
  std::string at(const std::string& name) const { return folder_ / name; }
  std::string read(const std::string& name) const {
    auto bytes = read_file(folder_ / name, 1 << 26);
    return bytes ? *bytes : "";
  }

  pid_t start(std::vector<std::string> arguments, int out) const {
    arguments.insert(arguments.begin(), GALLEY_BIN_DIR "/galley-train");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child != 0) return child;
    const int err = ::open(at("stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  static int finish(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  Ending run(std::vector<std::string> arguments) const {
    const UniqueFd out(
        ::open(at("stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const int status = finish(start(std::move(arguments), out.get()));
    return {status, read("stdout"), read("stderr")};
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

  testing::TempFolder folder_;
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
