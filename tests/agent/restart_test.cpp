#include <signal.h>

#include <charconv>

#include "fixture.h"
#include "process/attempt.h"

namespace galley::agent {
namespace {

using protocol::AttemptState;
using ::testing::HasSubstr;

class Restart : public AgentFixture {
 protected:
  /// What the controller sends to a new agent.
  Agent::Assigned again(Agent::Assigned job) {
    job.expected_running = true;
    job.progress_offset = link_.stored_[job.assignment.attempt_id];
    return job;
  }
  /// Waits for its end without any agent.
  void wait_for_supervisor(const std::filesystem::path& folder) {
    auto handle = process::AttemptHandle::adopt(folder);
    ASSERT_TRUE(handle) << describe(handle.error());
    ASSERT_TRUE(handle->wait(kPatience));
  }
};

TEST_F(Restart, MetricsAreStoredOnceAcrossIt) {
  Gate gate(temp_ / "gate");
  const auto job = shell("for i in 1 2 3; do echo galley:: loss=$i; done; echo up > " + gate.str() +
                         "; read x < " + temp_.path().string() +
                         "/go; for i in 4 5 6; do echo galley:: loss=$i; done");
  Gate go(temp_ / "go");
  agent_->assign(job);
  ASSERT_EQ(gate.receive(), "up");
  ASSERT_TRUE(link_.wait([](const FakeLink& link) { return link.points_.size() == 3; }));
  agent_.reset();
  start_agent();
  agent_->assign(again(job));
  go.open();
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  ASSERT_EQ(link_.points_.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(link_.points_[i].step, static_cast<std::int64_t>(i));
    EXPECT_EQ(link_.points_[i].value, static_cast<double>(i + 1));
  }
  EXPECT_EQ(link_.count_reports(AttemptState::running), 1U);
}

TEST_F(Restart, AnswersForADeadAgentAreHarmless) {
  link_.hold_answers(true);
  const auto job = shell("echo galley:: loss=1");
  agent_->assign(job);
  ASSERT_TRUE(link_.wait([](const FakeLink& link) { return !link.reports_.empty(); }));
  agent_.reset();
  link_.hold_answers(false);
  link_.answer_held();
  start_agent();
  agent_->assign(again(job));
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  EXPECT_EQ(link_.points_.size(), 1U);
}

TEST_F(Restart, AnEndThatNoAgentSawIsReported) {
  Gate gate(temp_ / "gate");
  const auto job = shell("read x < " + gate.str() + "; echo galley:: late=1; exit 4");
  agent_->assign(job);
  ASSERT_TRUE(link_.wait([](const FakeLink& link) { return !link.reports_.empty(); }));
  const auto folder = agent_->attempt_folder(job.assignment.attempt_id);
  agent_.reset();
  gate.open();
  wait_for_supervisor(folder);
  start_agent();
  agent_->assign(again(job));
  const auto end = wait_for_end(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_EQ(end.exit_code, 4);
  EXPECT_EQ(link_.points_.size(), 1U);
}

TEST_F(Restart, AnAttemptTheControllerNeverHeardOfIsTakenUp) {
  const auto job = command({"true"});
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  agent_.reset();
  link_.reports_.clear();  // as if the controller had not stored them
  start_agent();
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  EXPECT_EQ(link_.count_reports(AttemptState::running), 1U);
}

TEST_F(Restart, AssigningTwiceRunsOnce) {
  Gate gate(temp_ / "gate");
  const auto job = shell("echo started; read x < " + gate.str());
  agent_->assign(job);
  agent_->assign(job);
  gate.open();
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  EXPECT_EQ(log(job), "started\n");
  EXPECT_EQ(link_.reports_.size(), 2U);
}

TEST_F(Restart, AFolderThatIsGoneIsLost) {
  const auto job = command({"true"});
  agent_->assign(again(job));
  const auto end = wait_for_end(job);
  EXPECT_EQ(end.state, AttemptState::lost);
  EXPECT_EQ(end.reason, "the attempt's folder is gone");
}

TEST_F(Restart, AFolderInWhichNothingBeganIsUsed) {
  const auto job = command({"true"});
  ASSERT_TRUE(make_folders(agent_->attempt_folder(job.assignment.attempt_id) / "work"));
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
}

TEST_F(Restart, AKilledSupervisorIsLostAndNothingOfItIsLeft) {
  Gate gate(temp_ / "gate");
  // In a session of its own, so that the command's death does not take it along.
  const auto job = shell("setsid sleep 600 & echo $! > " + gate.str() + "; wait");
  agent_->assign(job);
  const std::string child_text = gate.receive();
  pid_t child = 0;
  std::from_chars(child_text.data(), child_text.data() + child_text.size(), child);
  ASSERT_GT(child, 0);
  const auto identity = process::identify(child);
  ASSERT_TRUE(identity);
  const auto record = process::parse_supervisor(
      *read_file(agent_->attempt_folder(job.assignment.attempt_id) / "pid", 1 << 20));
  ASSERT_TRUE(record);
  ::kill(record->identity.pid, SIGKILL);
  const auto end = wait_for_end(job);
  EXPECT_EQ(end.state, AttemptState::lost);
  EXPECT_THAT(end.reason, HasSubstr("supervisor"));
  EXPECT_FALSE(process::is_alive(*identity));
}

TEST_F(Restart, CancelReachesAnAdoptedJob) {
  Gate gate(temp_ / "gate");
  const auto job = shell("echo up > " + gate.str() + "; exec sleep 600");
  agent_->assign(job);
  ASSERT_EQ(gate.receive(), "up");
  agent_.reset();
  start_agent();
  agent_->assign(job);
  agent_->cancel(job.assignment.attempt_id);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::cancelled);
}

}  // namespace
}  // namespace galley::agent
