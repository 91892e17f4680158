// What charts show of a study.
#include "studies/study_charts.h"

#include <cmath>
#include <numeric>

#include "fixture.h"
#include "pool_history.h"

namespace galley::studies {
namespace {

using ::testing::ElementsAre;

class StudyChartsTest : public StudiesFixture {
 protected:
  Order reported(const Order& order, double resource, double value) {
    told({.trial = order.trial,
          .kind = Told::Kind::running,
          .resource = resource,
          .values = {value}});
    return order;
  }
};

TEST_F(StudyChartsTest, TheTableHasAColumnForEachParameterAndMeasure) {
  Json file = study_file(3);
  file["h_params"]["beta"] = {
      {"type", "float"}, {"distribution", "uniform"}, {"parameters", {0, 1}}};
  file["h_params_conditions"] = Json::array({{{"param", "beta"}, {"when", {{"act", "gelu"}}}}});
  created(file);
  std::vector<Order> orders;
  for (int i = 0; i < 3; ++i) orders.push_back(asked());
  told({.trial = 1, .values = {0.25}});
  told({.trial = 2, .values = {0.5}});
  const auto table = studies_->table("toy");
  ASSERT_TRUE(table) << describe(table.error());
  ASSERT_EQ(table->axes.size(), 3U);
  for (const auto& axis : table->axes) {
    ASSERT_EQ(axis.values.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      const Json& params = orders[i].params;
      if (!params.contains(axis.name)) {
        EXPECT_TRUE(std::isnan(axis.values[i])) << axis.name;
        EXPECT_TRUE(axis.conditional);
      } else if (axis.kind == TableAxis::Kind::categorical) {
        EXPECT_EQ(axis.choices.at(static_cast<std::size_t>(axis.values[i])), params[axis.name]);
      } else {
        EXPECT_EQ(axis.values[i], params[axis.name].get<double>());
      }
    }
    if (axis.name == "lr") {
      EXPECT_TRUE(axis.log);
      EXPECT_EQ(axis.low, 0.001);
      EXPECT_FALSE(axis.conditional);
    }
  }
  EXPECT_TRUE(std::isnan(table->measures.at(0).values[0]));
  EXPECT_EQ(table->measures.at(0).values[2], 0.5);
  EXPECT_EQ(table->state_words.at(table->states[0]), "running");
  EXPECT_EQ(table->state_words.at(table->states[2]), "finished");
  EXPECT_EQ(table->best, 2);
  EXPECT_THAT(table->front, ElementsAre(2));
}

TEST_F(StudyChartsTest, OfSeveralMeasuresTheFrontIsMarked) {
  Json file = study_file(4, "nsga2");
  file["measure"] = {"accuracy", "latency"};
  file["order"] = {"descending", "ascending"};
  created(file);
  const std::vector<std::vector<double>> values{{0.9, 30}, {0.8, 10}, {0.7, 20}, {0.9, 40}};
  for (const auto& value : values) told({.trial = asked().trial, .values = value});
  const auto table = studies_->table("toy");
  ASSERT_TRUE(table) << describe(table.error());
  EXPECT_THAT(table->front, ElementsAre(0, 1));
}

TEST_F(StudyChartsTest, CurvesAreTheReportsInTheirOrder) {
  created(study_file(3));
  const Order first = asked(), second = asked();
  for (int epoch = 1; epoch <= 4; ++epoch) reported(first, epoch, 0.1 * epoch);
  reported(second, 2, 0.9);
  const auto all = studies_->curves("toy", {});
  ASSERT_TRUE(all) << describe(all.error());
  EXPECT_EQ(all->of, 2);
  ASSERT_EQ(all->curves.size(), 2U);
  EXPECT_THAT(all->curves[0].resource, ElementsAre(1, 2, 3, 4));
  EXPECT_DOUBLE_EQ(all->curves[0].value[3], 0.4);
  EXPECT_TRUE(std::ranges::is_sorted(all->curves[0].at_s));
  const auto one = studies_->curves("toy", {.trials = {second.trial}});
  ASSERT_TRUE(one);
  ASSERT_EQ(one->curves.size(), 1U);
  EXPECT_EQ(one->curves[0].trial, second.trial);
  const auto best = studies_->curves("toy", {.limit = 1});
  ASSERT_TRUE(best);
  EXPECT_EQ(best->curves.size(), 1U);
  // What came later is there, too, and so it is for the next server.
  reported(first, 5, 0.6);
  for (const bool again : {false, true}) {
    if (again) reopen();
    const auto more = studies_->curves("toy", {.trials = {first.trial}});
    ASSERT_TRUE(more) << describe(more.error());
    EXPECT_THAT(more->curves.at(0).resource, ElementsAre(1, 2, 3, 4, 5));
  }
}

TEST_F(StudyChartsTest, AxesStandAsTheFileNamesThem) {
  Json file = study_file(2);
  const auto names = [&] {
    const auto table = studies_->table("toy");
    EXPECT_TRUE(table) << describe(table.error());
    std::vector<std::string> found;
    if (table)
      for (const auto& axis : table->axes) found.push_back(axis.name);
    return found;
  };
  created(file);
  EXPECT_THAT(names(), ElementsAre("act", "lr"));
  file["axes"] = {"lr", "act"};
  created(file);
  const Order order = asked();
  EXPECT_THAT(names(), ElementsAre("lr", "act"));
  EXPECT_EQ(studies_->table("toy")->axes.at(0).values.at(0), order.params.at("lr").get<double>());
  file["axes"] = {"lr", "depth"};
  const auto refused = studies_->create({.principal = "tester", .file = file});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "axes");
}

TEST_F(StudyChartsTest, ATrialTellsItsAttemptsAndWhoseWeightsItHas) {
  created(study_file());
  const Order order = asked();
  told({.trial = order.trial,
        .kind = Told::Kind::running,
        .resource = 3,
        .values = {0.4},
        .checkpoint = "epoch-3"});
  told({.trial = order.trial, .kind = Told::Kind::released});
  asked();
  told({.trial = order.trial, .values = {0.6}});
  const auto history = studies_->trial("toy", order.trial);
  ASSERT_TRUE(history) << describe(history.error());
  ASSERT_EQ(history->attempts.size(), 2U);
  EXPECT_EQ(history->attempts[0].ended_by, "preempted");
  EXPECT_EQ(history->attempts[0].to_resource, 3);
  EXPECT_EQ(history->attempts[1].ended_by, "finished");
  EXPECT_EQ(history->attempts[1].from_resource, 3);
  EXPECT_EQ(history->attempts[1].to_resource, 9);
  EXPECT_THAT(history->curve.resource, ElementsAre(3, 9));
  ASSERT_FALSE(history->lineage.empty());
  EXPECT_EQ(history->lineage.back().trial, order.trial);
  EXPECT_EQ(history->lineage.back().to_resource, 9);
  const auto unknown = studies_->trial("toy", 77);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::not_found);
}

TEST_F(StudyChartsTest, PoolsOverTimeEndAsTheyAreNowAlsoAfterARestart) {
  created(study_file(4));
  for (int i = 0; i < 2; ++i) told({.trial = asked().trial, .values = {0.5}});
  const Order order = asked();
  reported(order, 3, 0.4);
  told({.trial = order.trial, .kind = Told::Kind::released});
  for (const bool again : {false, true}) {
    if (again) reopen();
    const auto line = studies_->timeline("toy");
    ASSERT_TRUE(line) << describe(line.error());
    ASSERT_FALSE(line->at_s.empty());
    EXPECT_TRUE(std::ranges::is_sorted(line->at_s));
    const auto now_in = now().progress;
    EXPECT_EQ(line->ended.back(), 2);
    EXPECT_EQ(line->ended.back(), now_in.ended);
    EXPECT_EQ(line->live.back(), now_in.live);
    EXPECT_EQ(line->stop.back(), now_in.stop);
    EXPECT_GE(line->until_s, line->at_s.back());
  }
}

TEST_F(StudyChartsTest, GpusAreSharedOutByWhoHeldThem) {
  Json file = study_file(1);
  file["job"] = {{"command", {"train"}}, {"resources", {{"gpus", 1}}}};
  created(file);
  const auto ours = agent_.assigned(0).assignment.attempt_id;
  ASSERT_TRUE(runs(ours));
  clock_.advance(std::chrono::seconds{10});
  auto theirs = controller::spec();
  theirs.resources.gpus = 1;
  submitted(theirs);
  const auto other = agent_.assigned(1).assignment.attempt_id;
  ASSERT_TRUE(runs(other));
  clock_.advance(std::chrono::seconds{10});
  ASSERT_TRUE(ends(other, protocol::AttemptState::succeeded));
  clock_.advance(std::chrono::seconds{10});
  const auto line = studies_->timeline("toy");
  ASSERT_TRUE(line) << describe(line.error());
  EXPECT_THAT(line->share_at_s, ElementsAre(0, 10, 20));
  EXPECT_THAT(line->this_gpus, ElementsAre(1, 1, 1));
  EXPECT_THAT(line->people_gpus, ElementsAre(0, 1, 0));
  EXPECT_THAT(line->tuning_gpus, ElementsAre(0, 0, 0));
}

TEST(PoolHistory, StaysSmallAndEndsWithTheLastState) {
  PoolHistory history;
  for (int i = 0; i < 100'000; ++i) history.note(0.01 * i, {.live = 1 + i % 3, .ended = i});
  EXPECT_LE(history.points().size(), 2048U);
  EXPECT_GE(history.points().size(), 500U);
  EXPECT_EQ(history.points().back().pools.ended, 99'999);
  EXPECT_EQ(history.points().front().at_s, 0);
  EXPECT_TRUE(std::ranges::is_sorted(history.points(), {}, &PoolHistory::Point::at_s));
}

}  // namespace
}  // namespace galley::studies
