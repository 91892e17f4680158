#include "controller/controller.h"

#include "fixture.h"
#include "tracking/tracking.h"

namespace galley::controller {
namespace {

using protocol::AttemptState;
using protocol::JobState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

using ControllerTest = ControllerFixture;

TEST_F(ControllerTest, AJobGoesFromSubmittedToItsEnd) {
  FakeAgent agent;
  attach(agent);

  const auto accepted = submitted(spec({"train", "--fast"}));
  EXPECT_EQ(accepted.state, JobState::queued);
  const auto assign = agent.assigned(0);
  EXPECT_EQ(assign.assignment.job_id, accepted.id);
  EXPECT_EQ(assign.assignment.attempt_number, 1);
  EXPECT_EQ(assign.assignment.run_id, accepted.run_id);
  EXPECT_EQ(assign.assignment.spec.command, (std::vector<std::string>{"train", "--fast"}));
  EXPECT_FALSE(assign.expected_running);
  EXPECT_EQ(job(accepted.id).state, JobState::starting);

  ASSERT_TRUE(runs(assign.assignment.attempt_id));
  EXPECT_EQ(job(accepted.id).state, JobState::running);
  clock_.advance(Millis(5'000));
  ASSERT_TRUE(ends(assign.assignment.attempt_id, AttemptState::succeeded));

  const auto ended = job(accepted.id);
  EXPECT_EQ(ended.state, JobState::succeeded);
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(*ended.finished_at - *ended.started_at, Millis(5'000));
  EXPECT_THAT(states_told(accepted.id), ElementsAre("queued", "starting", "running", "succeeded"));
  const auto attempts = *controller_->attempts(accepted.id);
  ASSERT_EQ(attempts.size(), 1U);
  EXPECT_EQ(attempts[0].state, AttemptState::succeeded);
  EXPECT_EQ(attempts[0].log_bytes, 7);
  EXPECT_EQ(count("select count(*) from allocations where active = 1"), 0);
  EXPECT_EQ(count("select count(*) from runs where state = 'finished'"), 1);
}

TEST_F(ControllerTest, AFailedJobKeepsItsExitCodeAndReason) {
  FakeAgent agent;
  attach(agent);
  const auto accepted = submitted(spec());
  const auto attempt = agent.assigned(0).assignment.attempt_id;
  ASSERT_TRUE(ends(attempt, AttemptState::failed, 3));  // it never said that it runs
  EXPECT_EQ(job(accepted.id).state, JobState::failed);
  EXPECT_EQ(job(accepted.id).exit_code, 3);
  EXPECT_EQ(job(accepted.id).reason, "exit code 3");
  EXPECT_THAT(controller_->why(accepted.id)->summary, HasSubstr("failed: exit code 3"));
  EXPECT_EQ(controller_->queue()->ended_24h.at("failed"), 1);
}

TEST_F(ControllerTest, JobsWaitForRoomAndTakeItWhenItComes) {
  FakeAgent agent;
  attach(agent);
  auto wide = spec();
  wide.resources.cpus = 4;
  wide.resources.gpus = 2;
  const auto first = submitted(wide);
  const auto running = agent.assigned(0);
  EXPECT_THAT(running.assignment.device_ids, ElementsAre("GPU-0", "GPU-1"));
  const auto second = submitted(wide);
  EXPECT_EQ(job(second.id).state, JobState::queued);
  EXPECT_THAT(controller_->why(second.id)->summary,
              HasSubstr("2 GPUs are needed and 0 of 2 are free"));
  const auto nodes = controller_->nodes();
  ASSERT_EQ(nodes.size(), 1U);
  EXPECT_EQ(nodes[0].cpus_allocated, 4);
  EXPECT_EQ(nodes[0].devices[0].job_id, first.id);

  ASSERT_TRUE(ends(running.assignment.attempt_id, AttemptState::succeeded));
  EXPECT_EQ(agent.assigned(1).assignment.job_id, second.id);
}

TEST_F(ControllerTest, RefusesWhatCanNeverRunHere) {
  FakeAgent agent;
  attach(agent);
  auto wide = spec();
  wide.resources.gpus = 3;
  const auto refused = controller_->submit(wide, caller());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  EXPECT_EQ(refused.error().field, "resources.gpus");
  EXPECT_EQ(refused.error().expected, "at most 2");

  auto boxed = spec();
  boxed.image = "python:3";
  EXPECT_EQ(controller_->submit(boxed, caller()).error().field, "image");
  auto reader = spec();
  reader.datasets = {"nsmc@1"};
  const auto absent = controller_->submit(reader, caller());
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::not_found);
  EXPECT_EQ(absent.error().field, "datasets[0]");
  EXPECT_THAT(absent.error().message, HasSubstr("nsmc@1"));
  EXPECT_EQ(count("select count(*) from jobs"), 0);
}

TEST_F(ControllerTest, ARepeatedKeyAnswersTheFirstJob) {
  Caller by = caller();
  by.idempotency_key = "k1";
  by.request_sha256 = "body-a";
  const auto first = controller_->submit(spec(), by);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->repeated);

  const auto again = controller_->submit(spec(), by);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->job.id, first->job.id);
  by.request_sha256 = "body-b";
  const auto other = controller_->submit(spec(), by);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::conflict);
  EXPECT_EQ(other.error().field, "Idempotency-Key");
  by.principal = "another";
  EXPECT_TRUE(controller_->submit(spec(), by));
  EXPECT_EQ(count("select count(*) from jobs"), 2);
}

TEST_F(ControllerTest, AFailedSubmitLeavesItsKeyUnused) {
  Caller by = caller();
  by.idempotency_key = "k1";
  by.request_sha256 = "same";
  auto reader = spec();
  reader.datasets = {"nsmc@1"};
  EXPECT_FALSE(controller_->submit(reader, by));
  const auto good = controller_->submit(spec(), by);
  ASSERT_TRUE(good);
  EXPECT_FALSE(good->repeated);
}

TEST_F(ControllerTest, AQueuedJobIsCancelledAtOnce) {
  const auto waiting = submitted(spec());
  const auto cancelled = controller_->cancel(waiting.id, caller());
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->state, JobState::cancelled);
  EXPECT_EQ(cancelled->reason, "cancelled by tester");
  EXPECT_TRUE(cancelled->finished_at);
  EXPECT_EQ(controller_->cancel(waiting.id, caller()).error().code, Errc::conflict);

  FakeAgent agent;
  attach(agent);
  const auto next = submitted(spec());
  EXPECT_EQ(agent.assigned(0).assignment.job_id, next.id);
}

TEST_F(ControllerTest, AStartingJobIsAskedToStop) {
  FakeAgent agent;
  attach(agent);
  const auto accepted = submitted(spec());
  const auto attempt = agent.assigned(0).assignment.attempt_id;

  EXPECT_EQ(controller_->cancel(accepted.id, caller())->state, JobState::cancelling);
  EXPECT_EQ(agent.cancelled(0), attempt);
  ASSERT_TRUE(runs(attempt));  // its word crossed ours on the way
  EXPECT_EQ(job(accepted.id).state, JobState::cancelling);
  ASSERT_TRUE(ends(attempt, AttemptState::failed, 143));
  EXPECT_EQ(job(accepted.id).state, JobState::cancelled);
  EXPECT_EQ(count("select count(*) from runs where state = 'killed'"), 1);
}

TEST_F(ControllerTest, ARunningJobIsAskedToStopOnce) {
  FakeAgent agent;
  attach(agent);
  const auto accepted = submitted(spec());
  const auto attempt = agent.assigned(0).assignment.attempt_id;
  ASSERT_TRUE(runs(attempt));
  EXPECT_EQ(controller_->cancel(accepted.id, caller())->state, JobState::cancelling);
  EXPECT_EQ(controller_->cancel(accepted.id, caller())->state, JobState::cancelling);
  ASSERT_TRUE(ends(attempt, AttemptState::cancelled, 143));
  EXPECT_EQ(job(accepted.id).state, JobState::cancelled);
  EXPECT_EQ(controller_->cancel(accepted.id, caller()).error().code, Errc::conflict);
  EXPECT_THAT(states_told(accepted.id),
              ElementsAre("queued", "starting", "running", "cancelling", "cancelled"));
}

TEST_F(ControllerTest, NoSuchJobIsNotFound) {
  const auto id = ids_.next<JobTag>();
  EXPECT_EQ(controller_->job(id).error().code, Errc::not_found);
  EXPECT_EQ(controller_->cancel(id, caller()).error().code, Errc::not_found);
  EXPECT_EQ(controller_->why(id).error().code, Errc::not_found);
  EXPECT_EQ(lost(ids_.next<AttemptTag>()).error().code, Errc::not_found);
}

TEST_F(ControllerTest, ALostJobIsTriedAgainUntilItWasLostTooOften) {
  FakeAgent agent;
  attach(agent);
  auto brave = spec();
  brave.max_lost = 2;
  const auto accepted = submitted(brave);
  for (std::size_t n = 0; n < 3; ++n) {
    const auto assign = agent.assigned(n);
    EXPECT_EQ(assign.assignment.attempt_number, static_cast<std::int64_t>(n) + 1);
    EXPECT_EQ(job(accepted.id).state, JobState::starting);
    ASSERT_TRUE(runs(assign.assignment.attempt_id));
    ASSERT_TRUE(lost(assign.assignment.attempt_id));
  }
  const auto ended = job(accepted.id);
  EXPECT_EQ(ended.state, JobState::failed);
  EXPECT_EQ(ended.reason, "the machine died");
  EXPECT_EQ(ended.attempts, 3);
  EXPECT_EQ(controller_->attempts(accepted.id)->size(), 3U);
  EXPECT_EQ(count("select count(*) from runs"), 1);
  EXPECT_EQ(count("select count(*) from allocations where active = 1"), 0);
}

TEST_F(ControllerTest, AReportComesTrueOnce) {
  FakeAgent agent;
  attach(agent);
  submitted(spec());
  const auto attempt = agent.assigned(0).assignment.attempt_id;
  ASSERT_TRUE(runs(attempt));
  EXPECT_EQ(runs(attempt).error().code, Errc::conflict);
  ASSERT_TRUE(ends(attempt, AttemptState::succeeded));
  EXPECT_EQ(ends(attempt, AttemptState::succeeded).error().code, Errc::conflict);
  EXPECT_EQ(lost(attempt).error().code, Errc::conflict);
}

TEST_F(ControllerTest, ProgressCountsExactlyOnce) {
  FakeAgent agent;
  attach(agent);
  const auto accepted = submitted(spec());
  const auto attempt = agent.assigned(0).assignment.attempt_id;
  const auto part = [&](std::int64_t from, std::int64_t to) {
    return progress({.attempt_id = attempt,
                     .job_id = accepted.id,
                     .run_id = accepted.run_id,
                     .from_offset = from,
                     .to_offset = to,
                     .points = {{.key = "loss", .step = from, .value = 0.5, .at = clock_.wall()}},
                     .texts = {{"host", "n1"}}});
  };
  EXPECT_TRUE(part(0, 10));
  const auto repeated = part(0, 10);
  ASSERT_FALSE(repeated);
  EXPECT_EQ(repeated.error().code, Errc::conflict);
  EXPECT_THAT(repeated.error().message, HasSubstr("up to byte 10, not 0"));
  EXPECT_FALSE(part(20, 30));  // a gap
  EXPECT_TRUE(part(10, 20));
  const tracking::Tracking tracking(*database_, clock_, ids_);
  const auto series = tracking.series(accepted.run_id);
  ASSERT_TRUE(series);
  ASSERT_EQ(series->size(), 1U);
  EXPECT_EQ((*series)[0].count, 2);
  EXPECT_THAT(tracking.get(accepted.run_id)->tags, Contains(Pair("host", "n1")));
}

TEST_F(ControllerTest, ABookedJobStartsWhenItsTimeHasCome) {
  FakeAgent agent;
  attach(agent);
  auto booked = spec();
  booked.start_at = clock_.wall() + std::chrono::hours(1);
  const auto later = submitted(booked);
  const auto now = submitted(spec());
  EXPECT_EQ(agent.assigned(0).assignment.job_id, now.id);
  EXPECT_THAT(controller_->why(later.id)->summary, HasSubstr("booked for"));
  clock_.advance(std::chrono::hours(1));
  submitted(spec());  // any event makes it look at the clock
  const auto started = agent.assigned(1).assignment.job_id;
  EXPECT_TRUE(started == later.id || agent.assigned(2).assignment.job_id == later.id);
}

TEST_F(ControllerTest, ListsPageByPageNewestFirst) {
  std::vector<JobId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(submitted(spec()).id);
  const auto first = controller_->jobs({.limit = 2});
  ASSERT_TRUE(first);
  ASSERT_EQ(first->jobs.size(), 2U);
  EXPECT_EQ(first->jobs[0].id, ids[4]);
  const auto second = controller_->jobs({.limit = 10, .cursor = first->next_cursor});
  ASSERT_EQ(second->jobs.size(), 3U);
  EXPECT_EQ(second->jobs[2].id, ids[0]);
  EXPECT_TRUE(second->next_cursor.empty());
  EXPECT_EQ(controller_->jobs({.limit = 2, .cursor = "x"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(controller_->queue()->active.at("queued"), 5);
}

TEST_F(ControllerTest, ANodeWhoseInventoryChangesGivesWhatItHasNow) {
  FakeAgent agent;
  attach(agent);
  auto smaller = node();
  smaller.devices.pop_back();
  controller_->heartbeat(smaller);
  auto wide = spec();
  wide.resources.gpus = 2;
  // The change is written first, and a write of ours comes after it.
  (void)submitted(spec());
  const auto refused = controller_->submit(wide, caller());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().expected, "at most 1");
  controller_->stop();  // the job may be on its way to an agent that ends here
}

TEST_F(ControllerTest, AfterStopNoAgentHearsAnything) {
  FakeAgent agent;
  attach(agent);
  submitted(spec());
  (void)agent.assigned(0);
  controller_->stop();
  controller_->stop();
  EXPECT_EQ(agent.assign_count(), 1U);
}

}  // namespace
}  // namespace galley::controller
