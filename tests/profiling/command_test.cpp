// `galley models profile` as a program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "process/child.h"
#include "profiling/profile.h"
#include "server_process.h"
#include "support/temp_folder.h"

namespace galley::profiling {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kPrograms = GALLEY_BIN_DIR;
const std::string kModel = std::string(GALLEY_SOURCE_DIR) + "/data/lm/model";

class ProfileCommand : public ::testing::Test {
 protected:
  process::ChildOutput run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {(kPrograms / "galley").string(), "models", "profile"});
    auto out = process::run_child(arguments, {.timeout = Millis{150'000},
                                              .max_output_bytes = 64 << 20,
                                              .workdir = folder.path().string()});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : process::ChildOutput{};
  }
  std::string write(const std::string& name, const std::string& text) const {
    EXPECT_TRUE(write_file_atomic(folder / name, text, Durability::memory));
    return (folder / name).string();
  }

  galley::testing::TempFolder folder;
};

TEST_F(ProfileCommand, WritesTheProfileAndTheReportAndSaysTheAnswers) {
  const auto out = run({kModel, "--quick", "--rounds", "1", "--scale", "0.06", "--only",
                        "narrow,batching,budget,cache", "--threads", "1", "--out", "here"});
  ASSERT_TRUE(out.succeeded()) << out.stderr_bytes;
  const auto json = read_file(folder / "here/profile-model.json", 64 << 20);
  ASSERT_TRUE(json) << out.stderr_bytes;
  const auto profile = parse_profile(*json);
  ASSERT_TRUE(profile) << describe(profile.error());
  EXPECT_EQ(profile->effort, "quick");
  EXPECT_FALSE(profile->galley_version.empty());
  const auto html = read_file(folder / "here/profile-model.html", 64 << 20);
  ASSERT_TRUE(html);
  EXPECT_THAT(*html, HasSubstr("<svg"));
  EXPECT_THAT(out.stdout_bytes, HasSubstr("Short answers to prompts of one length"));
  EXPECT_THAT(out.stderr_bytes, HasSubstr("wrote here/profile-model.html"));
}

TEST_F(ProfileCommand, PrintsFiguresAndAnswersAsJson) {
  const auto set =
      write("set.jsonl", "{\"prompt\": \"1\", \"choices\": [\"2\", \"x\"], \"answer\": 0}\n");
  const auto out = run({kModel, "--quick", "--rounds", "1", "--scale", "0.06", "--only",
                        "narrow,quality", "--eval", set, "--json", "--threads", "1"});
  ASSERT_TRUE(out.succeeded()) << out.stderr_bytes;
  const auto document = parse_json(out.stdout_bytes);
  ASSERT_TRUE(document) << document.error().message;
  const Json& profile = (*document)["profiles"][0];
  EXPECT_EQ(profile["experiments"][0]["id"], "narrow");
  EXPECT_GT(profile["experiments"][0]["rows"].size(), 0U);
  EXPECT_EQ(profile["experiments"][1]["id"], "quality");
  EXPECT_EQ(profile["experiments"][1]["rows"].size(), 1U);
  EXPECT_GT(profile["answers"].size(), 0U);
  EXPECT_FALSE(std::filesystem::exists(folder / "profile-model.json"));
}

TEST_F(ProfileCommand, ComparesTwoModelsAndProfilesOfBefore) {
  const auto set =
      write("set.jsonl",
            "{\"prompt\": \"a\", \"answer\": \"b\"}\n{\"prompt\": \"c\", \"answer\": \"d\"}\n");
  std::filesystem::copy(kModel, folder / "other", std::filesystem::copy_options::recursive);
  auto out = run({kModel, (folder / "other").string(), "--quick", "--rounds", "1", "--scale",
                  "0.06", "--threads", "1", "--only", "narrow,quality", "--eval", set});
  ASSERT_TRUE(out.succeeded()) << out.stderr_bytes;
  for (const char* name : {"profile-model.json", "profile-other.json", "profile-comparison.json",
                           "profile-comparison.html"})
    EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
  const auto profile = parse_profile(*read_file(folder / "profile-model.json", 64 << 20));
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->find("quality")->rows.size(), 4U);  // both models' answers

  out = run({"profile-model.json", "profile-other.json", "--json"});
  ASSERT_TRUE(out.succeeded()) << out.stderr_bytes;
  const auto document = parse_json(out.stdout_bytes);
  ASSERT_TRUE(document);
  EXPECT_EQ((*document)["comparison"]["names"].size(), 2U);
}

TEST_F(ProfileCommand, MeasuresARealServer) {
  auto server = support::ServerProcess::start(
      {.program = kPrograms / "galley",
       .data = folder / "data",
       .arguments = {"--model", kModel, "--threads", "1", "--kv-memory", "64MiB"},
       .role = "serve"});
  ASSERT_TRUE(server) << server.error().message;
  const auto out = run(
      {"--target", server->url() + "/v1", "--quick", "--rounds", "1", "--scale", "0.06", "--json"});
  ASSERT_TRUE(out.succeeded()) << out.exit_code << " " << out.stderr_bytes;
  const auto document = parse_json(out.stdout_bytes);
  ASSERT_TRUE(document);
  const auto profile = parse_profile(dump_json((*document)["profiles"][0]));
  ASSERT_TRUE(profile) << describe(profile.error());
  EXPECT_EQ(profile->target, server->url() + "/v1");
  EXPECT_EQ(profile->model.context, 256U);
  EXPECT_FALSE(profile->find("narrow")->rows.empty());
  EXPECT_FALSE(profile->find("one-shot")->rows.empty());
  // Counts of an honest server are never doubted.
  for (const auto& experiment : profile->experiments)
    for (const auto& note : experiment.notes)
      EXPECT_EQ(note.find("cannot be true"), std::string::npos) << note;
}

TEST_F(ProfileCommand, AnInterruptEndsItWithWhatWasMeasured) {
  // The signal is sent by the child's own output: the progress of a program that nobody watches is
  // silent, so the shell sends it when the process is there.
  const std::string script =
      "\"$0\" models profile \"$1\" --time 60s --threads 1 --out there & "
      "child=$!; while [ ! -e /proc/$child/task/$child/children ]; do :; "
      "done; until [ $(ls /proc/$child/task | wc -l) -ge 3 ]; do :; done; "
      "kill -INT $child; wait $child";
  auto out = process::run_child(
      {"bash", "-c", "set -m; " + script, (kPrograms / "galley").string(), kModel},
      {.timeout = Millis{50'000}, .workdir = folder.path().string()});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->exit_code, 130) << out->stderr_bytes;
  EXPECT_THAT(out->stderr_bytes, HasSubstr("interrupted"));
  EXPECT_TRUE(std::filesystem::exists(folder / "there/profile-model.json")) << out->stderr_bytes;
}

struct Wrong {
  std::vector<std::string> arguments;
  const char* says;
  int exit_code;
};

TEST_F(ProfileCommand, NamesTheOptionThatIsWrong) {
  const auto set = write("bad.jsonl", "{\"prompt\": \"a\"}\n");
  const auto not_a_profile = write("no.json", "{\"kind\": \"job\"}");
  const std::vector<Wrong> all{
      {{}, "nothing to measure", 2},
      {{"no-such.gguf"}, "no-such.gguf is not there", 3},
      {{kModel, "--eval", set}, "bad.jsonl:1: the answer is missing", 2},
      {{not_a_profile}, "no.json: the profile's version", 2},
      {{kModel, "--memory-budget", "much"}, "--memory-budget", 2},
      {{kModel, "--scale", "0"}, "--scale", 2},
      {{kModel, "--time", "0s"}, "--time", 2},
      {{kModel, "--only", "lenght"}, "did you mean length?", 2},
      {{kModel, "--p99", "fast"}, "fast", 2},
      {{"--target", "node7:8000"}, "--target", 2},
      {{kModel, "--device", "A100x4"}, "--device", 2},
      {{"--predict", "huge"}, "huge", 2},
      {{"--predict", "39b", "--load", "512"}, "--load", 2},
  };
  for (const Wrong& wrong : all) {
    const auto out = run(wrong.arguments);
    EXPECT_EQ(out.exit_code, wrong.exit_code) << wrong.says << "\n" << out.stderr_bytes;
    EXPECT_THAT(out.stderr_bytes, HasSubstr(wrong.says));
    EXPECT_EQ(out.stdout_bytes, "");
  }
}

TEST_F(ProfileCommand, HelpTeaches) {
  const auto out = run({"--help"});
  EXPECT_TRUE(out.succeeded());
  for (const char* text : {"--target", "--memory-budget", "--predict", "galley models profile",
                           "--eval", "profile-a.json"})
    EXPECT_THAT(out.stdout_bytes, HasSubstr(text));
}

}  // namespace
}  // namespace galley::profiling
