#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "installation.h"
#include "toy_model.h"

namespace galley::testing {
namespace {

using process::ChildOutput;
using ::testing::HasSubstr;

class Journey : public ::testing::Test {
 protected:
  void SetUp() override { installation_.start(); }

  std::string run_ok(const std::vector<std::string>& arguments) {
    const ChildOutput output = installation_.galley(arguments);
    EXPECT_EQ(output.exit_code, 0)
        << arguments.at(0) << ": " << output.stderr_bytes << output.stdout_bytes;
    return output.stdout_bytes;
  }

  Json json_of(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const auto json = parse_json(run_ok(arguments));
    EXPECT_TRUE(json) << describe(json.error());
    return json ? *json : Json();
  }

  /// Trains on the frozen reviews and freezes the result.
  void train_and_freeze(const std::string& seed) {
    run_ok({"run", "--name", "train", "--dataset", "reviews@1", "--", "/bin/sh", "-c",
            "galley-train classifier --train \"$GALLEY_DATASET_REVIEWS\" --out model --epochs 2 "
            "--seed \"$0\"",
            seed});
    run_ok({"snapshots", "create", "reviews", "--from-run", "last"});
  }

  std::string served_snapshot() {
    return json_of({"predict", "reviews", "최고의 감동적인 완벽한 명작"}).at("snapshot");
  }

  Installation installation_;
};

TEST_F(Journey, FromRawReviewsToAServedAnswerAndBack) {
  const auto folder = installation_.work() / "reviews";
  ASSERT_TRUE(make_folders(folder));
  ASSERT_TRUE(support::write_toy_reviews(folder / "train.tsv", 2000, 1));
  ASSERT_TRUE(support::write_toy_reviews(folder / "test.tsv", 200, 2));

  run_ok({"datasets", "push", "reviews", folder.string()});
  train_and_freeze("1");
  const Json run = json_of({"runs", "show", "last"});
  EXPECT_EQ(run.at("state"), "finished");
  EXPECT_FALSE(run.at("series").empty());
  EXPECT_EQ(run.at("artifacts").size(), 1U) << run.dump();

  run_ok({"deploy", "reviews@1"});
  const Json answer = json_of({"predict", "reviews", "최고의 감동적인 완벽한 명작"});
  EXPECT_EQ(answer.at("predictions").at(0).at("label"), "positive") << answer.dump();
  EXPECT_EQ(answer.at("snapshot"), "reviews@1");

  train_and_freeze("2");
  run_ok({"deploy", "reviews@2"});
  EXPECT_EQ(served_snapshot(), "reviews@2");
  run_ok({"rollback", "reviews"});
  EXPECT_EQ(served_snapshot(), "reviews@1");

  const Json history = json_of({"history", "reviews"}).at("items");
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history.at(0).at("action"), "rollback");
  EXPECT_EQ(history.at(0).at("snapshot_ref"), "reviews@1");
  EXPECT_EQ(history.at(2).at("snapshot_ref"), "reviews@1");
  const Json snapshot = json_of({"snapshots", "show", "reviews@2"});
  EXPECT_EQ(snapshot.at("run_id"), json_of({"runs", "show", "last"}).at("id"));
}

TEST_F(Journey, RunPrintsTheOutputAndReturnsTheCodeOfItsProgram) {
  const ChildOutput output =
      installation_.galley({"run", "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(output.exit_code, 7);
  EXPECT_EQ(output.stdout_bytes, "out\nerr\n");
  EXPECT_EQ(run_ok({"logs", "last"}), "out\nerr\n");
}

TEST_F(Journey, ServedModelAnswersAgainAfterAKill) {
  auto client = installation_.client();
  const auto snapshot = deploy_toy_model(client, {.trainer = program("galley-train"),
                                                  .folder = installation_.folder(),
                                                  .model = "toy",
                                                  .texts = 400});
  ASSERT_TRUE(snapshot) << describe(snapshot.error());
  installation_.server().kill();
  installation_.start();
  EXPECT_EQ(json_of({"predict", "toy", "지루한 영화"}).at("snapshot_id"), *snapshot);
}

std::string counted_lines() {
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "line " + std::to_string(i) + "\n";
  return lines;
}

TEST_F(Journey, JobSurvivesTheKillOfItsServerAndItsLogHasNoGap) {
  auto before = installation_.client();
  const auto job = before.post(
      "/api/v1/jobs",
      {{"command",
        {"/bin/sh", "-c",
         "i=0; while [ $i -lt 300 ]; do echo line $i; sleep 0.003; i=$((i+1)); done; exit 5"}}});
  ASSERT_TRUE(job) << describe(job.error());
  const std::string id = job->at("id");
  std::string log;
  ASSERT_TRUE(eventually([&] { return (log = log_from(before, id, 0)).size() > 100; }));
  EXPECT_EQ(state_of(before, id), "running");

  installation_.server().kill();
  installation_.start();
  auto after = installation_.client();
  const auto end = after.wait_for_job(id, Millis{20'000});
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->at("state"), "failed");
  EXPECT_EQ(end->at("exit_code"), 5);
  EXPECT_EQ(end->at("attempts"), 1) << "it was started again instead of adopted";
  EXPECT_EQ(log + log_from(after, id, log.size()), counted_lines());
}

TEST_F(Journey, JobThatEndsWhileTheServerIsDeadIsKnownAfterwards) {
  auto before = installation_.client();
  const auto marker = installation_.folder() / "ended";
  const auto job = before.post("/api/v1/jobs",
                               {{"command",
                                 {"/bin/sh", "-c",
                                  "echo begun; read line < \"$0\"; echo galley:: step=1 loss=0.5; "
                                  "touch \"$0.done\"; exit 3",
                                  marker.string()}}});
  ASSERT_TRUE(job) << describe(job.error());
  const std::string id = job->at("id");
  ASSERT_EQ(::mkfifo(marker.c_str(), 0600), 0);
  ASSERT_TRUE(eventually([&] { return state_of(before, id) == "running"; }));
  installation_.server().kill();

  // A reader that waits in open() lets this writer through; one that does not is not there yet.
  UniqueFd writer;
  ASSERT_TRUE(eventually([&] {
    writer = UniqueFd(::open(marker.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    return static_cast<bool>(writer);
  }));
  ASSERT_TRUE(write_all(writer.get(), "go\n"));
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(marker.string() + ".done"); }));

  installation_.start();
  auto after = installation_.client();
  const auto end = after.wait_for_job(id, Millis{20'000});
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->at("exit_code"), 3);
  const auto metrics =
      after.get("/api/v1/runs/" + end->at("run_id").get<std::string>() + "/metrics?key=loss");
  ASSERT_TRUE(metrics) << describe(metrics.error());
  EXPECT_EQ(metrics->at("series").at(0).at("values"), Json::array({0.5}));
}

TEST_F(Journey, AttemptWhoseSupervisorWasKilledIsLostAndTheJobRunsAgain) {
  auto client = installation_.client();
  const auto job =
      client.post("/api/v1/jobs", {{"command",
                                    {"/bin/sh", "-c",
                                     "echo attempt $GALLEY_ATTEMPT; "
                                     "if [ $GALLEY_ATTEMPT = 1 ]; then sleep 600; fi"}}});
  ASSERT_TRUE(job) << describe(job.error());
  const std::string id = job->at("id");
  ASSERT_TRUE(eventually([&] { return log_from(client, id, 0) == "attempt 1\n"; }));
  support::end_supervisors(installation_.data());

  const auto end = client.wait_for_job(id, Millis{20'000});
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->at("state"), "succeeded");
  EXPECT_EQ(end->at("attempts"), 2);
  EXPECT_EQ(end->at("attempt_list").at(0).at("state"), "lost");
  EXPECT_EQ(log_from(client, id, 0), "attempt 2\n");
}

}  // namespace
}  // namespace galley::testing
