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
    scheduler::NodeOffer offer;
    offer.id = node_;
    offer.cpus = 1;
    offer.memory_bytes = std::int64_t{1} << 30;
    (void)core_.step(NodeAttached{offer}, kNow);
  }
  scheduler::QueuedJob next_job(protocol::PriorityClass priority_class = {}) {
    scheduler::QueuedJob job;
    job.id = ids_.next<JobTag>();
    job.seq = ++seq_;
    job.priority_class = priority_class;
    job.queued_at = kNow;
    return job;
  }
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
  EXPECT_TRUE(
      step(MemberEnded{{.job = job.id, .attempt_ended = true, .job_state = JobState::queued}})
          .starts.empty());
  EXPECT_TRUE(step(StartStored{job.id, stored(job)}).messages.empty());
  EXPECT_TRUE(step(MemberRuns{ids_.next<AttemptTag>(), 0, {job.id, node_, {}}}).messages.empty());
}

TEST_F(CoreTest, APreemptionIsDurableBeforeTheAgentHearsOfIt) {
  const auto idle = next_job(protocol::PriorityClass::idle);
  const auto attempt = step(JobAccepted{idle}).starts.at(0).attempt;
  (void)step(StartStored{idle.id, stored(idle)});

  const Effects asked = step(JobAccepted{next_job(protocol::PriorityClass::urgent)});

  ASSERT_EQ(asked.preemptions.size(), 1U);
  EXPECT_EQ(asked.preemptions[0].attempt, attempt);
  EXPECT_TRUE(asked.messages.empty());
  const Effects told = step(PreemptionStored{asked.preemptions[0], ok()});
  ASSERT_EQ(told.messages.size(), 1U);
  EXPECT_EQ(std::get<SendCancel>(told.messages[0]).attempt, attempt);
  const Effects freed = step(MemberEnded{
      {.job = idle.id, .attempt = attempt, .attempt_ended = true, .job_state = JobState::queued}});
  ASSERT_EQ(freed.starts.size(), 1U);  // the urgent one; the other waits again
  EXPECT_NE(freed.starts[0].job, idle.id);
}

TEST_F(CoreTest, APreemptionThatCouldNotBeStoredIsAskedForAgain) {
  const auto idle = next_job(protocol::PriorityClass::idle);
  (void)step(JobAccepted{idle});
  (void)step(StartStored{idle.id, stored(idle)});
  const Effects asked = step(JobAccepted{next_job(protocol::PriorityClass::urgent)});
  ASSERT_EQ(asked.preemptions.size(), 1U);
  const Effects failed =
      step(PreemptionStored{asked.preemptions[0], Error{Errc::exhausted, "disk full"}});
  EXPECT_TRUE(failed.messages.empty());
  ASSERT_TRUE(failed.wake_at);
  EXPECT_EQ(step(TimerFired{}, *failed.wake_at).preemptions.size(), 1U);
}

TEST_F(CoreTest, WhatRanOnALostNodeIsLost) {
  const auto job = next_job();
  const auto attempt = step(JobAccepted{job}).starts.at(0).attempt;
  (void)step(StartStored{job.id, stored(job)});
  const Effects lost = step(NodeLost{node_});
  ASSERT_EQ(lost.losses.size(), 1U);
  EXPECT_EQ(lost.losses[0].attempt_id, attempt);
  EXPECT_EQ(lost.losses[0].state, protocol::AttemptState::lost);
  // It is asked for again while the store fails, unless the node comes back meanwhile.
  const Effects refused = step(LossRefused{lost.losses[0], Error{Errc::exhausted, "disk full"}});
  ASSERT_TRUE(refused.wake_at);
  EXPECT_EQ(step(TimerFired{}, *refused.wake_at).losses.size(), 1U);
}

TEST_F(CoreTest, ANodeGivesNothingWhileSomethingUnknownRunsThere) {
  scheduler::NodeOffer offer;
  offer.id = node_;
  offer.cpus = 1;
  offer.memory_bytes = std::int64_t{1} << 30;
  const auto stray = ids_.next<AttemptTag>();
  const Effects told = step(NodeAttached{offer, {stray}});
  ASSERT_EQ(told.messages.size(), 1U);
  EXPECT_EQ(std::get<SendCancel>(told.messages[0]).attempt, stray);
  EXPECT_TRUE(step(JobAccepted{next_job()}).starts.empty());
  EXPECT_EQ(step(NodeAttached{offer}).starts.size(), 1U);
}

TEST_F(CoreTest, AnOfferNamesCellsZonesAndWhatIsOutOfService) {
  protocol::NodeRecord record;
  record.devices = {{.id = "a", .model = "H100"},
                    {.id = "b", .model = "H100", .state = "out_of_service", .shareable = true}};
  record.topology = protocol::TopologyRecord{"stated", {{"pair", "NV12", {0, 1}}}};
  record.zone = {"rack1"};
  const auto offer = offer_of(record);
  ASSERT_EQ(offer.devices.size(), 2U);
  EXPECT_TRUE(offer.devices[0].in_service);
  EXPECT_FALSE(offer.devices[1].in_service);
  EXPECT_TRUE(offer.devices[1].shareable);
  EXPECT_EQ(offer.cells, std::vector<std::uint64_t>{3});
  EXPECT_EQ(offer.zone, std::vector<std::string>{"rack1"});
}

}  // namespace
}  // namespace galley::controller
