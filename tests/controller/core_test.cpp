#include "core.h"

#include <gtest/gtest.h>

namespace galley::controller {
namespace {

using protocol::JobState;

constexpr WallTime kNow{Millis{1'700'000'000'000}};

class CoreTest : public ::testing::Test {
 protected:
  CoreTest() {
    node_ = ids_.next<NodeTag>();
    (void)core_.step(NodeAttached{{node_, 1, 100, {}}}, kNow);
  }
  scheduler::QueuedJob next_job() { return {ids_.next<JobTag>(), ++seq_, {}, {}, std::nullopt}; }
  Effects step(const Event& event, WallTime now = kNow) { return core_.step(event, now); }
  static StartedAttempt stored(const scheduler::QueuedJob& job) {
    protocol::JobRecord record;
    record.id = job.id;
    record.seq = job.seq;
    record.state = JobState::starting;
    record.spec.resources = job.resources;
    return {record, 1};
  }

  ManualClock clock_;
  IdSource ids_{clock_, 1};
  Core core_{7, ids_};
  NodeId node_;
  std::int64_t seq_ = 0;
};

TEST_F(CoreTest, AStartIsSentOnlyWhenItIsStored) {
  const auto job = next_job();
  const Effects decided = step(JobAccepted{job});
  ASSERT_EQ(decided.starts.size(), 1U);
  EXPECT_EQ(decided.starts[0].epoch, 7);
  EXPECT_TRUE(decided.messages.empty());

  const Effects sent = step(StartStored{job.id, stored(job)});
  ASSERT_EQ(sent.messages.size(), 1U);
  const auto& assign = std::get<SendAssign>(sent.messages[0]);
  EXPECT_EQ(assign.node, node_);
  EXPECT_EQ(assign.assign.assignment.attempt_id, decided.starts[0].attempt);
}

TEST_F(CoreTest, ADecidedStartHoldsItsPlaceWhileItIsWritten) {
  const auto first = next_job();
  (void)step(JobAccepted{first});
  EXPECT_TRUE(step(JobAccepted{next_job()}).starts.empty());
}

TEST_F(CoreTest, AStartThatCouldNotBeStoredIsTriedAgainLater) {
  const auto job = next_job();
  (void)step(JobAccepted{job});
  const Effects refused = step(StartStored{job.id, Error{Errc::exhausted, "disk full"}});
  EXPECT_TRUE(refused.starts.empty());
  ASSERT_TRUE(refused.wake_at);
  EXPECT_GT(*refused.wake_at, kNow);
  const Effects retried = step(TimerFired{}, *refused.wake_at);
  ASSERT_EQ(retried.starts.size(), 1U);
  EXPECT_EQ(retried.starts[0].job, job.id);
}

TEST_F(CoreTest, AConflictThatNoCancellationExplainsDoesNotLoseTheJob) {
  const auto job = next_job();
  (void)step(JobAccepted{job});
  const Effects refused = step(StartStored{job.id, Error{Errc::conflict, "node is full"}});
  ASSERT_TRUE(refused.wake_at);
  EXPECT_EQ(step(TimerFired{}, *refused.wake_at).starts.size(), 1U);
}

TEST_F(CoreTest, ACancelledJobIsForgottenWhenItsStartIsRefused) {
  const auto job = next_job();
  (void)step(JobAccepted{job});
  EXPECT_TRUE(step(JobCancelled{job.id, JobState::cancelled}).messages.empty());
  const auto next = next_job();
  EXPECT_TRUE(step(JobAccepted{next}).starts.empty());  // its place is not free yet

  const Effects freed = step(StartStored{job.id, Error{Errc::conflict, "it is cancelled"}});

  ASSERT_EQ(freed.starts.size(), 1U);
  EXPECT_EQ(freed.starts[0].job, next.id);
}

TEST_F(CoreTest, ACancellationReachesTheAgentThatRunsTheJob) {
  const auto job = next_job();
  const auto attempt = step(JobAccepted{job}).starts.at(0).attempt;
  (void)step(StartStored{job.id, stored(job)});
  const Effects asked = step(JobCancelled{job.id, JobState::cancelling});
  ASSERT_EQ(asked.messages.size(), 1U);
  EXPECT_EQ(std::get<SendCancel>(asked.messages[0]).attempt, attempt);
}

TEST_F(CoreTest, NewsOfAnUnknownAttemptChangesNothing) {
  const auto job = next_job();
  EXPECT_TRUE(step(AttemptEnded{{job.id, JobState::queued}}).starts.empty());
  EXPECT_TRUE(step(StartStored{job.id, stored(job)}).messages.empty());
  EXPECT_TRUE(step(AttemptRuns{ids_.next<AttemptTag>(), job.id}).messages.empty());
}

TEST_F(CoreTest, ADeviceOutOfServiceIsNotOffered) {
  protocol::NodeRecord record;
  record.devices = {{.id = "a", .model = "H100"},
                    {.id = "b", .model = "H100", .state = "out_of_service"}};
  const auto offer = offer_of(record);
  ASSERT_EQ(offer.devices.size(), 1U);
  EXPECT_EQ(offer.devices[0].id, "a");
}

}  // namespace
}  // namespace galley::controller
