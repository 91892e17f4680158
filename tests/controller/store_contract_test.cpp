// What the SQL commands and their twin in memory both promise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/command_store/memory_store.h"
#include "support/command_store/sql_store.h"
#include "support/database.h"
#include "support/temp_folder.h"

namespace galley::controller {
namespace {

using protocol::AttemptState;
using protocol::JobState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

enum class Kind { sql, memory };

class StoreContract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::memory) {
      store_ = std::make_unique<MemoryStore>();
    } else {
      auto database = testing::open_database(folder_.path());
      ASSERT_TRUE(database) << describe(database.error());
      database_ = *std::move(database);
      store_ = std::make_unique<SqlStore>(*database_);
    }
    epoch_ = *store_->lead();
    for (int n = 0; n < 2; ++n) nodes_.push_back(add_node("n" + std::to_string(n)));
  }

  NodeId add_node(const std::string& name, bool first_works = true) {
    protocol::NodeRecord record;
    record.id = ids_.next<NodeTag>();
    save(record.id, name, first_works);
    return record.id;
  }
  void save(const NodeId& id, const std::string& name, bool first_works) {
    protocol::NodeRecord record;
    record.id = id;
    record.name = name;
    record.cpus = 8;
    record.memory_bytes = std::int64_t{1} << 30;
    for (int i = 0; i < 4; ++i)
      record.devices.push_back({.id = name + "-" + std::to_string(i),
                                .index = i,
                                .model = "H100",
                                .state = i == 0 && !first_works ? "out_of_service" : "in_service",
                                .shareable = true});
    ASSERT_TRUE(store_->save_node(record, clock_.wall()));
  }

  protocol::JobRecord accepted(protocol::JobSpec spec = {}, Caller caller = {"tester", "r"}) {
    protocol::JobRecord record;
    record.id = ids_.next<JobTag>();
    record.run_id = ids_.next<RunTag>();
    record.name = "x";
    record.team = spec.team;
    record.priority_class = spec.priority_class;
    record.created_at = clock_.wall();
    record.spec = std::move(spec);
    const auto answer = store_->accept({record, std::move(caller)});
    EXPECT_TRUE(answer) << describe(answer.error());
    if (answer) record.seq = answer->seq;
    return record;
  }
  StartAttempt start_of(const protocol::JobRecord& job, std::vector<scheduler::NodeShare> shares) {
    return {.epoch = epoch_,
            .job = job.id,
            .attempt = ids_.next<AttemptTag>(),
            .resources = job.spec.resources,
            .placement = {std::move(shares)},
            .at = clock_.wall()};
  }
  AttemptId started(const protocol::JobRecord& job, std::vector<scheduler::NodeShare> shares) {
    const auto command = start_of(job, std::move(shares));
    const auto answer = store_->start(command);
    EXPECT_TRUE(answer) << describe(answer.error());
    return command.attempt;
  }
  Errc refused(const StartAttempt& command) {
    const auto answer = store_->start(command);
    EXPECT_FALSE(answer);
    return answer ? Errc::internal : answer.error().code;
  }
  Result<EndedMember> ends(const AttemptId& attempt, AttemptState state, std::int64_t rank = 0,
                           std::optional<std::int64_t> exit_code = {}) {
    protocol::AttemptReport report;
    report.attempt_id = attempt;
    report.rank = rank;
    report.state = state;
    report.exit_code = exit_code;
    return store_->end(report, clock_.wall());
  }
  Result<RunningMember> runs(const AttemptId& attempt, std::int64_t rank = 0) {
    protocol::AttemptReport report;
    report.attempt_id = attempt;
    report.rank = rank;
    return store_->run(report, clock_.wall());
  }
  Restored restored() {
    auto answer = store_->restore(clock_.wall());
    EXPECT_TRUE(answer);
    return std::move(answer).value_or({});
  }
  JobState state(const protocol::JobRecord& job) { return store_->job(job.id)->state; }
  Status preempts(const protocol::JobRecord& job, const AttemptId& attempt) {
    return store_->preempt({.epoch = epoch_,
                            .job = job.id,
                            .attempt = attempt,
                            .beneficiary = ids_.next<JobTag>(),
                            .reason = "a job needs its place",
                            .at = clock_.wall()});
  }
  static protocol::JobSpec gpus(std::int64_t count, std::int64_t nodes = 1) {
    protocol::JobSpec spec;
    spec.command = {"true"};
    spec.resources.gpus = count;
    spec.resources.nodes = nodes;
    return spec;
  }
  static protocol::JobSpec share(std::int64_t milli) {
    auto spec = gpus(1);
    spec.resources.gpu_milli = milli;
    return spec;
  }

  testing::TempFolder folder_;
  ManualClock clock_;
  IdSource ids_{clock_, 1};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<CommandStore> store_;
  std::int64_t epoch_ = 0;
  std::vector<NodeId> nodes_;
};

TEST_P(StoreContract, PartsOfADeviceAddUpToAWholeAndNoMore) {
  const auto at = [&] { return std::vector<scheduler::NodeShare>{{nodes_[0], {"n0-1"}}}; };
  const auto first = started(accepted(share(600)), at());
  (void)started(accepted(share(400)), at());
  EXPECT_EQ(refused(start_of(accepted(share(1)), at())), Errc::conflict);
  EXPECT_EQ(refused(start_of(accepted(gpus(1)), at())), Errc::conflict);
  ASSERT_TRUE(ends(first, AttemptState::succeeded));
  EXPECT_EQ(refused(start_of(accepted(gpus(1)), at())), Errc::conflict);  // 400 are still held
  (void)started(accepted(share(600)), at());
  EXPECT_EQ(store_->held()->size(), 2U);
}

TEST_P(StoreContract, AWholeDeviceIsSharedWithNobody) {
  const auto whole = started(accepted(gpus(1)), {{nodes_[0], {"n0-1"}}});
  EXPECT_EQ(refused(start_of(accepted(share(1)), {{nodes_[0], {"n0-1"}}})), Errc::conflict);
  EXPECT_EQ(refused(start_of(accepted(gpus(1)), {{nodes_[0], {"n0-1"}}})), Errc::conflict);
  ASSERT_TRUE(ends(whole, AttemptState::failed));
  (void)started(accepted(share(1)), {{nodes_[0], {"n0-1"}}});
}

TEST_P(StoreContract, AGangStartsWholeOrNotAtAll) {
  (void)started(accepted(gpus(1)), {{nodes_[1], {"n1-0"}}});
  const auto gang = accepted(gpus(2, 2));
  EXPECT_EQ(refused(start_of(gang, {{nodes_[0], {"n0-0", "n0-1"}}, {nodes_[1], {"n1-0", "n1-1"}}})),
            Errc::conflict);
  EXPECT_EQ(state(gang), JobState::queued);
  EXPECT_EQ(store_->held()->size(), 1U);

  const auto attempt =
      started(gang, {{nodes_[0], {"n0-0", "n0-1"}}, {nodes_[1], {"n1-1", "n1-2"}}});
  EXPECT_EQ(store_->held()->size(), 5U);
  ASSERT_TRUE(runs(attempt, 0));
  EXPECT_EQ(state(gang), JobState::starting);
  ASSERT_TRUE(runs(attempt, 1));
  EXPECT_EQ(state(gang), JobState::running);
}

TEST_P(StoreContract, AGangHoldsEverythingUntilItsLastMemberHasEnded) {
  const auto gang = accepted(gpus(1, 2));
  const auto attempt = started(gang, {{nodes_[0], {"n0-0"}}, {nodes_[1], {"n1-0"}}});
  const auto first = ends(attempt, AttemptState::lost, 1);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->attempt_ended);
  EXPECT_TRUE(first->stop_others);
  EXPECT_EQ(store_->held()->size(), 2U);
  EXPECT_TRUE(restored().active.at(0).stopping);

  const auto last = ends(attempt, AttemptState::cancelled, 0);
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->attempt_ended);
  EXPECT_EQ(last->job_state, JobState::queued);  // the loss counts, not what it led to
  EXPECT_EQ(*store_->attempt_state(attempt), AttemptState::lost);
  EXPECT_TRUE(store_->held()->empty());
  EXPECT_EQ(ends(attempt, AttemptState::cancelled, 0).error().code, Errc::conflict);
  EXPECT_EQ(ends(attempt, AttemptState::cancelled, 7).error().code, Errc::conflict);
}

TEST_P(StoreContract, AGangSucceedsWhenAllOfItDoes) {
  const auto gang = accepted(gpus(1, 2));
  const auto attempt = started(gang, {{nodes_[0], {"n0-0"}}, {nodes_[1], {"n1-0"}}});
  EXPECT_FALSE(ends(attempt, AttemptState::succeeded, 0)->stop_others);
  EXPECT_EQ(ends(attempt, AttemptState::succeeded, 0).error().code, Errc::conflict);
  EXPECT_EQ(ends(attempt, AttemptState::succeeded, 5).error().code, Errc::not_found);
  EXPECT_EQ(ends(attempt, AttemptState::succeeded, 1)->job_state, JobState::succeeded);
}

TEST_P(StoreContract, APreemptedJobGoesBackToItsPlaceAndLosesNoTry) {
  auto spec = gpus(1);
  spec.max_lost = 0;
  const auto victim = accepted(spec);
  (void)accepted(gpus(1));
  for (int i = 0; i < 3; ++i) {
    const auto attempt = started(victim, {{nodes_[0], {"n0-0"}}});
    ASSERT_TRUE(preempts(victim, attempt));
    EXPECT_TRUE(restored().active.at(0).stopping);
    EXPECT_EQ(
        ends(attempt, i == 0 ? AttemptState::failed : AttemptState::cancelled, 0, 75)->job_state,
        JobState::queued);
    EXPECT_EQ(*store_->attempt_state(attempt), AttemptState::preempted);
    EXPECT_EQ(preempts(victim, attempt).error().code, Errc::conflict);
  }
  const Restored now = restored();
  ASSERT_EQ(now.queued.size(), 2U);
  EXPECT_EQ(now.queued[0].id, victim.id);
  EXPECT_EQ(now.queued[0].seq, victim.seq);
}

TEST_P(StoreContract, WhoEndsBeforeItIsPreemptedHasEnded) {
  const auto done = accepted(gpus(1));
  const auto first = started(done, {{nodes_[0], {"n0-0"}}});
  ASSERT_TRUE(preempts(done, first));
  EXPECT_EQ(ends(first, AttemptState::succeeded)->job_state, JobState::succeeded);
  const auto broken = accepted(gpus(1));
  const auto second = started(broken, {{nodes_[0], {"n0-0"}}});
  ASSERT_TRUE(preempts(broken, second));
  EXPECT_EQ(ends(second, AttemptState::failed, 0, 1)->job_state, JobState::failed);
}

TEST_P(StoreContract, ACancelledJobIsNotPreemptedAndAPreemptedOneCanBeCancelled) {
  const auto job = accepted(gpus(1));
  const auto attempt = started(job, {{nodes_[0], {"n0-0"}}});
  ASSERT_TRUE(preempts(job, attempt));
  EXPECT_EQ(*store_->cancel({job.id, {"tester", "r"}, clock_.wall()}), JobState::cancelling);
  EXPECT_EQ(preempts(job, attempt).error().code, Errc::conflict);
  EXPECT_EQ(ends(attempt, AttemptState::cancelled)->job_state, JobState::cancelled);
  EXPECT_EQ(store_->cancel({job.id, {"tester", "r"}, clock_.wall()}).error().code, Errc::conflict);
}

TEST_P(StoreContract, TooManyLossesFailAJob) {
  auto spec = gpus(1);
  spec.max_lost = 1;
  const auto job = accepted(spec);
  EXPECT_EQ(ends(started(job, {{nodes_[0], {"n0-0"}}}), AttemptState::lost)->job_state,
            JobState::queued);
  EXPECT_EQ(ends(started(job, {{nodes_[0], {"n0-0"}}}), AttemptState::lost)->job_state,
            JobState::failed);
}

TEST_P(StoreContract, ADeviceOutOfServiceOrElsewhereIsRefused) {
  save(nodes_[0], "n0", false);
  EXPECT_EQ(refused(start_of(accepted(gpus(1)), {{nodes_[0], {"n0-0"}}})), Errc::conflict);
  EXPECT_EQ(refused(start_of(accepted(gpus(1)), {{nodes_[0], {"n1-0"}}})), Errc::conflict);
  EXPECT_EQ(refused(start_of(accepted(gpus(1)), {{ids_.next<NodeTag>(), {"n0-1"}}})),
            Errc::conflict);
}

TEST_P(StoreContract, AFullNodeAndAFormerLeaderAreRefused) {
  auto wide = gpus(0);
  wide.resources.cpus = 5;
  (void)started(accepted(wide), {{nodes_[0], {}}});
  EXPECT_EQ(refused(start_of(accepted(wide), {{nodes_[0], {}}})), Errc::conflict);
  const auto waiting = accepted(gpus(1));
  const auto stale = start_of(waiting, {{nodes_[1], {"n1-0"}}});
  EXPECT_GT(*store_->lead(), epoch_);
  EXPECT_EQ(refused(stale), Errc::conflict);
  EXPECT_EQ(state(waiting), JobState::queued);
}

TEST_P(StoreContract, ARepeatedKeyAnswersTheFirstJob) {
  const Caller caller{"tester", "r", "key", "body"};
  const auto first = accepted(gpus(1), caller);
  protocol::JobRecord again = first;
  again.id = ids_.next<JobTag>();
  const auto answer = store_->accept({again, caller});
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->repeated);
  EXPECT_EQ(answer->id, first.id);
  EXPECT_EQ(answer->seq, first.seq);
  EXPECT_EQ(store_->accept({again, {"tester", "r", "key", "other"}}).error().code, Errc::conflict);
}

TEST_P(StoreContract, DataSetsAreKnownWithTheirSizesAndWhereTheyLie) {
  ASSERT_TRUE(store_->add_dataset("nsmc@1", 123));
  auto spec = gpus(1);
  spec.datasets = {"nsmc@1"};
  const auto job = accepted(spec);
  EXPECT_THAT(restored().queued.at(0).contents, ElementsAre(scheduler::Content{"nsmc@1", 123}));
  const auto attempt = started(job, {{nodes_[1], {"n1-0"}}});
  const auto running = runs(attempt);
  ASSERT_TRUE(running);
  EXPECT_EQ(running->node, nodes_[1]);
  EXPECT_THAT(running->contents, ElementsAre("nsmc@1"));
  bool seen = false;
  const Restored now = restored();
  for (const auto& event : now.learnt)
    if (const auto* contents = std::get_if<scheduler::ContentsSeen>(&event))
      seen = contents->node == nodes_[1] && contents->names == running->contents;
  EXPECT_TRUE(seen);

  protocol::JobRecord lacking = job;
  lacking.id = ids_.next<JobTag>();
  lacking.spec.datasets = {"nsmc@2"};
  EXPECT_EQ(store_->accept({lacking, {"tester", "r"}}).error().code, Errc::not_found);
}

TEST_P(StoreContract, GuaranteesAboveTheFleetAreRefusedWithNumbers) {
  const auto put = [&](const std::string& name, std::int64_t size, std::int64_t count) {
    return store_->put_team(
        {{name, 1.0, {{std::nullopt, size, count}}}, {"tester", "r"}, clock_.wall()});
  };
  EXPECT_TRUE(put("a", 4, 1));
  EXPECT_TRUE(put("b", 2, 2));
  const auto refused = put("c", 1, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("team c"));
  EXPECT_THAT(refused.error().message, HasSubstr("9 GPUs to all teams, of 8"));
  EXPECT_FALSE(put("a", 8, 1));  // no node has a cell of eight
  EXPECT_TRUE(put("a", 2, 1));   // replaced: two GPUs are free again
  EXPECT_TRUE(put("c", 1, 2));
  EXPECT_TRUE(store_->delete_team({"b", {"tester", "r"}, clock_.wall()}));
  EXPECT_EQ(store_->delete_team({"b", {"tester", "r"}, clock_.wall()}).error().code,
            Errc::not_found);
  EXPECT_TRUE(put("c", 4, 1));
  const Restored now = restored();
  std::vector<std::string> names;
  for (const auto& event : now.learnt)
    if (const auto* team = std::get_if<scheduler::TeamChanged>(&event))
      names.push_back(team->team.name);
  EXPECT_THAT(names, ElementsAre("a", "c"));
}

TEST_P(StoreContract, ASlotIsBookedOnce) {
  const auto book = [&](std::int64_t gpus_wanted, std::chrono::hours from) {
    const auto id = ids_.next<ReservationTag>();
    protocol::ReservationSpec spec{.team = "a",
                                   .resources = {.gpus = gpus_wanted},
                                   .start_at = clock_.wall() + from,
                                   .duration = std::chrono::hours(2)};
    return std::pair(id, store_->reserve({id, spec, {"tester", "r"}, clock_.wall()}));
  };
  EXPECT_EQ(book(5, std::chrono::hours(1)).second.error().code, Errc::invalid_argument);
  EXPECT_EQ(book(1, std::chrono::hours(-3)).second.error().code, Errc::invalid_argument);
  EXPECT_TRUE(book(4, std::chrono::hours(1)).second);
  const auto [second, booked] = book(4, std::chrono::hours(2));
  EXPECT_TRUE(booked);
  const auto third = book(1, std::chrono::hours(1));
  ASSERT_FALSE(third.second);
  EXPECT_EQ(third.second.error().code, Errc::conflict);
  EXPECT_TRUE(book(1, std::chrono::hours(4)).second);  // after all of them
  ASSERT_TRUE(store_->unreserve({second, {"tester", "r"}, clock_.wall()}));
  EXPECT_EQ(store_->unreserve({second, {"tester", "r"}, clock_.wall()}).error().code,
            Errc::conflict);
  EXPECT_EQ(store_->unreserve({third.first, {"tester", "r"}, clock_.wall()}).error().code,
            Errc::not_found);
  EXPECT_TRUE(book(1, std::chrono::hours(1)).second);
  clock_.advance(std::chrono::hours(24));
  const Restored now = restored();
  for (const auto& event : now.learnt)
    EXPECT_FALSE(std::holds_alternative<scheduler::Booked>(event));
}

TEST_P(StoreContract, GpuTimeOfThePastIsKnownAfterARestart) {
  auto spec = gpus(2);
  spec.team = "nlp";
  const auto attempt = started(accepted(spec), {{nodes_[0], {"n0-0", "n0-1"}}});
  clock_.advance(std::chrono::seconds(50));
  ASSERT_TRUE(ends(attempt, AttemptState::succeeded));
  double seconds = 0;
  const Restored now = restored();
  for (const auto& event : now.learnt)
    if (const auto* usage = std::get_if<scheduler::UsageSeen>(&event)) {
      EXPECT_EQ(usage->team, "nlp");
      seconds += usage->gpu_seconds;
    }
  EXPECT_DOUBLE_EQ(seconds, 100);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::Values(Kind::sql, Kind::memory),
                         [](const auto& instance) {
                           return instance.param == Kind::sql ? "Sql" : "Memory";
                         });

}  // namespace
}  // namespace galley::controller
