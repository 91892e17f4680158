// What a killed and restarted controller still knows.
#include "fixture.h"

namespace galley::controller {
namespace {

using protocol::AttemptState;
using protocol::JobState;

using RestartTest = ControllerFixture;

TEST_F(RestartTest, QueuedJobsStayQueuedInTheirOrder) {
  const auto first = submitted(spec());
  const auto second = submitted(spec());
  restart();
  EXPECT_EQ(job(first.id).state, JobState::queued);
  FakeAgent agent;
  attach(agent);
  EXPECT_EQ(agent.assigned(0).assignment.job_id, first.id);
  EXPECT_EQ(agent.assigned(1).assignment.job_id, second.id);
}

TEST_F(RestartTest, UnfinishedAttemptsAreSentAgainWhenTheNodeAttaches) {
  FakeAgent before;
  attach(before);
  const auto starting = submitted(spec({"starting"}));
  const auto running = submitted(spec({"running"}));
  const auto starting_attempt = before.assigned(0).assignment.attempt_id;
  const auto running_attempt = before.assigned(1).assignment.attempt_id;
  ASSERT_TRUE(runs(running_attempt));
  ASSERT_TRUE(progress({.attempt_id = running_attempt,
                        .job_id = running.id,
                        .run_id = running.run_id,
                        .from_offset = 0,
                        .to_offset = 42}));
  const auto old_epoch = before.assigned(0).assignment.epoch;
  restart();

  FakeAgent after;
  attach(after);
  std::map<AttemptId, AgentPort::Assign> sent;
  for (std::size_t n = 0; n < 2; ++n)
    sent[after.assigned(n).assignment.attempt_id] = after.assigned(n);
  ASSERT_TRUE(sent.contains(starting_attempt));
  ASSERT_TRUE(sent.contains(running_attempt));
  EXPECT_FALSE(sent[starting_attempt].expected_running);
  EXPECT_TRUE(sent[running_attempt].expected_running);
  EXPECT_EQ(sent[running_attempt].progress_offset, 42);
  EXPECT_EQ(sent[running_attempt].assignment.attempt_number, 1);
  EXPECT_GT(sent[running_attempt].assignment.epoch, old_epoch);

  ASSERT_TRUE(ends(running_attempt, AttemptState::succeeded));
  EXPECT_EQ(job(running.id).state, JobState::succeeded);
  ASSERT_TRUE(lost(starting_attempt));
  EXPECT_EQ(after.assigned(2).assignment.job_id, starting.id);
  EXPECT_EQ(after.assigned(2).assignment.attempt_number, 2);
}

TEST_F(RestartTest, WhatARunningJobHoldsStaysHeld) {
  FakeAgent before;
  attach(before);
  auto wide = spec();
  wide.resources.cpus = 3;
  wide.resources.gpus = 2;
  submitted(wide);
  const auto attempt = before.assigned(0).assignment.attempt_id;
  restart();
  FakeAgent after;
  attach(after);
  const auto again = after.assigned(0);
  EXPECT_EQ(again.assignment.attempt_id, attempt);
  EXPECT_EQ(again.assignment.device_ids.size(), 2U);

  const auto waiting = submitted(wide);
  const auto small = submitted(spec());  // behind it, and there is one processor: held back
  EXPECT_EQ(job(waiting.id).state, JobState::queued);
  EXPECT_EQ(job(small.id).state, JobState::queued);
  ASSERT_TRUE(ends(attempt, AttemptState::succeeded));
  EXPECT_EQ(after.assigned(1).assignment.job_id, waiting.id);
}

TEST_F(RestartTest, ACancellationThatWasAskedForIsSentAgain) {
  FakeAgent before;
  attach(before);
  const auto accepted = submitted(spec());
  const auto attempt = before.assigned(0).assignment.attempt_id;
  ASSERT_TRUE(runs(attempt));
  ASSERT_TRUE(controller_->cancel(accepted.id, caller()));
  restart();
  FakeAgent after;
  attach(after);
  EXPECT_EQ(after.assigned(0).assignment.attempt_id, attempt);
  EXPECT_EQ(after.cancelled(0), attempt);
}

TEST_F(RestartTest, ANodeKeepsItsIdAndAnAcceptedKeyItsJob) {
  FakeAgent agent;
  attach(agent);
  const NodeId id = node().id;
  Caller by = caller();
  by.idempotency_key = "k";
  const auto first = submitted(spec(), by);
  restart();
  EXPECT_EQ(node().id, id);
  EXPECT_TRUE(controller_->submit(spec(), by)->repeated);
  EXPECT_EQ(controller_->submit(spec(), by)->job.id, first.id);
}

TEST_F(RestartTest, AnEndedJobIsNotStartedAgain) {
  FakeAgent before;
  attach(before);
  submitted(spec());
  ASSERT_TRUE(ends(before.assigned(0).assignment.attempt_id, AttemptState::succeeded));
  restart();
  FakeAgent after;
  attach(after);
  const auto next = submitted(spec());
  EXPECT_EQ(after.assigned(0).assignment.job_id, next.id);
}

}  // namespace
}  // namespace galley::controller
