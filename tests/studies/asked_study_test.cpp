// Studies whose trials others ask for and tell of.
#include <cmath>
#include <set>

#include "fixture.h"

namespace galley::studies {
namespace {

using ::testing::HasSubstr;

class AskedStudyTest : public StudiesFixture {};

/// Better the nearer the learning rate is to 0.01.
double accuracy_of(const Json& params) {
  return 1 - std::abs(std::log10(params.at("lr").get<double>()) + 2) / 4;
}

TEST_F(AskedStudyTest, EndsWithItsLastTrialAndNamesTheBest) {
  created(study_file(6));
  double best = 0;
  for (int i = 0; i < 6; ++i) {
    const Order order = asked();
    EXPECT_EQ(order.trial, i);
    EXPECT_EQ(order.budget, 9);
    best = std::max(best, accuracy_of(order.params));
    const Verdict verdict = told({.trial = order.trial, .values = {accuracy_of(order.params)}});
    EXPECT_EQ(verdict.state, "finished");
    EXPECT_FALSE(verdict.goes_on);
  }
  const auto study = now();
  EXPECT_EQ(study.record.state, StudyState::finished);
  EXPECT_EQ(study.progress.ended, 6);
  ASSERT_TRUE(study.progress.best);
  EXPECT_EQ(study.progress.best_values.front(), best);
  EXPECT_EQ(accuracy_of(study.progress.best_params), best);
  const auto more = studies_->ask("toy", 1, {});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::conflict);
  EXPECT_THAT(more.error().message, HasSubstr("over"));
}

TEST_F(AskedStudyTest, AKilledServerSuggestsWhatAnotherWouldHave) {
  // Two studies of equal seeds, one of which is read back from the disk after each trial.
  const auto lead = [&](bool restarts) {
    std::vector<Json> params;
    for (int i = 0; i < 25; ++i) {
      const Order order = asked();
      params.push_back(order.params);
      if (restarts) reopen();
      told({.trial = order.trial, .values = {accuracy_of(order.params)}});
      if (restarts) reopen();
    }
    return params;
  };
  created(study_file(25));
  const auto calm = lead(false);
  created(study_file(25));
  EXPECT_EQ(lead(true), calm);
  EXPECT_EQ(now().record.state, StudyState::finished);
}

TEST_F(AskedStudyTest, AWorkerThatAsksAgainGetsTheTrialThatItHolds) {
  created(study_file());
  const Order first = asked("w1");
  EXPECT_EQ(asked("w2").trial, first.trial + 1);
  EXPECT_EQ(asked("w1").trial, first.trial) << "its answer may have been lost";
  reopen();
  const Order again = asked("w1");
  EXPECT_EQ(again.trial, first.trial);
  EXPECT_EQ(again.params, first.params);
  told({.trial = first.trial, .values = {0.5}});
  EXPECT_NE(asked("w1").trial, first.trial);
}

TEST_F(AskedStudyTest, AResultThatIsToldTwiceCountsOnce) {
  created(study_file());
  const Order order = asked();
  told({.trial = order.trial, .values = {0.5}});
  told({.trial = order.trial, .values = {0.9}});
  const auto trials = studies_->trials("toy", 0, 10);
  ASSERT_TRUE(trials);
  EXPECT_EQ(trials->front().values, std::vector<double>{0.5});
  EXPECT_EQ(now().progress.ended, 1);
}

TEST_F(AskedStudyTest, ATrialWhoseMachineIsTakenComesBackWithItsCheckpoint) {
  created(study_file());
  const Order order = asked();
  told({.trial = order.trial,
        .kind = Told::Kind::running,
        .resource = 3,
        .values = {0.4},
        .checkpoint = "epoch-3"});
  const Verdict verdict = told({.trial = order.trial, .kind = Told::Kind::released});
  EXPECT_EQ(verdict.state, "waiting") << "not failed";
  EXPECT_FALSE(verdict.goes_on);
  const Order again = asked();
  EXPECT_EQ(again.trial, order.trial);
  EXPECT_EQ(again.attempt, order.attempt + 1);
  EXPECT_EQ(again.checkpoint, "epoch-3");
  EXPECT_EQ(again.from_resource, 3);
}

TEST_F(AskedStudyTest, HalvingTellsAWeakTrialToGo) {
  Json file = study_file(12, "asha");
  created(std::move(file));
  bool one_went = false;
  for (int i = 0; i < 6; ++i) {
    const Order order = asked();
    const auto verdict = told({.trial = order.trial,
                               .kind = Told::Kind::running,
                               .resource = 3,
                               .values = {1.0 - 0.1 * i}});
    one_went = one_went || !verdict.goes_on;
    if (!verdict.goes_on) told({.trial = order.trial, .kind = Told::Kind::released});
  }
  EXPECT_TRUE(one_went);
}

TEST_F(AskedStudyTest, AWarmStudyKnowsWhatOldOnesFound) {
  created(study_file(30));
  for (int i = 0; i < 30; ++i) {
    const Order order = asked();
    told({.trial = order.trial, .values = {accuracy_of(order.params)}});
  }
  const auto beginning_of = [&](const std::string& name, bool warm, bool restarts) {
    Json file = study_file(5);
    file["name"] = name;
    if (warm) file["warm_start"] = {"toy"};
    const auto study = created(file);
    EXPECT_EQ(study.progress.trials, 0) << "old trials are none of its own";
    if (warm) {
      EXPECT_THAT(study.record.reason, HasSubstr("begins with 30 trials of toy"));
    }
    if (restarts) reopen();
    const auto orders = studies_->ask(name, 5, {});
    EXPECT_TRUE(orders) << describe(orders.error());
    Json params = Json::array();
    if (orders)
      for (const Order& order : *orders) params.push_back(order.params);
    return params;
  };
  const Json warm = beginning_of("warm", true, false);
  EXPECT_NE(warm, beginning_of("cold", false, false));
  EXPECT_EQ(warm, beginning_of("killed", true, true));
  Json file = study_file();
  file["warm_start"] = "nobody";
  const auto refused = studies_->create({.principal = "tester", .file = file});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "warm_start");
  EXPECT_THAT(refused.error().message, HasSubstr("nobody"));
}

TEST_F(AskedStudyTest, WhatIsWrongIsNamed) {
  created(study_file());
  const Order order = asked();
  const auto error_of = [&](const Told& what) {
    const auto verdict = studies_->tell("toy", what);
    EXPECT_FALSE(verdict);
    return verdict ? Error{} : verdict.error();
  };
  EXPECT_EQ(error_of({.trial = order.trial, .values = {1, 2}}).field, "values");
  EXPECT_EQ(error_of({.trial = order.trial}).field, "values");
  EXPECT_EQ(error_of({.trial = 99, .values = {1}}).code, Errc::not_found);
  EXPECT_EQ(error_of({.trial = order.trial, .kind = Told::Kind::running, .values = {1}}).field,
            "resource");
  const auto unknown = studies_->get("nothing");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::not_found);
  Json file = study_file();
  file["h_params"]["lr"]["parameters"] = {0.1, 0.001};
  const auto broken = studies_->create({.principal = "tester", .file = file});
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().field, HasSubstr("h_params.lr"));
}

TEST_F(AskedStudyTest, OneThatCannotBeReadIsNamedAndKeepsNoOtherFromGoingOn) {
  created(study_file());
  Json other = study_file();
  other["name"] = "other";
  created(other);
  asked();
  ASSERT_TRUE(database_->write([](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute(
        "update study_journal set lines = 'started 1 x' || char(10) where study_id ="
        " (select id from studies where name = 'toy')"));
    return ok();
  }));
  reopen();
  const auto broken = studies_->ask("toy", 1, {});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::corrupt);
  EXPECT_THAT(broken.error().message, HasSubstr("started 1 x"));
  EXPECT_TRUE(studies_->ask("other", 1, {}));
}

TEST_F(AskedStudyTest, StoppingIsFinal) {
  created(study_file());
  const Order order = asked();
  const auto stopped = studies_->end("toy", "tester");
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->record.state, StudyState::stopped);
  EXPECT_THAT(stopped->record.reason, HasSubstr("tester"));
  told({.trial = order.trial, .kind = Told::Kind::released});
  reopen();
  EXPECT_EQ(now().record.state, StudyState::stopped);
  EXPECT_FALSE(studies_->ask("toy", 1, {}));
}

}  // namespace
}  // namespace galley::studies
