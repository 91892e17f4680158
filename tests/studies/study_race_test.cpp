#include "study_race.h"

#include "fixture.h"

namespace galley::studies {
namespace {

class StudyRaceTest : public StudiesFixture {};

TEST_F(StudyRaceTest, FinalistsRunAgainAndTheBestMeanWins) {
  Json file = study_file(3, "random");
  file["seeds"] = 3;
  created(file);
  // Trial 0 is lucky once; trial 1 is good each time.
  const auto value_of = [](std::int64_t trial, std::int64_t seed) {
    if (trial == 0) return seed == 0 ? 0.95 : 0.70 + 0.02 * static_cast<double>(seed);
    return trial == 1 ? 0.90 + 0.01 * static_cast<double>(seed) : 0.2;
  };
  std::map<std::string, std::int64_t> first_with;  // whose settings these are
  while (now().record.state == StudyState::running) {
    const Order order = asked();
    const auto [known, is_new] = first_with.emplace(dump_json(order.params), order.trial);
    EXPECT_EQ(order.seed == 0, is_new) << "repetitions have settings that ran before";
    told({.trial = order.trial, .values = {value_of(known->second, order.seed)}});
  }
  const auto study = now();
  EXPECT_EQ(study.progress.best, 1);
  const auto& finalists = study.progress.finalists;
  ASSERT_GE(finalists.size(), 2U);
  EXPECT_EQ(finalists[0].trial, 1);
  EXPECT_EQ(finalists[0].runs, 3);
  EXPECT_NEAR(finalists[0].mean, 0.91, 1e-12);
  // 4.30265 standard errors of 0.01 / sqrt(3) around it.
  EXPECT_NEAR(finalists[0].low, 0.91 - 0.0248414, 1e-6);
  EXPECT_NEAR(finalists[0].high, 0.91 + 0.0248414, 1e-6);
  const auto trials = studies_->trials("toy", 0, 100);
  ASSERT_TRUE(trials);
  for (const auto& trial : *trials)
    EXPECT_EQ(trial.repeat_of.has_value(), trial.number >= 3) << trial.number;
}

TEST_F(StudyRaceTest, WithOneSeedNobodyIsRaced) {
  created(study_file(2));
  for (int i = 0; i < 2; ++i) told({.trial = asked().trial, .values = {0.5}});
  EXPECT_TRUE(now().progress.finalists.empty());
}

}  // namespace
}  // namespace galley::studies
