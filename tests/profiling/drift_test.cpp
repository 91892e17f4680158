// The machine's own speed: what looks at it tell, and what times owe to it.
#include "drift.h"

#include <cmath>

#include "figures.h"
#include "profiling/capacity.h"
#include "profiling/merge.h"
#include "yardstick.h"

namespace galley::profiling {
namespace {

struct Look {
  const char* during;
  double beat_ms = 1, waited = 0;
};

Experiment machine(const std::vector<Look>& looks, int each = 10) {
  std::vector<Row> rows;
  Noise noise(0.005);
  for (const Look& look : looks)
    for (int i = 0; i < each; ++i)
      rows.push_back({{"during", std::string(look.during)},
                      {"at_s", double(rows.size())},
                      {"beat_ms", look.beat_ms * noise()},
                      {"waited_share", look.waited}});
  return table_of("machine", rows);
}

TEST(Drift, AFreeMachineLeavesIntervalsAsTheyAre) {
  const Profile profile = profile_with({machine({{"narrow"}, {"one-shot"}})});
  const Interval wide = widened_time({10, 9.9, 10.1}, drift_of(profile, "narrow"));
  EXPECT_EQ(wide.value, 10);
  EXPECT_NEAR(wide.low, 9.9, 0.2);
  EXPECT_NEAR(wide.high, 10.1, 0.2);
}

TEST(Drift, WaitingReachesDownToAFreeMachinesTime) {
  // A third of the time others had the processors: two thirds remain of every time.
  const Profile profile = profile_with({machine({{"narrow", 1, 1.0 / 3}})});
  const Drift drift = drift_of(profile, "narrow");
  const Interval time = widened_time({15, 14.9, 15.1}, drift);
  EXPECT_LE(time.low, 10.1);
  EXPECT_GE(time.low, 9.5);
  EXPECT_NEAR(time.high, 15.1, 0.3);
  const Interval speed = widened_speed({100, 99, 101}, drift);
  EXPECT_GE(speed.high, 149);
  EXPECT_NEAR(speed.low, 99, 2);
}

TEST(Drift, ASlowerClockCountsForTheExperimentItMet) {
  const Profile profile = profile_with({machine({{"narrow", 1}, {"one-shot", 1.5}})});
  const Drift narrow = drift_of(profile, "narrow"), one_shot = drift_of(profile, "one-shot");
  EXPECT_NEAR(narrow.faster, 1, 0.02);
  EXPECT_NEAR(narrow.slower, 1.5, 0.05);
  EXPECT_NEAR(one_shot.faster, 1 / 1.5, 0.05);
  EXPECT_NEAR(one_shot.slower, 1, 0.02);
  EXPECT_NEAR(*largest_slowdown(profile), 0.5, 0.05);
}

TEST(Drift, NobodyLookedNothingIsClaimed) {
  const Profile profile = profile_with({});
  const Drift drift = drift_of(profile, "narrow");
  EXPECT_EQ(drift.faster, 1);
  EXPECT_EQ(drift.slower, 1);
  EXPECT_EQ(drift.level_ms, 0);
  EXPECT_FALSE(largest_slowdown(profile));
  EXPECT_EQ(widened_ratio({2, 1.9, 2.1}, drift, drift).low, 1.9);
}

/// A study on a machine that takes `factor` times as long, which `waited` of the time explains.
Profile slowed(double factor, double beat_ms, double waited, unsigned seed) {
  Noise noise(0.02, seed);
  std::vector<Row> narrow, users;
  for (int i = 0; i < 60; ++i) {
    const double latency = 20 * factor * noise();
    narrow.push_back({{"request", double(i)},
                      {"prompt_tokens", 380.0},
                      {"output_tokens", 16.0},
                      {"first_token_ms", latency / 4},
                      {"latency_ms", latency}});
  }
  for (int repetition = 0; repetition < 4; ++repetition)
    users.push_back({{"users", 4.0},
                     {"repetition", double(repetition)},
                     {"requests", 40.0},
                     {"tokens_per_s", 400 / factor * noise()},
                     {"p50_latency_ms", 80 * factor * noise()},
                     {"p99_latency_ms", 100 * factor * noise()}});
  Profile profile =
      profile_with({table_of("narrow", narrow), table_of("capacity", users),
                    machine({{"narrow", beat_ms, waited}, {"capacity", beat_ms, waited}})});
  profile.started_at = std::to_string(seed);
  return profile;
}

void expect_agreement(const Profile& first, const Profile& second, bool agrees) {
  const auto comparison = compare({first, second});
  ASSERT_TRUE(comparison);
  ASSERT_FALSE(comparison->rows.empty());
  for (const ComparedRow& row : comparison->rows)
    EXPECT_EQ(row.studies[1].better == Verdict::cannot_tell, agrees)
        << row.measure << ": " << row.sentence;
}

TEST(Drift, TwoRunsAgreeOverADriftThatTheirOwnScatterDoesNotShow) {
  const Profile calm = slowed(1, 1, 0, 1), busy = slowed(1.5, 1, 1 - 1 / 1.5, 2),
                throttled = slowed(1.5, 1.5, 0, 3);
  expect_agreement(calm, busy, true);
  expect_agreement(busy, calm, true);
  expect_agreement(calm, throttled, true);
  expect_agreement(throttled, busy, true);
  // Without the looks the same figures do not agree.
  Profile blind = busy;
  std::erase_if(blind.experiments, [](const Experiment& one) { return one.id == "machine"; });
  expect_agreement(calm, blind, false);
}

TEST(Drift, WhatTheMachineDoesNotExplainIsADifference) {
  const Profile calm = slowed(1, 1, 0, 1);
  expect_agreement(calm, slowed(1.5, 1, 0, 2), false);
  expect_agreement(calm, slowed(3, 1, 0.3, 2), false);
  // Another machine's beats say nothing of this one's.
  Profile elsewhere = slowed(1.5, 1.5, 0, 2);
  elsewhere.machine.name = "other";
  expect_agreement(calm, elsewhere, false);
}

TEST(Drift, UsersAreCountedByWhatWasMeasuredOnABusyMachineToo) {
  const auto rows = capacity_table(slowed(1.5, 1, 1 - 1 / 1.5, 2), {.p99_limits_ms = {200, 120}});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].users, 4U);
  EXPECT_LE(rows[0].p99_ms.low, 100);
  EXPECT_EQ(rows[1].users, 0U);
}

TEST(Drift, SamplingIsNotBlamedForTheMachine) {
  const auto tokens = [](const char* id, double token_ms) {
    std::vector<Row> rows;
    Noise noise(0.02);
    for (int i = 0; i < 60; ++i)
      rows.push_back({{"request", double(i)},
                      {"prompt_tokens", 500.0 + i},
                      {"output_tokens", 11.0},
                      {"first_token_ms", 5.0},
                      {"latency_ms", 5 + 10 * token_ms * noise()}});
    return table_of(id, rows);
  };
  const auto with = [&](double sampled_ms, double beat_ms) {
    return profile_with({tokens("wide-greedy", 2), tokens("wide-sampled", sampled_ms),
                         machine({{"wide-greedy", 1}, {"wide-sampled", beat_ms}})});
  };
  expect_verdict(with(3, 1), "wide-sampled.sampling-costs", Verdict::yes);
  expect_verdict(with(3, 1.5), "wide-sampled.sampling-costs", Verdict::cannot_tell);
}

TEST(Answers, RatiosOfABusyMachineAreLessSure) {
  const auto threads = [] {
    std::vector<Row> rows;
    Noise noise(0.01);
    for (int repetition = 0; repetition < 4; ++repetition)
      for (const char* setting : {"1", "2"})
        rows.push_back({{"setting", std::string(setting)},
                        {"repetition", double(repetition)},
                        {"latency_ms", (*setting == '1' ? 13.0 : 10.0) * noise()}});
    return table_of("threads", rows);
  };
  const Profile calm = profile_with({threads(), machine({{"threads"}})});
  const Profile busy = profile_with({threads(), machine({{"threads", 1, 0.4}})});
  expect_verdict(calm, "threads.pay", Verdict::yes);
  expect_verdict(busy, "threads.pay", Verdict::cannot_tell);
  EXPECT_LT(answer_of(calm, "threads.pay").figure.high / answer_of(calm, "threads.pay").figure.low,
            1.1);
  EXPECT_NEAR(answer_of(busy, "threads.pay").figure.low,
              answer_of(calm, "threads.pay").figure.low * std::sqrt(0.6), 0.01);
}

TEST(Answers, TimesOfAMachineThatOthersHadSayNothing) {
  const auto rows = [] {
    std::vector<Row> requests;
    Noise noise(0.02);
    for (int i = 0; i < 60; ++i)
      requests.push_back({{"request", double(i)},
                          {"prompt_tokens", 380.0},
                          {"output_tokens", 16.0},
                          {"first_token_ms", 15 * noise()},
                          {"latency_ms", 20.0},
                          {"kv_bytes", 36'864.0 * 400}});
    return table_of("narrow", requests);
  };
  expect_verdict(profile_with({rows(), machine({{"narrow", 1, 0.2}})}), "narrow.first-token",
                 Verdict::yes);
  const Profile busy = profile_with({rows(), machine({{"narrow", 1, 0.7}})});
  expect_verdict(busy, "narrow.first-token", Verdict::cannot_tell);
  EXPECT_FALSE(answer_of(busy, "narrow.first-token").has_figure);
  expect_verdict(busy, "narrow.weights-share", Verdict::yes);  // counted, not timed
}

TEST(Answers, TheStudyHadTheMachineForItself) {
  expect_verdict(machine({{"narrow"}}), "machine.steady", Verdict::yes);
  expect_verdict(machine({{"narrow", 1, 0.4}}), "machine.steady", Verdict::no);
  expect_verdict(machine({{"narrow", 1, 0}, {"one-shot", 1.3, 0}}, 5), "machine.steady",
                 Verdict::cannot_tell);
  expect_verdict(machine({{"narrow"}}, 3), "machine.steady", Verdict::cannot_tell);
}

TEST(Yardstick, WhatWaitingCostLiesBetweenTwoShares) {
  EXPECT_EQ(waited_shares({}, 1).longest, 0);
  EXPECT_NEAR(waited_shares({0.2, 0, 0}, 1).any, 0.2, 1e-9);
  EXPECT_NEAR(waited_shares({0.25, 0.5}, 1).longest, 0.5, 1e-9);
  EXPECT_NEAR(waited_shares({0.25, 0.5}, 1).any, 0.625, 1e-9);
  EXPECT_LT(waited_shares({9, 9}, 1).any, 1);
}

TEST(Yardstick, LooksAtEachExperimentAndNowAndThenInBetween) {
  ManualClock clock;
  int beats = 0;
  Yardstick yardstick(clock, 100, false, [&]() -> std::optional<double> { return ++beats; });
  yardstick.mark("narrow");
  EXPECT_EQ(beats, 0);  // before the first there is nothing to stand beside
  yardstick.look();
  EXPECT_EQ(beats, 0);
  clock.advance(Millis{600});
  yardstick.look();
  yardstick.look();
  EXPECT_EQ(beats, 1);
  yardstick.mark("length");
  clock.advance(Millis{600});
  yardstick.mark({});
  const Experiment table = yardstick.take();
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(std::get<std::string>(table.rows[1][0]), "narrow");
  EXPECT_EQ(std::get<std::string>(table.rows[2][0]), "length");
  EXPECT_DOUBLE_EQ(std::get<double>(table.rows[2][1]), 1.2);
  EXPECT_EQ(table.rows[2][3], Cell{});
}

TEST(Yardstick, AFailedLookIsTheLast) {
  ManualClock clock;
  int beats = 0;
  Yardstick yardstick(clock, 1, false, [&]() -> std::optional<double> {
    ++beats;
    return std::nullopt;
  });
  yardstick.mark("narrow");
  for (int i = 0; i < 3; ++i) {
    clock.advance(Millis{1000});
    yardstick.look();
  }
  EXPECT_EQ(beats, 1);
  const Experiment table = yardstick.take();
  EXPECT_TRUE(table.rows.empty());
  EXPECT_EQ(table.notes.size(), 1U);
}

TEST(Yardstick, TellsWhatThisMachineDoes) {
  EXPECT_GT(beat_ms(), 0);
  ThreadWaits waits;
  for (const double seconds : waits.since_last()) EXPECT_GE(seconds, 0);
  for (const double seconds : waits.since_last()) EXPECT_LT(seconds, 60);
}

}  // namespace
}  // namespace galley::profiling
