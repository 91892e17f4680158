#include <numeric>

#include "fixture.h"
#include "tracking/tensorboard.h"

namespace galley::agent {
namespace {

class FoundProgress : public AgentFixture {
 protected:
  std::vector<double> values(std::string_view key) const {
    std::vector<double> values;
    for (const auto& point : link_.points_)
      if (point.key == key) values.push_back(point.value);
    return values;
  }
  bool wait_for(std::string_view key, std::size_t count) {
    return link_.wait([&](const FakeLink& link) {
      return static_cast<std::size_t>(std::ranges::count(
                 link.points_, key, &protocol::ProgressReport::Point::key)) >= count;
    });
  }
};

constexpr const char* kBars =
    "for i in 1 2 3 4; do printf '\\r%d0%%|##  | %d0/100 [00:10<00:12, 4.30it/s, loss=0.%d]' "
    "$i $i $i; done; echo";

TEST_F(FoundProgress, ComesFromABarThatIsDrawnOver) {
  EXPECT_EQ(run(shell(kBars)).state, protocol::AttemptState::succeeded);
  EXPECT_EQ(values("log/loss"), (std::vector{0.1, 0.2, 0.3, 0.4}));
  EXPECT_EQ(values("log/total_steps"), (std::vector{100.0}));
  ASSERT_FALSE(values("log/step").empty());
  EXPECT_EQ(values("log/step").back(), 40.0);
}

TEST_F(FoundProgress, OwnLinesMakeBarsSuperfluous) {
  EXPECT_EQ(run(shell(std::string("echo galley:: step=1 loss=5; ") + kBars)).state,
            protocol::AttemptState::succeeded);
  EXPECT_EQ(values("loss"), (std::vector{5.0}));
  EXPECT_TRUE(values("log/loss").empty());
}

TEST_F(FoundProgress, APatternIsReadBesideOwnLines) {
  auto job = shell("echo galley:: a=1; for i in 1 2 3; do echo it $i loss 0.$i; done");
  job.assignment.spec.metrics =
      protocol::MetricsSpec{.pattern = R"(it (?<step>\d+) loss (?<loss>\S+))"};
  EXPECT_EQ(run(job).state, protocol::AttemptState::succeeded);
  EXPECT_EQ(values("a").size(), 1U);
  EXPECT_EQ(values("loss"), (std::vector{0.1, 0.2, 0.3}));
}

TEST_F(FoundProgress, EventFilesAreReadWhileTheyGrow) {
  auto writer = tracking::TensorboardWriter::create(temp_ / "events/train", system_clock().wall());
  ASSERT_TRUE(writer);
  const auto write = [&](int from, int to) {
    for (int i = from; i < to; ++i)
      ASSERT_TRUE(writer->add_scalar("loss", i, 0.5F, system_clock().wall()));
    ASSERT_TRUE(writer->flush());
  };
  write(0, 10);
  Gate gate(temp_ / "gate");
  auto job = shell("ln -s " + (temp_ / "events").string() + " runs; read x < " + gate.str());
  job.assignment.spec.metrics = protocol::MetricsSpec{.tensorboard = "runs"};
  agent_->assign(job);
  EXPECT_TRUE(wait_for("train/loss", 10));
  write(10, 3'000);
  EXPECT_TRUE(wait_for("train/loss", 3'000));
  // An agent that comes back reads on where the last one was.
  agent_.reset();
  write(3'000, 3'005);
  start_agent();
  auto again = job;
  again.expected_running = true;
  again.progress_offset = link_.stored_[job.assignment.attempt_id];
  agent_->assign(again);
  EXPECT_TRUE(wait_for("train/loss", 3'005));
  gate.open();
  EXPECT_EQ(wait_for_end(job).state, protocol::AttemptState::succeeded);
  std::vector<std::int64_t> steps;
  for (const auto& point : link_.points_) steps.push_back(point.step);
  std::vector<std::int64_t> expected(3'005);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(steps, expected);
}

TEST_F(FoundProgress, AKilledAgentLosesAndDoublesNothingOfTheOutput) {
  Gate gate(temp_ / "gate");
  auto job = shell(
      "i=0; while [ $i -lt 3000 ]; do echo \"it $i loss 0.5\"; i=$((i+1)); done; "
      "read x < " +
      gate.str() + "; echo it 3000 loss 1; echo");
  job.assignment.spec.metrics =
      protocol::MetricsSpec{.pattern = R"(it (?<step>\d+) loss (?<loss>\S+))"};
  agent_->assign(job);
  EXPECT_TRUE(wait_for("loss", 1));
  agent_.reset();
  start_agent();
  job.expected_running = true;
  job.progress_offset = link_.stored_[job.assignment.attempt_id];
  agent_->assign(job);
  EXPECT_TRUE(wait_for("loss", 3'000));
  gate.open();
  EXPECT_EQ(wait_for_end(job).state, protocol::AttemptState::succeeded);
  EXPECT_EQ(values("loss").size(), 3'001U);
  EXPECT_EQ(values("loss").back(), 1.0);
}

}  // namespace
}  // namespace galley::agent
