#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "fleet.h"
#include "support/gate.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;

class FleetTest : public ::testing::Test {
 protected:
  Json job(const std::string& id) {
    auto client = fleet_.client();
    const auto record = client.get("/api/v1/jobs/" + id);
    EXPECT_TRUE(record) << describe(record.error());
    return record ? *record : Json();
  }
  std::string log_of(const std::string& id) {
    auto client = fleet_.client();
    return log_from(client, id, 0);
  }
  std::string gate(const std::string& name) const { return (fleet_.path() / name).string(); }

  Fleet fleet_;
};

TEST_F(FleetTest, AJobRunsOnAnotherMachineAndItsLogIsRead) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  Gate go(gate("go"));

  const auto id = fleet_.submit("echo first; read x < " + go.str() +
                                "; echo galley:: step=1 loss=0.5; echo last");
  auto client = fleet_.client();
  ASSERT_TRUE(eventually([&] { return log_from(client, id, 0) == "first\n"; })) << log_of(id);
  EXPECT_EQ(job(id)["state"], "running");
  go.open();

  ASSERT_TRUE(fleet_.wait_for_state(id, "succeeded")) << job(id).dump();
  EXPECT_EQ(log_of(id), "first\ngalley:: step=1 loss=0.5\nlast\n");
  const std::string run = job(id)["run_id"];
  const auto metrics = client.get("/api/v1/runs/" + run);
  ASSERT_TRUE(metrics) << describe(metrics.error());
  EXPECT_THAT(metrics->dump(), HasSubstr("loss"));
  // Its folder goes when all of it has been delivered.
  EXPECT_TRUE(eventually([&] {
    std::error_code error;
    return std::filesystem::is_empty(fleet_.folder_of("a") / "attempts", error);
  }));
}

TEST_F(FleetTest, FilesOfAJobAndDataSetsTravel) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  const auto source = fleet_.path() / "set";
  ASSERT_TRUE(make_folders(source));
  ASSERT_TRUE(write_file_atomic(source / "words.txt", "seven\n", Durability::memory));
  const auto frozen = fleet_.galley({"datasets", "push", "words", source.string()});
  ASSERT_EQ(frozen.exit_code, 0) << frozen.stderr_bytes;

  const auto id = fleet_.submit(
      "cp $GALLEY_DATASET_WORDS/words.txt out.txt && echo galley:: checkpoint=out.txt",
      {{"datasets", {"words@1"}}});

  ASSERT_TRUE(fleet_.wait_for_state(id, "succeeded")) << job(id).dump() << log_of(id);
  auto client = fleet_.client();
  const std::string run = job(id)["run_id"];
  const auto record = client.get("/api/v1/runs/" + run);
  ASSERT_TRUE(record) << describe(record.error());
  EXPECT_THAT(record->dump(), HasSubstr("out.txt"));
}

TEST_F(FleetTest, SecretsReachARemoteJobAndNoDisk) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  const std::string value = "hf_PlantedByFleetTest_51c9d2e0";
  auto client = fleet_.client();
  ASSERT_TRUE(client.put("/api/v1/secrets/HF_TOKEN", {{"value", value}}));
  Gate go(gate("go"));
  const auto id = fleet_.submit("printf %s \"$HF_TOKEN\" | sha256sum; read x < " + go.str(),
                                {{"secrets", {"HF_TOKEN"}}});
  ASSERT_TRUE(eventually([&] { return log_of(id).find(sha256_hex(value)) != std::string::npos; }))
      << log_of(id) << job(id).dump();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           fleet_.path(), std::filesystem::directory_options::skip_permission_denied)) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = read_file(entry.path(), 1 << 30);
    EXPECT_TRUE(!bytes || bytes->find(value) == std::string::npos) << entry.path();
  }
  go.open();
  EXPECT_TRUE(fleet_.wait_for_state(id, "succeeded"));

  // The key is another one now: the job is told, and nothing of the secret.
  ASSERT_TRUE(write_file_atomic(fleet_.folder_of("controller") / "secrets.key",
                                std::string(64, 'a') + "\n", Durability::memory, 0600));
  const auto wrong = fleet_.submit("true", {{"secrets", {"HF_TOKEN"}}});
  ASSERT_TRUE(fleet_.wait_for_state(wrong, "failed")) << job(wrong).dump();
  EXPECT_THAT(job(wrong)["reason"].get<std::string>(), HasSubstr("secrets[0]"));
  EXPECT_THAT(job(wrong)["reason"].get<std::string>(), HasSubstr("--secrets-key"));
}

TEST_F(FleetTest, AGangHasTheWholeEnvironmentAndMeets) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  fleet_.start_agent("b");
  Gate told(gate("told"));
  const auto id = fleet_.submit(
      "echo $RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $GROUP_RANK $ROLE_RANK "
      "$ROLE_WORLD_SIZE $MASTER_ADDR $TORCHELASTIC_RESTART_COUNT $SLURM_PROCID $MASTER_PORT > " +
          told.str(),
      {{"resources", {{"nodes", 2}}}});

  std::vector<std::string> lines{told.receive(), told.receive()};

  std::ranges::sort(lines);
  EXPECT_THAT(lines[0], ::testing::StartsWith("0 2 0 1 0 0 2 127.0.0.1 0 0 "));
  EXPECT_THAT(lines[1], ::testing::StartsWith("1 2 0 1 1 1 2 127.0.0.1 0 1 "));
  EXPECT_EQ(lines[0].substr(lines[0].rfind(' ')), lines[1].substr(lines[1].rfind(' ')));
  EXPECT_TRUE(fleet_.wait_for_state(id, "succeeded")) << job(id).dump();
}

TEST_F(FleetTest, TheLogOfEachRankCanBeRead) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  fleet_.start_agent("b");

  const auto id = fleet_.submit("echo I am $RANK", {{"resources", {{"nodes", 2}}}});

  ASSERT_TRUE(fleet_.wait_for_state(id, "succeeded")) << job(id).dump();
  auto client = fleet_.client();
  const auto of_rank = [&](int rank, const char* more) {
    const auto answer =
        client.send({.method = "GET",
                     .target = "/api/v1/jobs/" + id + "/logs?rank=" + std::to_string(rank) + more});
    return answer ? answer->body : describe(answer.error());
  };
  EXPECT_EQ(of_rank(0, ""), "I am 0\n");
  EXPECT_EQ(of_rank(1, ""), "I am 1\n");
  EXPECT_EQ(of_rank(1, "&follow=1"), "I am 1\n");
  EXPECT_EQ(of_rank(2, ""), "");
}

TEST_F(FleetTest, AMemberOnTheControllersOwnMachineKeepsItsLogApart) {
  // The machine that joined first has the first rank.
  fleet_.start_controller();
  fleet_.start_agent("a");
  fleet_.start_controller({}, "up");
  ASSERT_TRUE(eventually([&] { return fleet_.node_state("a") == "up"; }));

  const auto id = fleet_.submit("echo I am $RANK in $PWD; echo galley:: artifact=f; echo $RANK > f",
                                {{"resources", {{"nodes", 2}}}});

  ASSERT_TRUE(fleet_.wait_for_state(id, "succeeded")) << job(id).dump();
  auto client = fleet_.client();
  const auto of_rank = [&](const std::string& rank) {
    const auto answer =
        client.send({.method = "GET", .target = "/api/v1/jobs/" + id + "/logs?rank=" + rank});
    return answer ? answer->body : describe(answer.error());
  };
  EXPECT_TRUE(eventually([&] { return of_rank("0").starts_with("I am 0 in "); })) << of_rank("0");
  EXPECT_THAT(of_rank("0"), HasSubstr(fleet_.folder_of("a").string()));
  EXPECT_THAT(of_rank("1"), ::testing::StartsWith("I am 1 in "));
  EXPECT_THAT(of_rank("1"), HasSubstr(fleet_.folder_of("controller").string()));
}

TEST_F(FleetTest, TheFirstRankThatFailsIsNamedAndTheOthersAreStopped) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  fleet_.start_agent("b");

  const auto id = fleet_.submit("if [ $RANK = 1 ]; then exit 3; fi; sleep 1000",
                                {{"resources", {{"nodes", 2}}}});

  ASSERT_TRUE(fleet_.wait_for_state(id, "failed")) << job(id).dump();
  EXPECT_EQ(job(id)["exit_code"], 3);
  EXPECT_THAT(job(id)["reason"].get<std::string>(), HasSubstr("rank 1"));
}

TEST_F(FleetTest, JobsOutliveTheirAgentAndAreTakenUp) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  Gate go(gate("go"));
  const auto id = fleet_.submit("echo before; read x < " + go.str() + "; echo after; exit 5");
  auto client = fleet_.client();
  ASSERT_TRUE(eventually([&] { return log_from(client, id, 0) == "before\n"; }));

  fleet_.kill_agent("a");
  go.open();
  fleet_.start_agent("a");

  ASSERT_TRUE(fleet_.wait_for_state(id, "failed")) << job(id).dump();
  EXPECT_EQ(job(id)["exit_code"], 5);
  EXPECT_EQ(job(id)["attempts"], 1);
  EXPECT_EQ(log_of(id), "before\nafter\n");
}

TEST_F(FleetTest, WhatHappensWithoutAControllerIsDeliveredOnce) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  Gate go(gate("go"));
  Gate done(gate("done"));
  const auto id = fleet_.submit("echo galley:: step=1 loss=1; read x < " + go.str() +
                                "; echo galley:: step=2 loss=2; echo done > " + done.str());
  ASSERT_TRUE(fleet_.wait_for_state(id, "running"));

  fleet_.kill_controller();
  go.open();
  EXPECT_EQ(done.receive(), "done");
  fleet_.start_controller();

  ASSERT_TRUE(fleet_.wait_for_state(id, "succeeded")) << job(id).dump();
  EXPECT_EQ(job(id)["attempts"], 1);
  EXPECT_EQ(log_of(id), "galley:: step=1 loss=1\ngalley:: step=2 loss=2\n");
  auto client = fleet_.client();
  const std::string run = job(id)["run_id"];
  const auto points = client.get("/api/v1/runs/" + run + "/metrics?key=loss");
  ASSERT_TRUE(points) << describe(points.error());
  EXPECT_THAT(points->dump(), HasSubstr("[1.0,2.0]")) << points->dump();
}

TEST_F(FleetTest, LostAnswersChangeNothing) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  const std::vector<std::pair<std::string, int>> losses{{"/internal/v1/messages", 1},
                                                        {"/internal/v1/report", 2},
                                                        {"/internal/v1/progress", 2},
                                                        {"/internal/v1/attempts", 2},
                                                        {"/internal/v1/heartbeat", 2}};
  for (const auto& [path, count] : losses) {
    const int before = fleet_.relay().lost_answers();
    fleet_.relay().lose_answers(path, count);
    fleet_.relay().cut();  // so that it is a new poll whose answer is lost, with the assignment

    const auto id = fleet_.submit("echo galley:: step=1 loss=1; echo text");

    ASSERT_TRUE(fleet_.wait_for_state(id, "succeeded")) << path << job(id).dump();
    EXPECT_EQ(log_of(id), "galley:: step=1 loss=1\ntext\n") << path;
    EXPECT_EQ(job(id)["attempts"], 1) << path;
    EXPECT_TRUE(eventually([&] { return fleet_.relay().lost_answers() >= before + count; }))
        << path;
  }
}

TEST_F(FleetTest, ASilentNodeIsGivenUpAndWhatItStillRunsIsStopped) {
  fleet_.start_controller({"--node-timeout", "1s"});
  fleet_.start_agent("a");
  Gate began(gate("began"));
  const auto id = fleet_.submit("echo $GALLEY_ATTEMPT > " + began.str() + "; exec sleep 1000");
  EXPECT_EQ(began.receive(), "1");
  ASSERT_TRUE(fleet_.wait_for_state(id, "running"));

  fleet_.kill_agent("a");
  ASSERT_TRUE(eventually([&] { return fleet_.node_state("a") == "down"; }));
  ASSERT_TRUE(fleet_.wait_for_state(id, "queued")) << job(id).dump();
  fleet_.start_agent("a");

  // The first attempt is a stray that must end before the second begins.
  EXPECT_EQ(began.receive(), "2");
  ASSERT_TRUE(fleet_.wait_for_state(id, "running"));
  EXPECT_THAT(job(id)["attempt_list"].dump(), HasSubstr("was lost"));
}

TEST_F(FleetTest, TokensAreGoodOnce) {
  fleet_.start_controller();
  const auto token = fleet_.join_token();
  const auto arguments = [&](const std::string& name, const std::string& with) {
    return std::vector<std::string>{"--controller", fleet_.relay().url(), "--name",
                                    name,           "--join-token",       with};
  };
  fleet_.start_agent("a", {});
  EXPECT_THAT(fleet_.refusal_of_agent("b", arguments("a", token)),
              HasSubstr("another machine has joined as node 'a'"));
  EXPECT_THAT(fleet_.refusal_of_agent("b", arguments("b", "galley-join-0123")),
              HasSubstr("this join token is not known here"));
  EXPECT_THAT(fleet_.refusal_of_agent("b", {}), HasSubstr("has not joined a controller yet"));
  fleet_.start_agent("b");
  const auto spent = fleet_.join_token();
  auto client = fleet_.client();
  ASSERT_TRUE(eventually([&] { return fleet_.node_state("b") == "up"; }));
  fleet_.stop_agent("b");
  // Joining anew from the same folder is allowed, with a token that nobody has used.
  fleet_.start_agent("b", arguments("b", spent));
  EXPECT_THAT(fleet_.refusal_of_agent("c", arguments("c", spent)),
              HasSubstr("was used by node 'b'"));
}

TEST_F(FleetTest, ACopiedFolderIsRefused) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  fleet_.stop_agent("a");
  std::filesystem::copy(fleet_.folder_of("a"), fleet_.folder_of("copy"),
                        std::filesystem::copy_options::recursive);

  EXPECT_THAT(fleet_.refusal_of_agent("copy", {}),
              HasSubstr("lies on another machine or was copied here"));
  fleet_.start_agent("a");
  EXPECT_TRUE(eventually([&] { return fleet_.node_state("a") == "up"; }));
}

TEST_F(FleetTest, ARemovedNodeIsRefused) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  EXPECT_EQ(fleet_.galley({"nodes", "remove", "a"}).exit_code, 0);
  EXPECT_EQ(fleet_.node_state("a"), "");
  fleet_.stop_agent("a");
  EXPECT_THAT(fleet_.refusal_of_agent("a", {}), HasSubstr("its node was removed"));
  EXPECT_EQ(fleet_.galley({"nodes", "remove", "a"}).exit_code, 3);
}

TEST_F(FleetTest, AnOlderLeaderIsNotObeyed) {
  fleet_.start_controller();
  fleet_.start_agent("a");
  fleet_.stop_agent("a");
  // As after a leader with a higher epoch than this controller's.
  ASSERT_TRUE(
      write_file_atomic(fleet_.folder_of("a") / "agent" / "epoch", "99\n", Durability::memory));

  EXPECT_THAT(fleet_.refusal_of_agent("a", {}),
              AllOf(HasSubstr("has obeyed epoch 99"), HasSubstr("another has taken over")));
}

}  // namespace
}  // namespace galley::testing
