// Teams, bookings, guides and lost nodes through the running controller.
#include "fixture.h"

namespace galley::controller {
namespace {

using protocol::JobState;
using ::testing::HasSubstr;

class TeamsTest : public ControllerFixture {
 protected:
  static protocol::TeamSpec team(std::string name, std::int64_t gpus) {
    return {std::move(name), 2.0, {{std::nullopt, gpus, 1}}};
  }
};

TEST_F(TeamsTest, ATeamIsListedWithWhatItHolds) {
  FakeAgent agent;
  attach(agent);
  const auto put = controller_->put_team(team("nlp", 2), caller());
  ASSERT_TRUE(put) << describe(put.error());
  EXPECT_EQ(put->weight, 2.0);
  auto wanted = spec();
  wanted.team = "nlp";
  wanted.resources.gpus = 2;
  (void)submitted(wanted);
  (void)agent.assigned(0);
  const auto teams = controller_->teams();
  ASSERT_TRUE(teams);
  ASSERT_EQ(teams->size(), 1U);
  EXPECT_EQ((*teams)[0].running_gpus, 2);
  EXPECT_FALSE(controller_->put_team(team("vision", 1), caller()));
  EXPECT_TRUE(controller_->delete_team("nlp", caller()));
  EXPECT_EQ(controller_->delete_team("nlp", caller()).error().code, Errc::not_found);
  EXPECT_TRUE(controller_->put_team(team("vision", 1), caller()));
}

TEST_F(TeamsTest, AGuaranteedJobTakesBackWhatWasLent) {
  FakeAgent agent;
  attach(agent);
  ASSERT_TRUE(controller_->put_team(team("nlp", 2), caller()));
  auto lent = spec({"lent"});
  lent.resources.gpus = 2;
  lent.priority_class = protocol::PriorityClass::idle;
  const auto borrower = submitted(lent);
  const auto attempt = agent.assigned(0).assignment.attempt_id;
  ASSERT_TRUE(runs(attempt));

  auto own = spec({"own"});
  own.team = "nlp";
  own.resources.gpus = 2;
  const auto owner = submitted(own);

  EXPECT_EQ(agent.cancelled(0), attempt);
  EXPECT_THAT(job(borrower.id).reason, HasSubstr("makes room"));
  restart();  // between the request and the end: nothing is forgotten
  FakeAgent after;
  attach(after);
  EXPECT_EQ(after.cancelled(0), attempt);
  ASSERT_TRUE(ends(attempt, protocol::AttemptState::failed, 75));
  EXPECT_EQ(job(borrower.id).state, JobState::queued);
  EXPECT_EQ(after.assigned(1).assignment.job_id, owner.id);
  EXPECT_EQ((*controller_->attempts(borrower.id))[0].state, protocol::AttemptState::preempted);
  EXPECT_THAT(controller_->why(owner.id)->lines.back(), HasSubstr("Its place was chosen at"));
}

TEST_F(TeamsTest, AQuotaOfAUserMakesJobsWaitAndOutlivesTheLeader) {
  ASSERT_TRUE(database_->write([](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into users (name, role, created_ms, max_gpus) values ('tester', 'member', 0, 1)"));
    return ok();
  }));
  restart();
  FakeAgent agent;
  attach(agent);
  auto wanted = spec();
  wanted.resources.gpus = 1;
  const auto first = submitted(wanted);
  const auto second = submitted(wanted);
  const auto attempt = agent.assigned(0).assignment.attempt_id;
  EXPECT_EQ(controller_->guide(second.id)->binding, protocol::Binding::quota);
  EXPECT_THAT(controller_->why(second.id)->summary,
              HasSubstr("quota of tester: 1 of 1 GPUs in use"));
  EXPECT_EQ(agent.assign_count(), 1U) << "one of two GPUs is free, and not for that user";
  const auto other = submitted(wanted, {.principal = "bob", .request_id = "req"});
  EXPECT_EQ(agent.assigned(1).assignment.job_id, other.id);
  ASSERT_TRUE(ends(attempt, protocol::AttemptState::succeeded));
  EXPECT_EQ(agent.assigned(2).assignment.job_id, second.id);
  controller_->user_quota("tester", 0);
  const auto third = submitted(wanted);
  EXPECT_THAT(controller_->why(third.id)->summary, HasSubstr("0 may be in use at once"));
}

TEST_F(TeamsTest, BookingsAreListedByStart) {
  FakeAgent agent;
  attach(agent);
  const auto book = [&](std::int64_t gpus, int hours) {
    return controller_->reserve({.team = "nlp",
                                 .resources = {.gpus = gpus},
                                 .start_at = clock_.wall() + std::chrono::hours(hours),
                                 .duration = std::chrono::hours(1)},
                                caller());
  };
  const auto later = book(2, 5);
  const auto sooner = book(2, 1);
  ASSERT_TRUE(later && sooner);
  EXPECT_EQ(book(1, 1).error().code, Errc::conflict);
  EXPECT_EQ(book(3, 9).error().code, Errc::invalid_argument);
  auto list = *controller_->reservations();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].id, sooner->id);
  EXPECT_EQ(list[0].state, protocol::ReservationState::upcoming);
  ASSERT_TRUE(controller_->unreserve(sooner->id, caller()));
  EXPECT_EQ(controller_->reservations()->size(), 1U);
}

TEST_F(TeamsTest, AGuideAnswersBeforeAndAfterSubmitting) {
  FakeAgent agent;
  attach(agent);
  auto wide = spec();
  wide.resources.gpus = 3;
  const auto impossible = controller_->guide(wide, caller());
  ASSERT_TRUE(impossible) << describe(impossible.error());
  EXPECT_EQ(impossible->binding, protocol::Binding::impossible);
  wide.resources.gpus = 2;
  EXPECT_TRUE(controller_->guide(wide, caller())->starts_now);
  const auto runner = submitted(wide);
  (void)agent.assigned(0);
  EXPECT_EQ(controller_->guide(runner.id).error().code, Errc::conflict);
  const auto waiting = submitted(wide);
  const auto guide = controller_->guide(waiting.id);
  ASSERT_TRUE(guide) << describe(guide.error());
  EXPECT_EQ(guide->binding, protocol::Binding::resources_in_use);
  EXPECT_TRUE(controller_->why(waiting.id)->guide);
  wide.datasets = {"absent@1"};
  EXPECT_EQ(controller_->guide(wide, caller()).error().code, Errc::not_found);
  wide.datasets.clear();
  wide.image = "python:3";
  const auto boxed = controller_->guide(wide, caller());
  ASSERT_TRUE(boxed) << describe(boxed.error());
  EXPECT_EQ(boxed->binding, protocol::Binding::impossible);
  EXPECT_EQ(boxed->field, "image");
}

TEST_F(TeamsTest, WhatRanOnALostNodeStartsAgainWhenItReturns) {
  FakeAgent agent;
  attach(agent);
  const auto accepted = submitted(spec());
  const auto first = agent.assigned(0).assignment.attempt_id;
  ASSERT_TRUE(runs(first));
  const NodeId id = node().id;
  controller_->node_lost(id);
  while (job(accepted.id).state != JobState::queued) std::this_thread::yield();

  FakeAgent after;
  ASSERT_TRUE(controller_->attach(node(), after, {first}));  // it was only cut off
  EXPECT_EQ(after.cancelled(0), first);
  EXPECT_EQ(after.assign_count(), 0U);
  ASSERT_TRUE(controller_->attach(node(), after));
  EXPECT_EQ(after.assigned(0).assignment.attempt_number, 2);
}

}  // namespace
}  // namespace galley::controller
