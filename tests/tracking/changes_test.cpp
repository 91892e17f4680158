#include <gmock/gmock.h>

#include "fixture.h"
#include "tracking/experiments.h"

namespace galley::tracking {
namespace {

class Changes : public TrackingFixture {
 protected:
  Status write(const store::Database::Command& command) { return database_->write(command); }
  RunId run_of_job(const std::string& owner) {
    const RunId id = ids_.next<RunTag>();
    EXPECT_TRUE(write([&](store::Transaction& transaction) {
      return create_run(transaction, {.id = id,
                                      .name = "r",
                                      .experiment = "e",
                                      .job_id = {},
                                      .created = from_ms(5),
                                      .owner_run = owner});
    }));
    return id;
  }
  RunState state(const RunId& run) { return tracking_->get(run)->run.state; }
  Status change(const RunId& run, const RunChange& what) {
    return write([&](store::Transaction& t) { return change_run(t, run, what, from_ms(7)); });
  }
  Status end_job(const RunId& run, RunState how) {
    return write([&](store::Transaction& t) { return end_run_of_job(t, run, how, from_ms(9)); });
  }
  std::vector<std::string> listed() {
    std::vector<std::string> names;
    const auto page = tracking_->list({}, 100);
    for (const auto& run : page->runs) names.push_back(run.id.str());
    return names;
  }
};

TEST_F(Changes, TheJobsEndDecidesButForAFailureThatItsProgramReported) {
  const auto outcome = [&](std::optional<RunState> said, RunState ended) {
    const RunId run = run_of_job("");
    if (said) {
      EXPECT_TRUE(change(run, {.state = said}));
    }
    EXPECT_TRUE(end_job(run, ended));
    return state(run);
  };
  EXPECT_EQ(outcome({}, RunState::finished), RunState::finished);
  EXPECT_EQ(outcome(RunState::finished, RunState::failed), RunState::failed);
  EXPECT_EQ(outcome(RunState::finished, RunState::killed), RunState::killed);
  EXPECT_EQ(outcome(RunState::failed, RunState::finished), RunState::failed);
  EXPECT_EQ(outcome(RunState::finished, RunState::finished), RunState::finished);
}

TEST_F(Changes, RunsThatAJobLeavesRunningEndWithIt) {
  const RunId job = run_of_job("");
  const RunId left = run_of_job(job.str());
  const RunId done = run_of_job(job.str());
  const RunId foreign = run_of_job("");
  ASSERT_TRUE(change(done, {.state = RunState::finished}));
  ASSERT_TRUE(end_job(job, RunState::failed));
  EXPECT_EQ(state(left), RunState::failed);
  EXPECT_EQ(state(done), RunState::finished);
  EXPECT_EQ(state(foreign), RunState::running);
}

TEST_F(Changes, ARunMayEndAnewAndGoOn) {
  const RunId run = run_of_job("");
  ASSERT_TRUE(change(run, {.state = RunState::failed, .ended = from_ms(6)}));
  EXPECT_EQ(tracking_->get(run)->run.ended, from_ms(6));
  ASSERT_TRUE(change(run, {.state = RunState::running, .name = "again"}));
  EXPECT_EQ(tracking_->get(run)->run.ended, std::nullopt);
  EXPECT_EQ(tracking_->get(run)->run.name, "again");
  EXPECT_EQ(change(ids_.next<RunTag>(), {}).error().code, Errc::not_found);
}

TEST_F(Changes, ADeletedRunIsHiddenTakesNoPointsAndComesBack) {
  const RunId run = run_of_job("");
  const auto mark = [&](bool deleted) {
    return write([&](store::Transaction& t) { return delete_run(t, run, deleted, from_ms(7)); });
  };
  ASSERT_TRUE(mark(true));
  EXPECT_TRUE(listed().empty());
  EXPECT_TRUE(tracking_->search({})->runs.empty());
  EXPECT_EQ(tracking_->search({.view = RunSearch::View::deleted})->runs.size(), 1U);
  const MetricPoint point{"m", 1, 1, 1};
  EXPECT_EQ(tracking_->log_metrics(run, std::span(&point, 1)).error().code, Errc::invalid_argument);
  ASSERT_TRUE(mark(false));
  EXPECT_EQ(listed().size(), 1U);
}

TEST_F(Changes, RunsFollowTheirExperimentsNameAndLife) {
  const RunId run = run_of_job("");
  const RunId gone = run_of_job("");
  ASSERT_TRUE(write([&](store::Transaction& t) { return delete_run(t, gone, true, from_ms(3)); }));
  const auto with = [&](const auto& act) {
    return write([&](store::Transaction& t) -> Status {
      GALLEY_TRY(const auto experiment, experiment_by_id(t, 1));
      return act(t, experiment);
    });
  };
  ASSERT_TRUE(with(
      [](auto& t, const Experiment& e) { return rename_experiment(t, e, "new", from_ms(8)); }));
  EXPECT_EQ(tracking_->get(run)->run.experiment, "new");
  EXPECT_EQ(with([](auto& t, const Experiment& e) {
              return rename_experiment(t, e, "Default", from_ms(8));
            })
                .error()
                .code,
            Errc::conflict);
  ASSERT_TRUE(
      with([](auto& t, const Experiment& e) { return delete_experiment(t, e, true, from_ms(8)); }));
  EXPECT_TRUE(listed().empty());
  ASSERT_TRUE(with(
      [](auto& t, const Experiment& e) { return delete_experiment(t, e, false, from_ms(9)); }));
  EXPECT_EQ(listed(), std::vector{run.str()}) << "the other one was deleted by itself";
}

TEST_F(Changes, OrdersByAnythingAndKeepsRunsWithoutItLast) {
  const RunId a = run_of_job("");
  const RunId b = run_of_job("");
  const RunId c = run_of_job("");
  ASSERT_TRUE(tracking_->log_params(a, std::vector<KeyValue>{{"lr", "1"}}));
  ASSERT_TRUE(tracking_->log_params(b, std::vector<KeyValue>{{"lr", "2"}}));
  ASSERT_TRUE(tracking_->set_tags(c, std::vector<KeyValue>{{"t", "x"}}));
  const auto order = [&](const RunSearch& search) {
    std::vector<RunId> ids;
    const auto page = tracking_->search(search);
    EXPECT_TRUE(page) << describe(page.error());
    if (page)
      for (const auto& run : page->runs) ids.push_back(run.id);
    return ids;
  };
  const RunOrder by_param{.field = RunField::param, .key = "lr", .descending = true};
  EXPECT_EQ(order({.order = by_param}), (std::vector{b, a, c}));
  const RunOrder by_tag{.field = RunField::tag, .key = "t", .descending = false};
  EXPECT_EQ(order({.order = by_tag, .then = {by_param}}), (std::vector{c, b, a}));
  EXPECT_EQ(order({.conditions = {{.field = RunField::id,
                                   .comparison = RunComparison::among,
                                   .texts = {a.str(), c.str()}}},
                   .order = {.field = RunField::created, .descending = false}}),
            (std::vector{a, c}));
  EXPECT_EQ(order({.owner = b.str()}), std::vector{b});
}

}  // namespace
}  // namespace galley::tracking
