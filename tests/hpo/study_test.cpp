#include "hpo/study.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "hpo/rung_model.h"
#include "hpo/simulated_study.h"
#include "study_world.h"

namespace galley::hpo {
namespace {

using Kind = Event::Kind;
using Do = Action::Kind;

/// Plays a shell by hand: keeps the time and the events short.
struct Desk {
  Study study;
  double now = 0;

  std::vector<Action> tell(Event event) {
    event.at_s = now;
    return study.apply(event);
  }
  std::vector<Action> capacity(std::int64_t gpus) {
    return tell({.kind = Kind::capacity, .gpus = gpus});
  }
  std::vector<Action> start(const Action& action) {
    return tell({.kind = Kind::started, .trial = action.trial, .attempt = action.attempt});
  }
  std::vector<Action> report(TrialNumber trial, std::int32_t attempt, double resource,
                             double value) {
    return tell({.kind = Kind::reported,
                 .trial = trial,
                 .attempt = attempt,
                 .resource = resource,
                 .objectives = {value}});
  }
  std::vector<Action> save(TrialNumber trial, std::int32_t attempt, double resource) {
    return tell(
        {.kind = Kind::checkpointed,
         .trial = trial,
         .attempt = attempt,
         .resource = resource,
         .text = "t" + std::to_string(trial) + "@" + std::to_string(static_cast<int>(resource))});
  }
  std::vector<Action> tell_end(Kind kind, TrialNumber trial, std::int32_t attempt,
                               std::string text = {}) {
    return tell({.kind = kind, .trial = trial, .attempt = attempt, .text = std::move(text)});
  }
};

Desk open_desk(StudySpec spec) {
  auto study = Study::open(std::move(spec), test::line_space(), test::draws);
  EXPECT_TRUE(study) << study.error().message;
  return Desk{*std::move(study)};
}

StudySpec plain_spec() {
  StudySpec spec;
  spec.measures = {{"accuracy", true}};
  spec.sampler = "random";
  spec.max_resource = 27;
  return spec;
}

std::vector<Do> kinds(const std::vector<Action>& actions) {
  std::vector<Do> out;
  for (const auto& action : actions) {
    out.push_back(action.kind);
    EXPECT_FALSE(action.why.empty()) << to_string(action.kind);
  }
  return out;
}

TEST(Study, FillsItsGpusAndNoMore) {
  auto spec = plain_spec();
  spec.gpus.per_trial = 2;
  auto desk = open_desk(spec);
  EXPECT_EQ(kinds(desk.capacity(5)), (std::vector{Do::create, Do::create}));
  EXPECT_EQ(desk.study.pools().live, 2);
  EXPECT_TRUE(desk.capacity(5).empty());
}

TEST(Study, PreemptionIsNoFailureAndKeepsTheTrial) {
  auto desk = open_desk(plain_spec());
  const auto first = desk.capacity(1).at(0);
  desk.start(first);
  desk.now = 10;
  desk.save(0, 1, 2);
  desk.report(0, 1, 2, 0.5);
  desk.now = 14;
  const auto back = desk.tell_end(Kind::preempted, 0, 1);
  // The GPU is free in the study's eyes, so the same trial comes back at once.
  ASSERT_EQ(kinds(back), (std::vector{Do::revive}));
  EXPECT_EQ(back[0].trial, 0);
  EXPECT_EQ(back[0].attempt, 2);
  EXPECT_EQ(back[0].checkpoint, "t0@2");
  EXPECT_EQ(back[0].point, first.point);
  EXPECT_EQ(desk.study.trials().size(), 1u);
  EXPECT_DOUBLE_EQ(desk.study.trials()[0].lost_gpu_seconds, 4);
}

TEST(Study, AReportCountsOnceHoweverLateItComes) {
  auto desk = open_desk(plain_spec());
  desk.start(desk.capacity(1).at(0));
  desk.report(0, 1, 3, 0.5);
  desk.report(0, 1, 3, 0.9);  // doubled
  desk.report(0, 1, 2, 0.9);  // overtaken
  EXPECT_DOUBLE_EQ(desk.study.trials()[0].objectives[0], 0.5);
  desk.tell_end(Kind::preempted, 0, 1);
  desk.report(0, 1, 4, 0.6);  // of the attempt that is over, but further: it is true
  EXPECT_DOUBLE_EQ(desk.study.trials()[0].resource, 4);
  desk.report(0, 2, 4, 0.7);  // the same epoch, trained again
  EXPECT_DOUBLE_EQ(desk.study.trials()[0].objectives[0], 0.6);
  desk.report(7, 1, 4, 0.7);  // no such trial
  desk.report(0, 9, 5, 0.7);  // no such attempt
  EXPECT_DOUBLE_EQ(desk.study.trials()[0].resource, 4);
  desk.tell_end(Kind::failed, 0, 1, "of the attempt that is over");
  EXPECT_TRUE(desk.study.trials()[0].is_live());
}

TEST(Study, ATrialIsItsLastReportOrItsBest) {
  for (const bool best : {false, true}) {
    StudySpec spec = plain_spec();
    spec.best_report = best;
    spec.measures[0].maximise = true;
    auto desk = open_desk(spec);
    desk.start(desk.capacity(1).at(0));
    desk.report(0, 1, 1, 0.5);
    desk.report(0, 1, 2, 0.9);
    desk.report(0, 1, 3, 0.7);
    desk.tell_end(Kind::finished, 0, 1);
    const Trial& trial = desk.study.trials()[0];
    EXPECT_EQ(trial.objectives, std::vector<double>{best ? 0.9 : 0.7});
    EXPECT_EQ(trial.resource, 3);
  }
}

TEST(Study, ShrinkingTakesWhoLosesLeast) {
  auto desk = open_desk(plain_spec());
  for (const auto& action : desk.capacity(3)) desk.start(action);
  desk.now = 100;
  desk.report(0, 1, 2, 0.5);
  desk.report(1, 1, 2, 0.6);
  desk.report(2, 1, 2, 0.7);
  desk.save(1, 1, 2);
  desk.now = 110;
  const auto actions = desk.capacity(2);
  ASSERT_EQ(kinds(actions), (std::vector{Do::pause}));
  EXPECT_EQ(actions[0].trial, 1);  // 10 s since its checkpoint, the others 110 s
  EXPECT_NE(actions[0].why.find("10 s since its checkpoint"), std::string::npos) << actions[0].why;
  // It holds its GPU until it has left, and it comes back first.
  EXPECT_EQ(desk.study.pools().live, 3);
  EXPECT_TRUE(desk.tell_end(Kind::released, 1, 1).empty());
  EXPECT_EQ(desk.study.pools().stop, 1);
  const auto more = desk.capacity(3);
  ASSERT_EQ(kinds(more), (std::vector{Do::revive}));
  EXPECT_EQ(more[0].trial, 1);
}

TEST(Study, FailedAndInfeasibleTrialsMakeRoomAndAreNotTheBest) {
  auto spec = plain_spec();
  spec.termination.max_sessions = 3;
  auto desk = open_desk(spec);
  desk.start(desk.capacity(1).at(0));
  EXPECT_EQ(kinds(desk.tell_end(Kind::failed, 0, 1, "exit code 1")), (std::vector{Do::create}));
  EXPECT_EQ(kinds(desk.tell_end(Kind::infeasible, 1, 1)), (std::vector{Do::create}));
  desk.report(2, 1, 27, 0.25);
  const auto end = desk.tell_end(Kind::finished, 2, 1);
  ASSERT_EQ(kinds(end), (std::vector{Do::finish}));
  EXPECT_EQ(end[0].trial, 2);
  EXPECT_TRUE(desk.study.is_over());
  EXPECT_EQ(desk.study.trials()[0].state, TrialState::failed);
  EXPECT_EQ(desk.study.trials()[0].why, "exit code 1");
  EXPECT_TRUE(desk.capacity(8).empty());
}

TEST(Study, EndsWhenNothingEverReports) {
  auto desk = open_desk(plain_spec());
  desk.capacity(1);
  std::vector<Action> last;
  for (TrialNumber trial = 0; trial < 1000 && !desk.study.is_over(); ++trial)
    last = desk.tell_end(Kind::finished, trial, 1);
  ASSERT_TRUE(desk.study.is_over());
  EXPECT_EQ(last.back().trial, -1);
  EXPECT_NE(desk.study.why_over().find("accuracy"), std::string::npos);
}

TEST(Study, EndsByTargetByTimeAndByGpuHours) {
  auto spec = plain_spec();
  spec.termination = {.max_gpu_hours = 2, .max_hours = 10, .target = 0.9};
  auto desk = open_desk(spec);
  for (const auto& action : desk.capacity(2)) desk.start(action);
  auto early = open_desk(spec);
  for (const auto& action : early.capacity(2)) early.start(action);
  const auto reached = early.report(1, 1, 3, 0.95);
  EXPECT_EQ(kinds(reached), (std::vector{Do::pause, Do::pause, Do::finish}));
  desk.now = 3599;
  EXPECT_TRUE(desk.tell({.kind = Kind::tick}).empty());
  desk.now = 3600;
  EXPECT_EQ(kinds(desk.tell({.kind = Kind::tick})),
            (std::vector{Do::pause, Do::pause, Do::finish}));
  EXPECT_DOUBLE_EQ(desk.study.gpu_seconds(), 7200);
  spec.termination.max_gpu_hours.reset();
  auto slow = open_desk(spec);
  slow.capacity(0);
  slow.now = 36'000;
  EXPECT_EQ(kinds(slow.tell({.kind = Kind::tick})), (std::vector{Do::finish}));
}

TEST(Study, StopRatioBoundsTheStopPool) {
  for (const double ratio : {0.0, 0.5, 1.0}) {
    auto spec = plain_spec();
    spec.stopping = {.method = Stopping::asha, .promote = false};
    spec.stop_ratio = ratio;
    spec.termination.max_sessions = 60;
    test::LineWorld world(27);
    auto study = Study::open(spec, test::line_space(), test::draws);
    ASSERT_TRUE(study);
    SimulatedStudy simulated(*study, world, {});
    std::int64_t most_in_pool = 0;
    std::int64_t ever_judged = 0;
    simulated.on_apply([&](const Event&, const std::vector<Action>&) {
      most_in_pool = std::max(most_in_pool, study->pools().stop);
      ever_judged = std::max(ever_judged, study->pools().stop + study->pools().dead);
      if (ratio < 1) {
        EXPECT_LE(
            static_cast<double>(study->pools().stop),
            std::ceil(ratio * static_cast<double>(study->pools().stop + study->pools().dead)));
      }
    });
    simulated.tell({.kind = Kind::capacity, .gpus = 4});
    simulated.run_until(std::numeric_limits<double>::infinity());
    EXPECT_TRUE(study->is_over()) << ratio;
    EXPECT_GT(ever_judged, 10);
    EXPECT_EQ(study->pools().dead == 0, ratio == 1.0) << ratio;
    if (ratio == 0) {
      EXPECT_EQ(most_in_pool, 0);
    }
  }
}

TEST(Study, SeedsAreRacedBeforeAWinnerIsNamed) {
  auto spec = plain_spec();
  spec.seeds = 5;
  spec.termination.max_sessions = 12;
  test::LineWorld world(27, /*noise=*/0.2);
  auto study = Study::open(spec, test::line_space(), test::draws);
  ASSERT_TRUE(study);
  SimulatedStudy simulated(*study, world, {});
  simulated.tell({.kind = Kind::capacity, .gpus = 3});
  simulated.run_until(std::numeric_limits<double>::infinity());
  ASSERT_TRUE(study->is_over());
  std::set<TrialNumber> finalists;
  std::int64_t repeats = 0;
  for (const auto& trial : study->trials()) {
    if (trial.repeat_of < 0) continue;
    ++repeats;
    finalists.insert(trial.repeat_of);
    EXPECT_GE(trial.run_seed, 1);
    EXPECT_EQ(trial.point, study->trials()[static_cast<std::size_t>(trial.repeat_of)].point);
  }
  EXPECT_EQ(finalists.size(), 3u);
  EXPECT_GE(repeats, 3);
  EXPECT_LE(repeats, 12);
  ASSERT_TRUE(study->best());
  EXPECT_TRUE(finalists.contains(*study->best()));
}

TEST(Study, ABudgetCanBeAParameter) {
  auto spec = plain_spec();
  spec.budget_parameter = "x";
  EXPECT_FALSE(Study::open(spec, test::line_space(), test::draws));
  spec.budget_parameter = "epochs";
  spec.stopping.method = Stopping::asha;
  auto desk = open_desk(spec);
  const auto first = desk.capacity(1).at(0);
  EXPECT_DOUBLE_EQ(desk.study.trials()[0].budget, first.point[1]);
}

/// The studies that are replayed and preempted below: every method.
std::vector<StudySpec> every_method() {
  std::vector<StudySpec> specs;
  for (const auto method : {Stopping::none, Stopping::median, Stopping::successive_halving,
                            Stopping::hyperband, Stopping::asha}) {
    auto spec = plain_spec();
    spec.stopping.method = method;
    spec.termination.max_sessions = 40;
    spec.stop_ratio = 0.7;
    specs.push_back(spec);
  }
  specs.push_back(specs.back());
  specs.back().stopping.promote = false;
  specs.push_back(specs.back());
  specs.back().sampler = "rungs";
  for (const auto explore : {PopulationSpec::Explore::perturb, PopulationSpec::Explore::pb2}) {
    auto spec = plain_spec();
    spec.pbt = {.enabled = true, .explore = explore};
    spec.step = 3;
    spec.population = 8;
    specs.push_back(spec);
  }
  specs.back().pbt.exploit = PopulationSpec::Exploit::binary_tournament;
  for (auto& spec : specs) spec.seeds = 2;
  return specs;
}

std::string line_of(const Action& action) {
  std::string out = std::string(to_string(action.kind)) + " " + std::to_string(action.trial) + " " +
                    std::to_string(action.attempt) + " " + action.checkpoint + " " + action.why;
  for (const double value : action.point) out += " " + std::to_string(value);
  return out;
}

/// Each method under preemption, failures and changing capacity, with what must always hold.
TEST(StudyProperty, EveryMethodEndsAndHoldsItsInvariants) {
  for (const auto& spec : every_method()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      auto own = spec;
      own.seed = seed;
      auto study = Study::open(own, test::line_space(), test::draws);
      ASSERT_TRUE(study);
      test::LineWorld world(27, 0.05, /*failing=*/0.1);
      SimulatedStudy simulated(*study, world,
                               {.startup_s = 3, .leave_s = 2, .preempt_mean_s = 300, .seed = seed});
      std::set<TrialNumber> created;
      simulated.on_apply([&](const Event&, const std::vector<Action>& actions) {
        for (const auto& action : actions) {
          EXPECT_FALSE(action.why.empty());
          if (action.kind == Do::create) {
            EXPECT_TRUE(created.insert(action.trial).second);
          }
          if (action.kind == Do::revive || action.kind == Do::exploit) {
            EXPECT_TRUE(created.contains(action.trial));
          }
        }
      });
      simulated.tell({.kind = Kind::capacity, .gpus = 5});
      Rng rng(seed);
      while (!study->is_over() && simulated.now_s() < 1e7) {
        simulated.run_until(simulated.now_s() + 50);
        const auto gpus = static_cast<std::int64_t>(rng.below(8));
        simulated.tell({.kind = Kind::capacity, .gpus = gpus});
        simulated.run_until(simulated.now_s() + 2);  // time to leave
        EXPECT_LE(simulated.holding(), gpus);
      }
      const std::string name = "method " + std::to_string(static_cast<int>(spec.stopping.method)) +
                               " pbt " + std::to_string(spec.pbt.enabled) + " seed " +
                               std::to_string(seed);
      EXPECT_TRUE(study->is_over()) << name;
      ASSERT_TRUE(study->best()) << name;
      EXPECT_GT(simulated.use().preemptions, 0) << name;
      for (const auto& trial : study->trials()) {
        EXPECT_FALSE(trial.state == TrialState::waiting || trial.state == TrialState::running)
            << name;
        if (trial.state == TrialState::failed) {
          EXPECT_EQ(trial.why, "its loss is not a number");
        }
      }
    }
  }
}

TEST(StudyProperty, TheSameEventsGiveTheSameActionsFromAnyKillPoint) {
  int points = 0;
  for (const auto& spec : every_method()) {
    auto study = Study::open(spec, test::line_space(), test::draws);
    ASSERT_TRUE(study);
    test::LineWorld world(27, 0.05, 0.1);
    SimulatedStudy simulated(*study, world, {.startup_s = 3, .leave_s = 2, .preempt_mean_s = 400});
    std::vector<Event> events;
    std::vector<std::vector<std::string>> done;
    simulated.on_apply([&](const Event& event, const std::vector<Action>& actions) {
      events.push_back(event);
      done.emplace_back();
      for (const auto& action : actions) done.back().push_back(line_of(action));
    });
    simulated.tell({.kind = Kind::capacity, .gpus = 5});
    simulated.run_until(1e7);
    ASSERT_TRUE(study->is_over());
    const std::string journal = study->take_journal();
    Rng rng(99);
    for (int kill = 0; kill < 23; ++kill, ++points) {
      const auto at = static_cast<std::size_t>(rng.below(events.size()));
      auto again = Study::open(spec, test::line_space(), test::draws);
      ASSERT_TRUE(again);
      for (std::size_t i = 0; i < at; ++i) {
        // Some are told twice, as a shell does that died before it noted that it had told.
        again->apply(decode_event(encode_event(events[i])).value_or({}));
      }
      const std::string stored = again->take_journal();
      auto revived = Study::replay(stored, spec, test::line_space(), test::draws);
      ASSERT_TRUE(revived) << revived.error().message;
      for (std::size_t i = at; i < events.size(); ++i) {
        std::vector<std::string> lines;
        for (const auto& action : revived->apply(events[i])) lines.push_back(line_of(action));
        ASSERT_EQ(lines, done[i]) << "event " << i << " after a kill at " << at;
      }
      EXPECT_EQ(stored + revived->take_journal(), journal);
    }
  }
  EXPECT_GE(points, 200);
}

TEST(StudyJournal, EventsReadBackAndBrokenLinesAreRefused) {
  const Event event{.kind = Kind::reported,
                    .at_s = 1.0 / 3,
                    .trial = 12,
                    .attempt = 3,
                    .resource = 1e-7,
                    .objectives = {0.1, -2e300},
                    .text = "a b%\n=é",
                    .gpus = 4};
  const auto read = decode_event(encode_event(event));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, event);
  for (const char* line : {"", "tick", "tock 0 0 0 0 0 - -", "tick x 0 0 0 0 - -",
                           "tick 0 0 0 0 0 1,,2 -", "tick 0 0 0 0 0 - =%2", "tick 0 0 0 0 0 - =%zz",
                           "tick inf 0 0 0 0 - -", "tick 0 0 0 0 0 - - -"})
    EXPECT_FALSE(decode_event(line)) << line;
}

TEST(StudyJournal, ACutOrForeignJournalIsRefused) {
  auto desk = open_desk(plain_spec());
  desk.capacity(2);
  const std::string whole = desk.study.take_journal();
  EXPECT_EQ(desk.study.take_journal(), "") << "what was taken is the taker's";
  const auto replay = [&](const std::string& text) {
    return Study::replay(text, plain_spec(), test::line_space(), test::draws);
  };
  EXPECT_TRUE(replay(whole));
  EXPECT_TRUE(replay(""));
  EXPECT_FALSE(replay(whole.substr(0, whole.size() / 2)));
  EXPECT_FALSE(replay(whole.substr(0, whole.size() - 1)));
  EXPECT_FALSE(replay("something\n"));
  EXPECT_FALSE(replay("point 0.5\n"));                       // too few numbers
  EXPECT_FALSE(replay("point 0.5,20\n"));                    // nothing leads to it
  EXPECT_FALSE(replay(whole.substr(whole.find('\n') + 1)));  // a trial without its point
}

}  // namespace
}  // namespace galley::hpo
