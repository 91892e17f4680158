// One contract for every sampler, on spaces of every kind.
#include "hpo/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "hpo/auto_method.h"
#include "hpo/study.h"

namespace {

using namespace galley::hpo;

Parameter real(const char* name, double low, double high, bool log = false) {
  return {.name = name, .low = low, .high = high, .log = log, .choices = {}};
}
Parameter whole(const char* name, double low, double high) {
  return {.name = name, .kind = ParameterKind::integer, .low = low, .high = high, .choices = {}};
}
Parameter choice(const char* name, std::int64_t count, ParameterKind kind) {
  Parameter p{.name = name, .kind = kind, .choices = {}};
  for (std::int64_t i = 0; i < count; ++i) p.choices.emplace_back(i);
  return p;
}

Space plain_space() { return *Space::make({real("x", -5, 5), real("y", 1e-4, 1, true)}); }
Space mixed_space() {
  return *Space::make({real("lr", 1e-4, 1, true), whole("depth", 1, 8),
                       choice("opt", 3, ParameterKind::categorical), real("momentum", 0, 1),
                       choice("width", 6, ParameterKind::ordered)},
                      {{3, {.parameter = 2, .values = {1}}}},
                      {{Rule::Kind::forbidden,
                        {{.parameter = 1, .values = {8}}, {.parameter = 4, .values = {5}}}}});
}
Space grid_space() {
  return *Space::make({choice("a", 5, ParameterKind::ordered), whole("b", 0, 3),
                       choice("c", 3, ParameterKind::categorical)});
}
Space category_space() {
  return *Space::make(
      {choice("a", 4, ParameterKind::categorical), choice("b", 4, ParameterKind::categorical)});
}
Space single_space() { return *Space::make({real("x", 2, 2), whole("n", 3, 3)}); }

using MakeSpace = Space (*)();
struct ContractCase {
  const char* sampler;
  MakeSpace space;
  const char* space_name;
};

/// 0 at one place of the space, and larger away from it.
double distance(const Space& space, const Point& point) {
  double sum = 0;
  for (std::size_t i = 0; i < point.size(); ++i) {
    if (std::isnan(point[i])) continue;
    const bool is_category = space.parameter(i).kind == ParameterKind::categorical;
    sum += is_category ? (point[i] == 1 ? 0 : 0.5) : std::pow(space.to_unit(i, point[i]) - 0.7, 2);
  }
  return sum;
}

class SamplerContract : public testing::TestWithParam<ContractCase> {
 protected:
  std::unique_ptr<Sampler> make(std::uint64_t seed = 1) {
    auto made = make_sampler(GetParam().sampler, space_, {.seed = seed});
    EXPECT_TRUE(made) << describe(made.error());
    return std::move(*made);
  }
  Point ask_valid(Sampler& sampler, TrialNumber trial) {
    const Point point = sampler.ask(trial);
    EXPECT_TRUE(space_.contains(point)) << "trial " << trial;
    return point;
  }
  void tell(Sampler& sampler, TrialNumber trial, const Point& point, std::vector<double> values) {
    sampler.observe({.trial = trial, .point = point, .objectives = std::move(values)});
  }

  Space space_ = GetParam().space();
};

TEST_P(SamplerContract, ProposesPointsOfTheSpaceAndTheSameAgain) {
  auto one = make();
  auto two = make();
  for (TrialNumber trial = 0; trial < 60; ++trial) {
    const Point point = ask_valid(*one, trial);
    ASSERT_TRUE(Space::equal(point, two->ask(trial))) << trial;
    tell(*one, trial, point, {distance(space_, point)});
    tell(*two, trial, point, {distance(space_, point)});
  }
}

TEST_P(SamplerContract, GoesOnAfterAReplayAsIfNothingHadHappened) {
  auto lived = make();
  auto replayed = make();
  std::vector<Point> running;
  for (TrialNumber trial = 0; trial < 50; ++trial) {
    running.push_back(ask_valid(*lived, trial));
    replayed->adopt(trial, running.back());
    if (trial % 7 == 3) {
      lived->forget(trial);
      replayed->forget(trial);
    } else if (trial >= 2) {
      // Results come late, so that there are always running trials.
      const auto& point = running[static_cast<std::size_t>(trial) - 2];
      tell(*lived, trial - 2, point, {distance(space_, point)});
      tell(*replayed, trial - 2, point, {distance(space_, point)});
    }
  }
  for (TrialNumber trial = 50; trial < 56; ++trial)
    ASSERT_TRUE(Space::equal(lived->ask(trial), replayed->ask(trial))) << trial;
}

TEST_P(SamplerContract, SurvivesFailuresAndValuesThatAreNoNumbers) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  auto sampler = make();
  const std::vector<std::vector<double>> results{{},      {std::nan("")}, {kInf},
                                                 {-kInf}, {1e300},        {0.5}};
  for (TrialNumber trial = 0; trial < 60; ++trial)
    tell(*sampler, trial, ask_valid(*sampler, trial),
         results[static_cast<std::size_t>(trial) % results.size()]);
}

TEST_P(SamplerContract, SurvivesAStudyInWhichAllFail) {
  auto sampler = make();
  for (TrialNumber trial = 0; trial < 40; ++trial)
    tell(*sampler, trial, ask_valid(*sampler, trial), {});
}

TEST_P(SamplerContract, SurvivesTies) {
  auto sampler = make();
  for (TrialNumber trial = 0; trial < 40; ++trial)
    tell(*sampler, trial, ask_valid(*sampler, trial), {trial % 10 == 0 ? 0.0 : 1.0});
}

TEST_P(SamplerContract, TakesForeignPointsAndResultsOfRungs) {
  auto sampler = make();
  Rng rng(9);
  for (TrialNumber trial = 1000; trial < 1020; ++trial) {
    const Point point = space_.draw(rng);
    for (const double resource : {1.0, 3.0, 9.0}) {
      if (resource > 1 && trial % 3 != 0) break;
      sampler->observe({.trial = trial,
                        .point = point,
                        .resource = resource,
                        .objectives = {distance(space_, point) / resource}});
    }
  }
  // An old rung after a new one, a failure after results, and a trial that nobody knows.
  sampler->observe({.trial = 1002, .point = space_.draw(rng), .resource = 1, .objectives = {0}});
  sampler->observe({.trial = 1005, .point = space_.draw(rng), .resource = 9, .objectives = {}});
  sampler->forget(77);
  for (TrialNumber trial = 0; trial < 30; ++trial) {
    const Point point = ask_valid(*sampler, trial);
    sampler->observe(
        {.trial = trial, .point = point, .resource = 1, .objectives = {distance(space_, point)}});
  }
}

std::vector<ContractCase> contract_cases() {
  std::vector<ContractCase> cases;
  for (const std::string& name : sampler_names())
    for (const auto& [space, title] :
         std::initializer_list<std::pair<MakeSpace, const char*>>{{plain_space, "plain"},
                                                                  {mixed_space, "mixed"},
                                                                  {grid_space, "grid"},
                                                                  {category_space, "categories"},
                                                                  {single_space, "single"}})
      if (make_sampler(name, space(), {})) cases.push_back({name.c_str(), space, title});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, SamplerContract, testing::ValuesIn(contract_cases()),
                         [](const auto& instance) {
                           return std::string(instance.param.sampler) + "_" +
                                  instance.param.space_name;
                         });

/// Mean over seeds of the least distance found in 60 trials.
double least_of(const char* name, const Space& space) {
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    auto sampler = *make_sampler(name, space, {.seed = seed});
    double least = std::numeric_limits<double>::infinity();
    for (TrialNumber trial = 0; trial < 60; ++trial) {
      const Point point = sampler->ask(trial);
      least = std::min(least, distance(space, point));
      sampler->observe({.trial = trial, .point = point, .objectives = {distance(space, point)}});
    }
    sum += least;
  }
  return sum / 8;
}

TEST(Samplers, WithAModelFindMoreThanRandomSearch) {
  for (const Space& space : {plain_space(), mixed_space()}) {
    const double random = least_of("random", space);
    for (const char* name : {"tpe", "cmaes", "hybrid"})
      EXPECT_LT(least_of(name, space), 0.8 * random) << name;
  }
}

TEST(Samplers, GridTakesEveryPointOnceAndThoseOfForgottenTrialsAgain) {
  const Space space = mixed_space();
  EXPECT_FALSE(make_sampler("grid", space, {}));  // a continuum
  const Space grid = grid_space();
  auto sampler = *make_sampler("grid", grid, {.seed = 3});
  std::vector<Point> seen;
  for (TrialNumber trial = 0; trial < 60; ++trial) seen.push_back(sampler->ask(trial));
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  const Point first = sampler->ask(60);
  sampler->forget(60);
  EXPECT_EQ(sampler->ask(61), first);
}

TEST(Samplers, RunningTrialsAreNotProposedTwice) {
  const Space space = plain_space();
  for (const char* name : {"tpe", "gp", "hybrid", "sobol"}) {
    auto sampler = *make_sampler(name, space, {.seed = 4});
    TrialNumber trial = 0;
    for (; trial < 20; ++trial) {
      const Point point = sampler->ask(trial);
      sampler->observe({.trial = trial, .point = point, .objectives = {distance(space, point)}});
    }
    std::vector<Point> batch;
    for (; trial < 36; ++trial) batch.push_back(sampler->ask(trial));
    std::ranges::sort(batch);
    EXPECT_EQ(std::ranges::adjacent_find(batch), batch.end()) << name;
  }
}

TEST(Samplers, Nsga2SpreadsOverTheFront) {
  const Space space = *Space::make({real("x", 0, 1), real("y", 0, 1)});
  auto sampler = *make_sampler("nsga2", space, {.seed = 2, .objectives = 2});
  double error = 0;
  double lowest = 1;
  double highest = 0;
  for (TrialNumber trial = 0; trial < 400; ++trial) {
    const Point p = sampler->ask(trial);
    // The front is y = 0: any x is a compromise.
    sampler->observe({.trial = trial, .point = p, .objectives = {p[0] + p[1], 1 - p[0] + p[1]}});
    if (trial < 300) continue;
    error += p[1] / 100;
    lowest = std::min(lowest, p[0]);
    highest = std::max(highest, p[0]);
  }
  EXPECT_LT(error, 0.1);
  EXPECT_LT(lowest, 0.1);
  EXPECT_GT(highest, 0.9);
}

TEST(Samplers, ARandomShareIsKept) {
  // All that a model could learn leads to one corner; every tenth proposal ignores it.
  const Space space = *Space::make({real("x", 0, 1)});
  auto sampler = *make_sampler("tpe", space, {.seed = 6, .random_ratio = 0.25});
  int far = 0;
  for (TrialNumber trial = 0; trial < 400; ++trial) {
    const Point point = sampler->ask(trial);
    sampler->observe({.trial = trial, .point = point, .objectives = {point[0]}});
    if (trial >= 200 && point[0] > 0.5) ++far;
  }
  EXPECT_GE(far, 12);
}

TEST(Samplers, RefusalsNameWhatIsWrong) {
  const Space space = plain_space();
  EXPECT_EQ(make_sampler("tpee", space, {}).error().hint, "did you mean 'tpe'?");
  EXPECT_EQ(make_sampler("gp", space, {.objectives = 2}).error().code, galley::Errc::unsupported);
  EXPECT_EQ(make_sampler("tpe", space, {.random_ratio = 0}).error().field, "random_ratio");
  EXPECT_EQ(make_sampler("cmaes", category_space(), {}).error().code, galley::Errc::unsupported);
  EXPECT_EQ(make_sampler("grid", space, {}).error().code, galley::Errc::unsupported);
}

TEST(ChooseMethod, APopulationNeedsBoundsCheckpointsReportsAndGpus) {
  Parameter rate = real("lr", 1e-3, 1, true);
  StudySpec spec;
  spec.sampler = "auto";
  spec.max_resource = 27;
  const AutoFacts facts{.at_once = 64, .reports_of_a_trial = 27};
  EXPECT_FALSE(choose_method(spec, *Space::make({rate}), facts).spec.pbt.enabled);
  rate.hard_high = 2;
  const Space bounded = *Space::make({rate});

  const StudySpec chosen = choose_method(spec, bounded, facts).spec;
  EXPECT_TRUE(chosen.pbt.enabled);
  EXPECT_EQ(chosen.population, 64);
  EXPECT_EQ(chosen.step, 1);
  const StudySpec few = choose_method(spec, bounded, {.at_once = 4, .reports_of_a_trial = 27}).spec;
  EXPECT_FALSE(few.pbt.enabled);
  EXPECT_EQ(few.sampler, "hybrid");
  EXPECT_EQ(few.stopping.method, Stopping::none);
  auto none = facts;
  none.writes_checkpoints = false;
  EXPECT_FALSE(choose_method(spec, bounded, none).spec.pbt.enabled);
  none = facts;
  none.reports_of_a_trial = 2;
  EXPECT_EQ(choose_method(spec, bounded, none).spec.sampler, "hybrid");
}

TEST(Samplers, OfABatchTheProposalsSpread) {
  // A model without a place for running trials would send all of them to its best guess.
  const Space space = *Space::make({real("x", 0, 1), real("y", 0, 1)});
  for (const char* name : {"tpe", "gp", "hybrid"}) {
    auto sampler = *make_sampler(name, space, {.seed = 5});
    TrialNumber trial = 0;
    for (; trial < 30; ++trial) {
      const Point point = sampler->ask(trial);
      sampler->observe({.trial = trial, .point = point, .objectives = {distance(space, point)}});
    }
    double nearest = 1;
    std::vector<Point> batch;
    for (; trial < 38; ++trial) {
      batch.push_back(sampler->ask(trial));
      for (std::size_t i = 0; i + 1 < batch.size(); ++i)
        nearest = std::min(
            nearest, std::hypot(batch[i][0] - batch.back()[0], batch[i][1] - batch.back()[1]));
    }
    EXPECT_GT(nearest, 1e-4) << name;
  }
}

TEST(Grid, AStudyEndsWithItsLastPoint) {
  const auto space =
      Space::make({{.name = "a", .kind = ParameterKind::integer, .low = 0, .high = 2, .step = 1},
                   {.name = "b", .kind = ParameterKind::integer, .low = 0, .high = 1, .step = 1}});
  ASSERT_TRUE(space) << space.error().message;
  StudySpec spec;
  spec.measures = {{"accuracy", true}};
  spec.max_resource = 27;
  spec.sampler = "grid";
  spec.stopping.method = Stopping::none;
  spec.termination = {};
  const auto sampler = [](const StudySpec& one, const Space& of) {
    return make_sampler(one.sampler, of, {.seed = one.seed});
  };
  auto study = Study::open(spec, *space, sampler);
  ASSERT_TRUE(study) << study.error().message;
  study->apply({.kind = Event::Kind::capacity, .gpus = 4});
  std::set<Point> seen;
  for (std::size_t i = 0; i < study->trials().size(); ++i) {
    const auto number = static_cast<TrialNumber>(i);
    seen.insert(study->trials()[i].point);
    study->apply({.kind = Event::Kind::started, .trial = number, .attempt = 1});
    study->apply({.kind = Event::Kind::reported,
                  .trial = number,
                  .attempt = 1,
                  .resource = 1,
                  .objectives = {0.5}});
    study->apply({.kind = Event::Kind::finished, .trial = number, .attempt = 1});
    ASSERT_LE(study->trials().size(), 6U);
  }
  EXPECT_EQ(seen.size(), 6U);
  EXPECT_TRUE(study->is_over()) << study->why_over();
}

}  // namespace
