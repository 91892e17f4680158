#include "core.h"

#include <gtest/gtest.h>

namespace galley::controller {
namespace {

using protocol::JobState;

constexpr WallTime kOutsideNow{Millis{1'700'000'000'000}};

/// A door to Slurm and one small node of our own.
class OutsideTest : public ::testing::Test {
 protected:
  OutsideTest() {
    (void)core_.step(NodeAttached{own()}, kOutsideNow);
    (void)core_.step(NodeAttached{door()}, kOutsideNow);
  }
  scheduler::NodeOffer own() {
    return {.id = own_, .cpus = 1, .memory_bytes = std::int64_t{1} << 30};
  }
  scheduler::NodeOffer door() { return {.id = door_, .cpus = 8, .is_door = true}; }
  scheduler::QueuedJob next_job(bool outside) {
    scheduler::QueuedJob job;
    job.id = ids_.next<JobTag>();
    job.seq = ++seq_;
    job.queued_at = kOutsideNow;
    job.resources.gpus = outside ? 64 : 0;  // more than all of our own nodes have
    job.goes_outside = outside;
    return job;
  }
  static StartedAttempt stored(const scheduler::QueuedJob& job) {
    protocol::JobRecord record;
    record.id = job.id;
    record.state = JobState::starting;
    record.spec.resources = job.resources;
    return {record, 1};
  }
  Effects step(const Event& event, WallTime now = kOutsideNow) { return core_.step(event, now); }
  /// Starts one behind the door and answers its attempt.
  AttemptId started(const scheduler::QueuedJob& job) {
    const auto decided = step(JobAccepted{job});
    EXPECT_EQ(decided.starts.size(), 1U);
    (void)step(StartStored{job.id, stored(job)});
    return decided.starts.at(0).attempt;
  }

  ManualClock clock_;
  IdSource ids_{clock_, 1};
  Core core_{7, ids_};
  NodeId own_ = ids_.next<NodeTag>();
  NodeId door_ = ids_.next<NodeTag>();
  std::int64_t seq_ = 0;
};

TEST_F(OutsideTest, AJobForSlurmStartsAtOnceAndHoldsNothingOfOurs) {
  const auto job = next_job(true);
  EXPECT_TRUE(core_.admit(job));
  const auto decided = step(JobAccepted{job});
  ASSERT_EQ(decided.starts.size(), 1U);
  const StartAttempt& start = decided.starts[0];
  EXPECT_EQ(start.placement.shares.at(0).node, door_);
  EXPECT_EQ(start.resources.cpus, 0);
  EXPECT_EQ(start.resources.gpus, 0);
  const auto sent = step(StartStored{job.id, stored(job)});
  ASSERT_EQ(sent.messages.size(), 1U);
  EXPECT_EQ(std::get<SendAssign>(sent.messages[0]).assign.assignment.spec.resources.gpus, 64);
  // Our own node is as free as before.
  EXPECT_EQ(step(JobAccepted{next_job(false)}).starts.size(), 1U);
}

TEST_F(OutsideTest, OurOwnJobsNeverGoThroughTheDoor) {
  const auto first = step(JobAccepted{next_job(false)});
  ASSERT_EQ(first.starts.size(), 1U);
  EXPECT_EQ(first.starts[0].placement.shares.at(0).node, own_);
  EXPECT_TRUE(step(JobAccepted{next_job(false)}).starts.empty());
}

TEST_F(OutsideTest, WithoutADoorItWaits) {
  (void)step(NodeLost{door_});
  EXPECT_TRUE(step(JobAccepted{next_job(true)}).starts.empty());
  EXPECT_EQ(step(NodeAttached{door()}).starts.size(), 1U);
}

TEST_F(OutsideTest, AClosedDoorTakesNothingNew) {
  auto closed = door();
  closed.open = false;
  (void)step(NodeChanged{closed});
  EXPECT_TRUE(step(JobAccepted{next_job(true)}).starts.empty());
  EXPECT_EQ(step(NodeChanged{door()}).starts.size(), 1U);
}

TEST_F(OutsideTest, ALostBridgeLosesNoJob) {
  const auto job = next_job(true);
  const auto attempt = started(job);
  EXPECT_TRUE(step(NodeLost{door_}).losses.empty());
  const auto back = step(NodeAttached{door(), {attempt}});
  ASSERT_EQ(back.messages.size(), 1U);
  EXPECT_EQ(std::get<SendAssign>(back.messages[0]).assign.assignment.attempt_id, attempt);
  const auto gone = step(NodeLost{door_, true});
  ASSERT_EQ(gone.losses.size(), 1U);
  EXPECT_EQ(gone.losses[0].attempt_id, attempt);
}

TEST_F(OutsideTest, AStartThatIsStoredWhileTheBridgeIsAwayIsSentWhenItComes) {
  const auto job = next_job(true);
  ASSERT_EQ(step(JobAccepted{job}).starts.size(), 1U);
  (void)step(NodeLost{door_});
  const auto stored_now = step(StartStored{job.id, stored(job)});
  EXPECT_TRUE(stored_now.losses.empty());
  EXPECT_TRUE(stored_now.messages.empty());
  EXPECT_EQ(step(NodeAttached{door()}).messages.size(), 1U);
}

TEST_F(OutsideTest, ACancellationReachesTheBridge) {
  const auto job = next_job(true);
  const auto attempt = started(job);
  const auto asked = step(JobCancelled{job.id, JobState::cancelling});
  ASSERT_EQ(asked.messages.size(), 1U);
  EXPECT_EQ(std::get<SendCancel>(asked.messages[0]).attempt, attempt);
}

TEST_F(OutsideTest, ALostAttemptIsStartedAgain) {
  const auto job = next_job(true);
  const auto attempt = started(job);
  const auto again = step(MemberEnded{
      {.job = job.id, .attempt = attempt, .attempt_ended = true, .job_state = JobState::queued}});
  ASSERT_EQ(again.starts.size(), 1U);
  EXPECT_NE(again.starts[0].attempt, attempt);
}

TEST_F(OutsideTest, AStartTimeIsKept) {
  auto job = next_job(true);
  job.start_at = kOutsideNow + Millis{60'000};
  const auto early = step(JobAccepted{job});
  EXPECT_TRUE(early.starts.empty());
  ASSERT_TRUE(early.wake_at);
  EXPECT_EQ(*early.wake_at, *job.start_at);
  EXPECT_EQ(step(TimerFired{}, *job.start_at).starts.size(), 1U);
}

TEST_F(OutsideTest, AfterARestartWhatWasBehindTheDoorStaysThere) {
  const auto waiting = next_job(true);
  const auto running = next_job(true);
  ActiveAttempt attempt;
  attempt.id = ids_.next<AttemptTag>();
  attempt.job = stored(running).job;
  attempt.request = running;
  attempt.placement = {{{door_, {}}}};
  attempt.members.resize(1);
  Core fresh(8, ids_);
  EXPECT_TRUE(fresh.step(Restored{{}, {waiting}, {attempt}}, kOutsideNow).starts.empty());
  EXPECT_TRUE(fresh.step(NodeLost{door_}, kOutsideNow).losses.empty());
  const auto attached = fresh.step(NodeAttached{door(), {attempt.id}}, kOutsideNow);
  ASSERT_EQ(attached.messages.size(), 1U);
  ASSERT_EQ(attached.starts.size(), 1U);
  EXPECT_EQ(attached.starts[0].job, waiting.id);
}

}  // namespace
}  // namespace galley::controller
