// Jobs with images, from assignment to end, with an engine that stands in.
#include "fixture.h"
#include "stand_in_engine.h"

namespace galley::agent {
namespace {

using protocol::AttemptState;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ContainerTest : public AgentFixture {
 protected:
  void adjust(Options& options) override { options.container_engine = engine_.program(); }

  Agent::Assigned in_image(const std::string& image, const std::string& script) {
    auto assigned = shell(script);
    assigned.assignment.spec.image = image;
    return assigned;
  }
  /// A job that is built from a context with this build file.
  Agent::Assigned built(const std::string& reference, const std::string& build_file) {
    const auto folder = temp_ / ("context-" + reference);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "Containerfile") << build_file;
    std::ofstream(folder / "train.py") << "code";
    auto frozen = blobs::freeze(folder, *blobs_);
    EXPECT_TRUE(frozen);
    link_.datasets[reference] = frozen->manifest;
    auto assigned = shell("echo trained");
    assigned.assignment.spec.build = protocol::BuildSpec{.context = reference};
    return assigned;
  }
  bool wait_for_note(const std::string& words) {
    return link_.wait([&](const FakeLink& link) {
      return std::ranges::any_of(link.reports_, [&](const auto& report) {
        return report.state == AttemptState::starting &&
               report.reason.find(words) != std::string::npos;
      });
    });
  }

  StandInEngine engine_{temp_ / "engine"};
};

TEST_F(ContainerTest, AJobRunsInItsImage) {
  auto job =
      in_image("here:1", "echo $RANK $WORLD_SIZE $MASTER_ADDR $GALLEY_TOKEN $KEY; pwd; exit 3");
  job.assignment.spec.env = {{"KEY", "value"}, {"PATH", "/image/bin:/usr/bin:/bin"}};
  job.assignment.node_ids = {NodeId::trusted("node_1"), NodeId::trusted("node_2")};
  job.assignment.master_address = "first";
  job.assignment.spec.resources.memory.count = 1 << 20;
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_EQ(end.exit_code, 3);
  const auto folder = agent_->attempt_folder(job.assignment.attempt_id);
  EXPECT_EQ(log(job),
            "[galley: pulling image here:1]\nTrying to pull here:1...\n0 2 first secret value\n" +
                (folder / "work").string() + "\n");
  EXPECT_THAT(engine_.calls(), Not(HasSubstr("secret")));
  EXPECT_THAT(engine_.calls(), Not(HasSubstr("value")));
  EXPECT_THAT(engine_.calls(), HasSubstr("--env GALLEY_TOKEN"));
  EXPECT_THAT(engine_.calls(), HasSubstr("--memory 1048576"));
  EXPECT_EQ(read_file(engine_ / "env-file", 4096).value_or(""), "PATH=/image/bin:/usr/bin:/bin\n");
  EXPECT_THAT(engine_.calls(), HasSubstr("rm --force galley-" + job.assignment.attempt_id.str()));
}

TEST_F(ContainerTest, ItsNodeTellsWhatItHolds) {
  ASSERT_EQ(run(in_image("here:1", "true")).state, AttemptState::succeeded);
  protocol::NodeRecord node;
  ASSERT_TRUE(link_.wait([&](const FakeLink& link) {
    node = link.node_;
    return node.contents && !node.contents->empty();
  }));
  ASSERT_TRUE(node.engine);
  EXPECT_EQ(node.engine->name, "podman");
  EXPECT_TRUE(node.engine->builds);
  EXPECT_EQ(node.contents->front().name, "image:here:1");
  EXPECT_EQ(node.contents->front().bytes, 1000);
  EXPECT_TRUE(node.contents->front().fetched);
  // It is there now: nobody asks for it again.
  ASSERT_EQ(run(in_image("here:1", "true")).state, AttemptState::succeeded);
  EXPECT_EQ(engine_.count("pull here:1"), 1);
}

TEST_F(ContainerTest, JobsShareOnePull) {
  Gate gate(engine_ / "gate");
  const auto first = in_image("slow:1", "echo one");
  const auto second = in_image("slow:1", "echo two");
  agent_->assign(first);
  ASSERT_TRUE(wait_for_note("preparing: pulling image slow:1"));
  agent_->assign(second);
  ASSERT_TRUE(wait_for_note("another job waits for"));
  gate.open();
  EXPECT_EQ(wait_for_end(first).state, AttemptState::succeeded);
  EXPECT_EQ(wait_for_end(second).state, AttemptState::succeeded);
  EXPECT_EQ(engine_.count("pull slow:1"), 1);
}

TEST_F(ContainerTest, AnImageThatIsNotThereIsTheJobsFault) {
  const auto end = run(in_image("missing:1", "true"));
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, StartsWith("image not found: 'missing:1'"));
  EXPECT_THAT(run(in_image("refused:1", "true")).reason, StartsWith("image not allowed: "));
}

TEST_F(ContainerTest, TroubleOfTheNodeSendsTheJobElsewhere) {
  const auto far = run(in_image("far:1", "true"));
  EXPECT_EQ(far.state, AttemptState::lost);
  EXPECT_THAT(far.reason, StartsWith("registry unreachable: "));
  const auto broken = run(in_image("engineless:1", "true"));
  EXPECT_EQ(broken.state, AttemptState::lost);
  EXPECT_THAT(broken.reason, StartsWith("container engine failed: "));
}

TEST_F(ContainerTest, CancellingEndsAPullThatNobodyElseWaitsFor) {
  Gate gate(engine_ / "gate");
  const auto job = in_image("slow:1", "true");
  agent_->assign(job);
  ASSERT_TRUE(wait_for_note("pulling"));
  agent_->cancel(job.assignment.attempt_id);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::cancelled);
  EXPECT_EQ(engine_.count("run --rm"), 0);
}

TEST_F(ContainerTest, CancellingRemovesTheContainer) {
  Gate begun(temp_ / "begun");
  auto job = in_image("here:1", "trap '' TERM; echo x > " + (temp_ / "begun").string() +
                                    "; while :; do sleep 1; done");
  job.assignment.spec.grace = Millis{50};
  agent_->assign(job);
  ASSERT_EQ(begun.receive(), "x");
  agent_->cancel(job.assignment.attempt_id);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::cancelled);
  EXPECT_EQ(engine_.count("rm --force galley-" + job.assignment.attempt_id.str()), 1);
}

TEST_F(ContainerTest, AnImageIsBuiltOnceForItsContent) {
  const auto first = built("code@1", "FROM scratch\n");
  EXPECT_EQ(run(first).state, AttemptState::succeeded);
  EXPECT_THAT(log(first), HasSubstr("[galley: building image localhost/galley-build:"));
  EXPECT_THAT(log(first), HasSubstr("STEP 1: FROM scratch\n"));
  EXPECT_THAT(log(first), HasSubstr("train.py\n"));
  EXPECT_THAT(log(first), ::testing::EndsWith("trained\n"));
  // The same content under another name is the same image.
  EXPECT_EQ(run(built("again@7", "FROM scratch\n")).state, AttemptState::succeeded);
  EXPECT_EQ(engine_.count("build --tag"), 1);
  EXPECT_EQ(run(built("code@2", "FROM other\n")).state, AttemptState::succeeded);
  EXPECT_EQ(engine_.count("build --tag"), 2);
}

TEST_F(ContainerTest, AFailedBuildIsTheJobsFault) {
  const auto broken = built("code@1", "FROM scratch\n# broken\n");
  const auto end = run(broken);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, StartsWith("build failed with code 7"));
  EXPECT_THAT(log(broken), HasSubstr("exit status 7"));

  auto endless = built("code@2", "FROM scratch\n# endless\n");
  endless.assignment.spec.build->max_runtime = Millis{100};
  EXPECT_THAT(run(endless).reason, HasSubstr("longer than its max_runtime of"));

  auto lacking = built("code@3", "FROM scratch\n");
  lacking.assignment.spec.build->requirements = "none.txt";
  EXPECT_THAT(run(lacking).reason, HasSubstr("the context has no file 'none.txt'"));
}

TEST_F(ContainerTest, ListsOfPackagesBecomeABuildFile) {
  auto job = built("code@1", "unused");
  job.assignment.spec.build->requirements = "train.py";
  job.assignment.spec.build->base = "my/base:2";
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  EXPECT_THAT(log(job), HasSubstr("STEP 1: FROM my/base:2\n"));
}

}  // namespace
}  // namespace galley::agent
