#include "fixture.h"

namespace galley::agent {
namespace {

using protocol::AttemptState;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

class Progress : public AgentFixture {
 protected:
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> steps;
    for (const auto& point : link_.points_) steps.push_back(point.step);
    return steps;
  }
  static std::vector<std::int64_t> up_to(std::int64_t count) {
    std::vector<std::int64_t> steps;
    for (std::int64_t i = 0; i < count; ++i) steps.push_back(i);
    return steps;
  }
};

constexpr const char* kPrint5000 =
    "i=0; while [ $i -lt 5000 ]; do echo \"galley:: step=$i loss=0.5\"; i=$((i+1)); done";

TEST_F(Progress, IsStoredWholeBeforeTheEnd) {
  EXPECT_EQ(run(shell(kPrint5000)).state, AttemptState::succeeded);
  EXPECT_EQ(steps(), up_to(5'000));
}

TEST_F(Progress, ComesFromTheMetricsFileToo) {
  const auto end =
      run(shell("echo galley:: step=0 a=1; "
                "echo galley:: step=1 a=2 >> \"$GALLEY_METRICS_FILE\""));
  EXPECT_EQ(end.state, AttemptState::succeeded);
  EXPECT_EQ(link_.points_.size(), 2U);
}

TEST_F(Progress, ArrivesWhileTheJobRuns) {
  Gate gate(temp_ / "gate");
  const auto job = shell("echo galley:: a=1; read x < " + gate.str() +
                         "; echo galley:: a=2; read x < " + gate.str());
  agent_->assign(job);
  EXPECT_TRUE(link_.wait([](const FakeLink& link) { return link.points_.size() == 1; }));
  gate.open();
  EXPECT_TRUE(link_.wait([](const FakeLink& link) { return link.points_.size() == 2; }));
  gate.open();
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  EXPECT_EQ(steps(), up_to(2));
}

TEST_F(Progress, IsStoredOnceWhenTheAnswerWasLost) {
  agent_.reset();
  link_.progress_fault = [](int call) {
    return call % 2 == 1 ? std::optional(Error{Errc::unavailable, "no answer"}) : std::nullopt;
  };
  link_.store_despite_fault = true;
  start_agent();
  EXPECT_EQ(run(shell(kPrint5000)).state, AttemptState::succeeded);
  EXPECT_EQ(steps(), up_to(5'000));
  EXPECT_GE(link_.refused_, 1);
}

TEST_F(Progress, WaitsForAControllerThatIsAway) {
  agent_.reset();
  link_.progress_fault = [](int call) {
    return call <= 3 ? std::optional(Error{Errc::exhausted, "disk full"}) : std::nullopt;
  };
  start_agent();
  EXPECT_EQ(run(shell("echo galley:: a=1")).state, AttemptState::succeeded);
  EXPECT_EQ(link_.points_.size(), 1U);
}

TEST_F(Progress, ARefusedReportDoesNotStopTheNext) {
  agent_.reset();
  link_.refuse_progress = [](const protocol::ProgressReport& report) {
    const bool bad =
        std::ranges::any_of(report.points, [](const auto& p) { return p.key == "bad"; });
    return bad ? std::optional(Error{Errc::invalid_argument, "'bad' is no key"}) : std::nullopt;
  };
  start_agent();
  Gate gate(temp_ / "gate");
  const auto job = shell("echo galley:: bad=1; read x < " + gate.str() + "; echo galley:: good=2");
  agent_->assign(job);
  EXPECT_TRUE(link_.wait([](const FakeLink& link) { return !link.texts_.empty(); }));
  EXPECT_THAT(link_.texts_, Contains(Pair("progress_refused", HasSubstr("'bad' is no key"))));
  gate.open();
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  ASSERT_EQ(link_.points_.size(), 1U);
  EXPECT_EQ(link_.points_[0].key, "good");
}

TEST_F(Progress, FilesAreFrozenBeforeTheyAreTold) {
  const auto job = shell(
      "echo hello > out.txt; mkdir ckpt; echo w > ckpt/w; echo galley:: artifact=out.txt "
      "checkpoint=ckpt artifact=absent");
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  ASSERT_EQ(link_.files_.size(), 2U);
  EXPECT_EQ(link_.files_[0].path, "out.txt");
  EXPECT_EQ(link_.files_[0].kind, "file");
  EXPECT_EQ(link_.files_[1].kind, "checkpoint");
  const auto manifest = blobs::get_manifest(*blobs_, link_.files_[0].manifest_sha256);
  ASSERT_TRUE(manifest);
  EXPECT_EQ(*blobs_->get(manifest->files[0].chunks[0]), "hello\n");
  EXPECT_THAT(link_.texts_, Contains(Pair("artifact_fault", HasSubstr("'absent'"))));
}

}  // namespace
}  // namespace galley::agent
