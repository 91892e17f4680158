// Jobs in real containers: built from a file, run, limited, cancelled.
#include <nlohmann/json.hpp>

#include "fixture.h"
#include "real_engine.h"

namespace galley::agent {
namespace {

using protocol::AttemptState;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class RealContainerTest : public AgentFixture {
 protected:
  void SetUp() override {
    if (!engine_->obstacle().empty()) GTEST_SKIP() << engine_->obstacle();
    AgentFixture::SetUp();
  }
  void adjust(Options& options) override { options.container_engine = engine_->program(); }

  Agent::Assigned probe(std::vector<std::string> words) {
    words.insert(words.begin(), "/probe");
    auto assigned = command(std::move(words));
    assigned.assignment.spec.image = "localhost/probe:1";
    return assigned;
  }
  blobs::Manifest freeze(const std::filesystem::path& folder) {
    auto frozen = blobs::freeze(folder, *blobs_);
    EXPECT_TRUE(frozen);
    return frozen ? frozen->manifest : blobs::Manifest();
  }
  Agent::Assigned built(const std::string& reference, const std::string& more,
                        std::vector<std::string> words) {
    RealEngine::write_context(temp_ / reference, reference, more);
    link_.datasets[reference] = freeze(temp_ / reference);
    auto assigned = probe(std::move(words));
    assigned.assignment.spec.image.reset();
    assigned.assignment.spec.build = protocol::BuildSpec{.context = reference};
    return assigned;
  }

  /// One for all tests: trying out whether containers run here takes a second.
  static void SetUpTestSuite() {
    folder_ = new galley::testing::TempFolder();
    engine_ = new RealEngine(folder_->path());
  }
  static void TearDownTestSuite() {
    delete engine_;
    delete folder_;
  }
  static inline galley::testing::TempFolder* folder_ = nullptr;
  static inline RealEngine* engine_ = nullptr;
};

TEST_F(RealContainerTest, AFolderBecomesAnImageAndAJobRunsInIt) {
  auto job = built("code@1", "", {"@/mark", "$GREETING", "$RANK", "$PATH", "here", "+out", "7"});
  job.assignment.spec.env = {{"GREETING", "two\nlines"}, {"PATH", "/image"}};
  job.assignment.node_ids = {NodeId::trusted("node_1"), NodeId::trusted("node_2")};
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_EQ(end.exit_code, 7) << end.reason;
  const auto work = agent_->attempt_folder(job.assignment.attempt_id) / "work";
  EXPECT_THAT(log(job), HasSubstr("[galley: building image localhost/galley-build:"));
  EXPECT_THAT(log(job), HasSubstr("COPY probe /probe"));
  EXPECT_THAT(log(job), HasSubstr("code@1GREETING=two\nlines\nRANK=0\nPATH=/image\nin " +
                                  work.string() + "\nwrote out\n"));
  EXPECT_EQ(read_file(work / "out", 100).value_or(""), "from inside\n");

  const auto again = built("code@1", "", {"0"});
  EXPECT_EQ(run(again).state, AttemptState::succeeded);
  EXPECT_EQ(log(again), "") << "it is there";
  EXPECT_EQ(engine_->podman({"ps", "--all", "--quiet"}).stdout_bytes, "");
}

TEST_F(RealContainerTest, ABuildThatFailsSaysSo) {
  const auto bad = built("bad@1", "COPY absent /absent\n", {"0"});
  EXPECT_THAT(run(bad).reason, StartsWith("build failed with code "));
  EXPECT_THAT(log(bad), HasSubstr("absent"));
}

TEST_F(RealContainerTest, CancelEndsTheContainer) {
  auto job = probe({"wait"});
  agent_->assign(job);
  ASSERT_TRUE(link_.wait([&](const FakeLink&) { return log(job) == "waiting\n"; })) << log(job);
  const std::string name = "galley-" + job.assignment.attempt_id.str();
  EXPECT_EQ(engine_->podman({"ps", "--format", "{{.Names}}"}).stdout_bytes, name + "\n");
  agent_->cancel(job.assignment.attempt_id);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::cancelled);
  EXPECT_EQ(log(job), "waiting\nasked to end\n");
  EXPECT_EQ(engine_->podman({"ps", "--all", "--quiet"}).stdout_bytes, "");
}

TEST_F(RealContainerTest, AContainerThatDoesNotListenIsKilled) {
  auto job = probe({"stay"});
  job.assignment.spec.grace = Millis{100};
  agent_->assign(job);
  ASSERT_TRUE(link_.wait([&](const FakeLink&) { return log(job) == "staying\n"; })) << log(job);
  agent_->cancel(job.assignment.attempt_id);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::cancelled);
  EXPECT_EQ(engine_->podman({"ps", "--all", "--quiet"}).stdout_bytes, "");
}

TEST_F(RealContainerTest, AContainerEndsWithItsKilledSupervisor) {
  auto job = probe({"stay"});
  agent_->assign(job);
  ASSERT_TRUE(link_.wait([&](const FakeLink&) { return log(job) == "staying\n"; })) << log(job);
  const auto pid = read_file(agent_->attempt_folder(job.assignment.attempt_id) / "pid", 10'000);
  ASSERT_TRUE(pid);
  ASSERT_EQ(::kill((*parse_json(*pid))["pid"].get<pid_t>(), SIGKILL), 0);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::lost);
  EXPECT_EQ(engine_->podman({"ps", "--all", "--quiet"}).stdout_bytes, "");
}

TEST_F(RealContainerTest, DataSetsCanBeReadAndNotWritten) {
  std::filesystem::create_directories(temp_ / "data");
  std::ofstream(temp_ / "data" / "rows") << "a,b,c\n";
  link_.datasets["rows@1"] = freeze(temp_ / "data");
  auto job = probe({});
  const auto inside = agent_->attempt_folder(job.assignment.attempt_id) / "datasets" / "rows@1";
  job.assignment.spec.command = {"/probe", "$GALLEY_DATASET_ROWS", "@" + (inside / "rows").string(),
                                 "+" + (inside / "more").string()};
  job.assignment.spec.datasets = {"rows@1"};
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  EXPECT_EQ(log(job), "GALLEY_DATASET_ROWS=" + inside.string() + "\na,b,c\ncannot write " +
                          (inside / "more").string() + "\n");
}

TEST_F(RealContainerTest, WhatIsNotThereIsTheJobsFault) {
  auto image = probe({});
  image.assignment.spec.image = "nosuchimage:1";
  const auto absent = run(image);
  EXPECT_THAT(absent.reason, AnyOf(StartsWith("image not found"), StartsWith("registry unreach")));
  auto program = probe({});
  program.assignment.spec.command = {"/absent"};
  const auto end = run(program);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, StartsWith("command not found in the image"));
}

TEST_F(RealContainerTest, MemoryIsLimited) {
  auto greedy = probe({"-200000000"});
  greedy.assignment.spec.resources.memory.count = std::int64_t{64} << 20;
  const auto end = run(greedy);
  EXPECT_EQ(end.exit_code, 137) << log(greedy);
  EXPECT_THAT(end.reason, HasSubstr("memory limit"));
  EXPECT_THAT(log(greedy), Not(HasSubstr("filled")));
}

}  // namespace
}  // namespace galley::agent
