// Trials that make room for people's jobs and go on where they were.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "fleet.h"
#include "pretended_gpus.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;

constexpr int kEpochs = 6;
constexpr int kEpochsBeforeRoom = 3;

/// A generator of numbers as a training: epoch and state are all that it is. It goes past the third
/// epoch once the file `go` is there, and writes a checkpoint at each.
constexpr const char* kTrainer = R"(
  e=0; v=$0; from=$1; go=$2
  if [ -n "$from" ]; then read e v < "$from"; fi
  trap 'exit 75' TERM
  while [ $e -lt 6 ]; do
    while [ $e -ge 3 ] && [ ! -e "$go" ]; do sleep 0.02; done
    v=$(( (v * 1103515245 + 12345) % 2147483648 )); e=$((e + 1))
    echo $e $v > model.new; mv model.new model
    echo "galley:: epoch=$e score=$v checkpoint=model"
    sleep 0.05
  done
)";

class StopAndGo : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(fleet_.start_controller());
    for (const std::string name : {"one", "two"}) {
      ASSERT_TRUE(support::install({.count = 1, .uuid_prefix = "GPU-" + name},
                                   fleet_.path() / (name + "-programs")));
      ASSERT_NO_FATAL_FAILURE(fleet_.start_agent(name));
    }
    ASSERT_TRUE(eventually([&] { return fleet_.node_state("two") == "up"; }));
  }

  Json study_file() const {
    return {
        {"name", "room"},
        {"h_params",
         {{"begin",
           {{"type", "int"}, {"distribution", "uniform"}, {"parameters", {1, 1'000'000}}}}}},
        {"measure", "score"},
        {"resource", "epoch"},
        {"max_resource", kEpochs},
        {"tune", "random"},
        {"termination", {{"max_session_number", 1}}},
        {"job",
         {{"command",
           {"/bin/sh", "-c", kTrainer, "{begin}", "{checkpoint}", (fleet_.path() / "go").string()}},
          {"resources", {{"gpus", 1}}}}}};
  }
  Json get(const std::string& path) {
    const auto answer = fleet_.client().get("/api/v1/" + path);
    EXPECT_TRUE(answer) << path << ": " << describe(answer.error());
    return answer ? *answer : Json::object();
  }
  Json trial() {
    const Json all = get("studies/room/trials");
    return all.at("items").empty() ? Json::object() : all.at("items").at(0);
  }
  std::string node_of(const std::string& job) {
    const Json attempts = get("jobs/" + job).at("attempt_list");
    return attempts.empty() ? std::string() : attempts.back().at("node_id").get<std::string>();
  }
  /// A person's job for one GPU, until told to end.
  std::string person() {
    return fleet_.submit(
        "while [ ! -e " + fleet_.path().string() + "/end-$GALLEY_JOB_ID ]; do sleep 0.02; done",
        {{"resources", {{"gpus", 1}}}});
  }
  void touch(const std::string& name) const { std::ofstream(fleet_.path() / name) << "now"; }
  /// The `score=` of each line that a job has printed.
  static std::vector<std::string> scores_in(const std::string& log) {
    std::vector<std::string> scores;
    for (std::size_t at = 0; (at = log.find("score=", at)) != std::string::npos; ++at)
      scores.push_back(log.substr(at + 6, log.find(' ', at) - at - 6));
    return scores;
  }

  Fleet fleet_;
};

TEST_F(StopAndGo, ATrialThatMadeRoomGoesOnElsewhereAndEndsBitEqual) {
  auto client = fleet_.client();
  const auto study = client.post("/api/v1/studies", study_file());
  ASSERT_TRUE(study) << describe(study.error());
  ASSERT_TRUE(eventually([&] { return trial().value("resource", 0.0) >= kEpochsBeforeRoom; }));
  const std::string first_job = trial().at("job_id");
  const std::string first_node = node_of(first_job);

  // Two people want both GPUs.
  const auto before = std::chrono::steady_clock::now();
  const std::string a = person(), b = person();
  ASSERT_TRUE(fleet_.wait_for_state(a, "running"));
  ASSERT_TRUE(fleet_.wait_for_state(b, "running"));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
  EXPECT_LT(took.count(), 10) << "the trainer itself ends at once";
  ASSERT_TRUE(eventually([&] { return trial().at("state") == "stopped"; })) << trial();
  EXPECT_EQ(trial().at("number"), 0);
  EXPECT_THAT(trial().at("checkpoint").get<std::string>(), HasSubstr("/model@"));
  EXPECT_TRUE(fleet_.wait_for_state(first_job, "cancelled"));
  const std::string shown = fleet_.galley({"studies", "show", "room"}).stdout_bytes;
  EXPECT_THAT(shown, HasSubstr("people's jobs hold 2 of 2 GPUs")) << trial();

  // The other machine is free first.
  const std::string elsewhere = node_of(a) == first_node ? b : a;
  touch("go");
  touch("end-" + elsewhere);
  ASSERT_TRUE(eventually([&] { return trial().at("state") == "finished"; })) << trial();
  const std::string last_job = trial().at("job_id");
  EXPECT_NE(last_job, first_job);
  EXPECT_NE(node_of(last_job), first_node);
  EXPECT_EQ(trial().at("number"), 0);
  EXPECT_GE(trial().at("attempt"), 2);
  EXPECT_EQ(get("studies/room").at("trials"), 1);
  const auto went_on = scores_in(log_from(client, last_job, 0));
  EXPECT_EQ(went_on.size(), static_cast<std::size_t>(kEpochs - kEpochsBeforeRoom));

  // The same training by itself.
  const std::string calm =
      fleet_.submit("true", {{"command", get("jobs/" + first_job).at("spec").at("command")}});
  ASSERT_TRUE(fleet_.wait_for_state(calm, "succeeded"));
  auto whole = scores_in(log_from(client, calm, 0));
  ASSERT_EQ(whole.size(), static_cast<std::size_t>(kEpochs));
  EXPECT_EQ(trial().at("values").at(0).get<double>(), std::stod(whole.back()));
  whole.erase(whole.begin(), whole.begin() + kEpochsBeforeRoom);
  EXPECT_EQ(went_on, whole);
  touch("end-" + a);
  touch("end-" + b);
}

TEST_F(StopAndGo, AJobGoesOnFromTheCheckpointOfARun) {
  auto client = fleet_.client();
  touch("go");
  const std::string first = fleet_.submit(
      "mkdir out; echo weights > out/a; echo more > out/b; echo galley:: checkpoint=out");
  ASSERT_TRUE(fleet_.wait_for_state(first, "succeeded"));
  const std::string run = get("jobs/" + first).at("run_id");
  const std::string next =
      fleet_.submit("cat $GALLEY_CHECKPOINT/a {checkpoint}/b", {{"checkpoint", run + "/out"}});
  ASSERT_TRUE(fleet_.wait_for_state(next, "succeeded"));
  EXPECT_THAT(log_from(client, next, 0), HasSubstr("weights\nmore"));
  EXPECT_THAT(get("jobs/" + next).at("spec").at("checkpoint").get<std::string>(),
              HasSubstr(run + "/out@"));
  const auto none = client.post(
      "/api/v1/jobs", {{"name", "none"}, {"command", {"true"}}, {"checkpoint", run + "/nothing"}});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
}

}  // namespace
}  // namespace galley::testing
