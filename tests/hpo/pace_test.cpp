// One contract for every method of early stopping, and what each of them promises by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "hpo/auto_method.h"
#include "hpo/early_stopping.h"
#include "hpo/population.h"
#include "hpo/tuning_share.h"
#include "study_world.h"

namespace galley::hpo {
namespace {

struct PaceCase {
  std::string name;
  StoppingSpec stopping{};
  PopulationSpec pbt{};

  std::unique_ptr<EarlyStopping> make() const {
    return pbt.enabled ? make_population(pbt, test::line_space(), 3, 6, 1)
                       : make_early_stopping(stopping);
  }
};

std::vector<PaceCase> pace_cases() {
  using Explore = PopulationSpec::Explore;
  using Exploit = PopulationSpec::Exploit;
  return {{"none"},
          {"median", {.method = Stopping::median}},
          {"successive_halving", {.method = Stopping::successive_halving}},
          {"hyperband", {.method = Stopping::hyperband}},
          {"asha_promote", {.method = Stopping::asha}},
          {"asha_stop", {.method = Stopping::asha, .promote = false}},
          {"asha_warm_up", {.method = Stopping::asha, .warm_up = 0.2}},
          {"pbt", {}, {.enabled = true}},
          {"pbt_tournament_resample",
           {},
           {.enabled = true, .exploit = Exploit::binary_tournament, .explore = Explore::resample}},
          {"pb2", {}, {.enabled = true, .explore = Explore::pb2}}};
}

class Pace : public testing::TestWithParam<PaceCase> {};
INSTANTIATE_TEST_SUITE_P(Methods, Pace, testing::ValuesIn(pace_cases()),
                         [](const auto& one) { return one.param.name; });

/// Plays trials of 27 steps in turn on `workers` machines; trial t's loss ends at |t - 7|.
struct Played {
  std::vector<std::string> rulings;
  std::vector<int> steps = std::vector<int>(40, 0);
  std::set<TrialNumber> finished;
  bool is_stuck = false;
};

Played play(EarlyStopping& pace, bool with_failures, int max_trials = 40) {
  Played out;
  std::vector<TrialNumber> running;
  std::set<TrialNumber> paused;
  TrialNumber next = 0;
  for (int round = 0; round < 5000; ++round) {
    while (running.size() < 4) {
      const bool begins = pace.takes_turns() && next < max_trials && pace.wants_trial();
      const auto promotion = begins ? std::nullopt : pace.promote(paused);
      if (promotion) {
        EXPECT_EQ(paused.erase(promotion->trial), 1u);
        EXPECT_FALSE(promotion->why.empty());
        running.push_back(promotion->trial);
      } else if (next < max_trials && pace.wants_trial()) {
        pace.begin(next, {0.5, 27});
        running.push_back(next++);
      } else {
        break;
      }
    }
    if (running.empty()) return out;
    const TrialNumber trial = running[static_cast<std::size_t>(round) % running.size()];
    auto& steps = out.steps[static_cast<std::size_t>(trial)];
    ++steps;
    if (with_failures && trial % 5 == 0 && steps == 4) {
      pace.fail(trial);
      std::erase(running, trial);
      continue;
    }
    const double loss = std::abs(static_cast<double>(trial) - 7) + 10.0 / steps;
    const auto ruling = pace.report(
        {trial, steps / 27.0, trial == 3 ? std::nan("") : loss, static_cast<double>(steps)});
    out.rulings.push_back(std::to_string(trial) + ":" +
                          std::to_string(static_cast<int>(ruling.verdict)) + ruling.why);
    if (ruling.verdict != Verdict::proceed) {
      EXPECT_FALSE(ruling.why.empty());
    }
    if (ruling.verdict == Verdict::exploit) {
      EXPECT_NE(ruling.from, trial);
      EXPECT_TRUE(test::line_space().contains_hard(ruling.point));
      steps = out.steps[static_cast<std::size_t>(ruling.from)];
    }
    if (steps >= 27) {
      pace.finish(trial);
      std::erase(running, trial);
      out.finished.insert(trial);
    } else if (ruling.verdict == Verdict::pause) {
      std::erase(running, trial);
      paused.insert(trial);
    } else if (ruling.verdict == Verdict::stop) {
      std::erase(running, trial);
    }
  }
  out.is_stuck = true;
  return out;
}

TEST_P(Pace, ComesToAnEndAndLetsTheBestFinish) {
  const auto pace = GetParam().make();
  const auto played = play(*pace, false);
  EXPECT_FALSE(played.is_stuck);
  EXPECT_FALSE(played.finished.empty());
  if (!GetParam().pbt.enabled) {
    EXPECT_TRUE(played.finished.contains(7));
  }
}

TEST_P(Pace, EqualCallsGiveEqualAnswers) {
  EXPECT_EQ(play(*GetParam().make(), true).rulings, play(*GetParam().make(), true).rulings);
}

TEST_P(Pace, NeverWaitsForTrialsThatAreLost) {
  const auto played = play(*GetParam().make(), true);
  EXPECT_FALSE(played.is_stuck);
  EXPECT_FALSE(played.finished.empty());
}

TEST_P(Pace, TakesStrangersAndNothingCalmly) {
  const auto pace = GetParam().make();
  EXPECT_FALSE(pace->promote({}));
  pace->fail(12);
  pace->finish(12);
  EXPECT_EQ(pace->report({12, 0, std::nan(""), 0}).verdict, Verdict::proceed);
}

TEST(Asha, StopsBelowTheTopThirdAndPromotesInto) {
  const auto pace = make_early_stopping({.method = Stopping::asha});
  std::vector<Ruling> rulings;
  for (TrialNumber trial = 0; trial < 9; ++trial) {
    pace->begin(trial, {});
    rulings.push_back(pace->report({trial, 1.0 / 27, static_cast<double>(trial), 1}));
  }
  // The first has no third to be in when it comes; later ones find it there already.
  EXPECT_EQ(std::ranges::count(rulings, Verdict::pause, &Ruling::verdict), 9);
  std::set<TrialNumber> left{0, 1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<TrialNumber> promoted;
  while (const auto next = pace->promote(left)) {
    promoted.push_back(next->trial);
    left.erase(next->trial);
  }
  EXPECT_EQ(promoted, (std::vector<TrialNumber>{0, 1, 2}));
}

TEST(Asha, WarmUpHasNoRungsBelowIt) {
  EXPECT_EQ(rung_marks({.warm_up = 0.2}).size(), 2u);
  EXPECT_EQ(rung_marks({.marks = {0.1, 0.5}}), (std::vector{0.1, 0.5, 1.0}));
}

TEST(SuccessiveHalving, KeepsTheBestThirdOfABracketAtEachRung) {
  const auto pace = make_early_stopping({.method = Stopping::successive_halving, .rungs = 2});
  const auto played = play(*pace, false, 9);
  EXPECT_EQ(std::ranges::count_if(played.steps, [](int s) { return s >= 3; }), 9);
  EXPECT_EQ(std::ranges::count_if(played.steps, [](int s) { return s >= 9; }), 3);
  EXPECT_EQ(played.finished, (std::set<TrialNumber>{7}));
}

TEST(Median, WaitsForEnoughOthers) {
  const auto pace = make_early_stopping({.method = Stopping::median, .least = 3});
  for (TrialNumber trial = 0; trial < 3; ++trial) {
    pace->begin(trial, {});
    EXPECT_EQ(pace->report({trial, 0.1, 1, 1}).verdict, Verdict::proceed);
  }
  pace->begin(3, {});
  EXPECT_EQ(pace->report({3, 0.1, 2, 1}).verdict, Verdict::stop);
}

TEST(Ladder, OrdersByMarkThenValueAndPutsFailuresLast) {
  Ladder ladder({0.1, 0.5, 1});
  EXPECT_FALSE(ladder.place(1, 0.05, 1));
  EXPECT_EQ(ladder.place(1, 0.1, 5), 0u);
  EXPECT_EQ(ladder.place(2, 0.6, 9), 1u);  // a coarse reporter: it passes two marks at once
  EXPECT_EQ(ladder.passed(0).size(), 2u);
  ladder.place(3, 0.1, std::nan(""));
  ladder.fail(4);
  EXPECT_GT(*ladder.score(2), *ladder.score(1));
  EXPECT_GT(*ladder.score(1), *ladder.score(3));
  EXPECT_GT(*ladder.score(3), *ladder.score(4));
  EXPECT_FALSE(ladder.score(5));
  EXPECT_NEAR(normal_quantile(0.975), 1.959964, 1e-6);
  EXPECT_NEAR(normal_quantile(0.001), -3.090232, 1e-6);
}

TEST(Prospects, TheLateAndTheGoodHaveTheBetterChance) {
  const std::vector<Prospects::Known> known{{0, 1.5, 0.3}, {1, 0.2, 0.3}, {2, 1.5, 0.04}};
  const Prospects prospects(known);
  EXPECT_GT(prospects.of(0, 1.5, 0.3).chance, prospects.of(1, 0.2, 0.3).chance);
  EXPECT_GT(prospects.of(0, 1.5, 0.3).chance, prospects.of(2, 1.5, 0.04).chance);
  EXPECT_GT(prospects.of_new().gain, 0);
  EXPECT_EQ(least_loss({{0, 10, 0.5}, {1, 100, 0.01}, {2, 4, 0.5}}, 2),
            (std::vector<TrialNumber>{1, 2}));
}

TEST(Perturb, StaysWithinHardBoundsAndMovesWholeNumbers) {
  auto space = Space::make(
      {{.name = "lr", .low = 0.01, .high = 0.1, .log = true, .hard_low = 0.001, .hard_high = 0.2},
       {.name = "depth",
        .kind = ParameterKind::integer,
        .low = 2,
        .high = 4,
        .step = 1,
        .hard_low = 1,
        .hard_high = 6}});
  ASSERT_TRUE(space) << space.error().message;
  Rng rng(5);
  Point point{0.05, 3};
  std::set<double> depths;
  for (int i = 0; i < 2000; ++i) {
    point = perturb(*space, point, {.factor = 1.2, .resample_ratio = 0}, rng);
    EXPECT_GE(point[0], 0.001);
    EXPECT_LE(point[0], 0.2);
    depths.insert(point[1]);
  }
  EXPECT_EQ(depths, (std::set<double>{1, 2, 3, 4, 5, 6}));
}

TEST(TuningShare, GivesWayAtOnceAndComesBackPastTheBand) {
  const ShareFacts idle{.gpus = 100, .tuning_want = 1000};
  EXPECT_EQ(tuning_share(idle), 97);
  auto facts = idle;
  facts.tuning_use = 97;
  facts.people_use = 1;
  EXPECT_EQ(tuning_share(facts), 96);  // the guard is restored
  facts.people_use = 0;
  facts.tuning_use = 96;
  EXPECT_EQ(tuning_share(facts), 96);  // one more is within the band
  facts.tuning_use = 95;
  EXPECT_EQ(tuning_share(facts), 97);
  facts.people_use = 60;
  facts.people_wait = 30;
  EXPECT_EQ(tuning_share(facts), 7);
  facts.people_wait = 300;
  EXPECT_EQ(tuning_share(facts), 0);
  facts.tuning_min = 2;
  EXPECT_EQ(tuning_share(facts), 2);
  facts.tuning_want = 1;
  EXPECT_EQ(tuning_share(facts), 1);
}

TEST(Auto, ChoosesBySpaceMeasuresAndReports) {
  StudySpec spec;
  spec.measures = {{"accuracy", true}};
  spec.sampler = "auto";
  const auto space = test::line_space();
  const auto with = choose_method(spec, space, {.at_once = 8, .reports_of_a_trial = 100});
  EXPECT_EQ(with.spec.sampler, "rungs");
  EXPECT_EQ(with.spec.stopping.method, Stopping::asha);
  EXPECT_EQ(with.spec.stopping.rungs, 3);
  EXPECT_FALSE(with.why.empty());
  EXPECT_EQ(choose_method(spec, space, {.reports_of_a_trial = 1}).spec.sampler, "hybrid");
  spec.measures.push_back({"size", false});
  EXPECT_EQ(choose_method(spec, space, {}).spec.sampler, "nsga2");
  spec.sampler = "tpe";
  EXPECT_EQ(choose_method(spec, space, {}).spec.sampler, "tpe");
}

}  // namespace
}  // namespace galley::hpo
