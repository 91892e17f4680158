#include "live_run.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace galley::estimates {
namespace {

using protocol::EtaBasis;
using protocol::EtaStationary;
using protocol::EtaTotal;
using protocol::EtaUnit;
using protocol::TargetOutlook;
using tracking::MetricPoint;

constexpr std::int64_t kStart = 1'790'000'000'000;
WallTime at(double seconds) { return from_ms(kStart + static_cast<std::int64_t>(seconds * 1e3)); }

MetricPoint point(std::string key, std::int64_t step, double value, double at_s) {
  return {std::move(key), step, value, kStart + static_cast<std::int64_t>(at_s * 1e3)};
}

LiveRun run_with(LivePrior prior = {}, std::optional<protocol::MetricGoal> goal = {}) {
  return LiveRun(at(0), std::move(prior), std::move(goal));
}

/// Steps of two seconds.
void step_to(LiveRun& run, int from, int to, std::string_view prefix = "") {
  for (int i = from; i <= to; ++i)
    run.add(std::vector{point(std::string(prefix) + "loss", i, 1.0 / i, 2.0 * i)});
}

TEST(LiveRun, SaysWhenTheLastStepIsDone) {
  LiveRun run = run_with();
  run.add(std::vector{point("total_steps", 0, 1'000, 0)});
  step_to(run, 1, 250);
  const auto eta = run.eta(at(500), nullptr, std::nullopt);
  ASSERT_TRUE(eta.remaining_s);
  EXPECT_NEAR(eta.remaining_s->p50, 1'500, 30);
  EXPECT_LT(eta.remaining_s->p10, eta.remaining_s->p90);
  EXPECT_EQ(eta.total_steps, 1'000);
  EXPECT_EQ(eta.step, 250);
  EXPECT_DOUBLE_EQ(*eta.progress_ratio, 0.25);
  EXPECT_EQ(eta.from, EtaBasis::progress);
  EXPECT_EQ(eta.total_from, EtaTotal::given);
  EXPECT_EQ(to_ms(*eta.finish_at) / 1'000, to_ms(at(500 + eta.remaining_s->p50)) / 1'000);
  EXPECT_FALSE(eta.cost_remaining_usd) << "nobody has said what it costs";
}

TEST(LiveRun, WithoutAnEndItSaysHowFarItIs) {
  LiveRun run = run_with();
  step_to(run, 1, 60);
  const auto eta = run.eta(at(120), nullptr, std::nullopt);
  EXPECT_FALSE(eta.remaining_s);
  EXPECT_FALSE(eta.progress_ratio);
  EXPECT_EQ(eta.step, 60);
  EXPECT_EQ(eta.stationary, EtaStationary::too_short_to_tell) << "59 steps are too few";
}

TEST(LiveRun, PredictsTheEndFromEarlierRunsAndSaysSo) {
  LiveRun run = run_with();
  step_to(run, 1, 60);
  const auto eta = run.eta(at(120), nullptr, 100.0);
  ASSERT_TRUE(eta.remaining_s);
  EXPECT_NEAR(eta.remaining_s->p50, 80, 5);
  EXPECT_EQ(eta.total_from, EtaTotal::predicted);
}

TEST(LiveRun, CountsEpochsWhereThatIsAllThatIsTold) {
  LiveRun run = run_with();
  for (int epoch = 0; epoch < 4; ++epoch)
    run.add(std::vector{point("epoch", epoch, epoch, 60.0 * (epoch + 1)),
                        point("total_epochs", epoch, 10, 60.0 * (epoch + 1))});
  const auto eta = run.eta(at(240), nullptr, std::nullopt);
  EXPECT_EQ(eta.unit, EtaUnit::epoch);
  EXPECT_EQ(eta.step, 4);
  ASSERT_TRUE(eta.remaining_s);
  EXPECT_NEAR(eta.remaining_s->p50, 360, 20);
}

TEST(LiveRun, WhatTheProgramSaysGoesBeforeWhatWasFoundInItsOutput) {
  LiveRun run = run_with();
  run.add(std::vector{point("log/total_steps", 0, 50, 0)});
  step_to(run, 1, 20, "log/");
  EXPECT_EQ(run.eta(at(40), nullptr, std::nullopt).total_steps, 50);
  run.add(std::vector{point("total_steps", 0, 1'000, 41), point("loss", 21, 1, 42)});
  EXPECT_EQ(run.eta(at(43), nullptr, std::nullopt).total_steps, 1'000);
}

TEST(LiveRun, ManyPointsOfOneTimeAreOneStretch) {
  LiveRun run = run_with();
  run.add(std::vector{point("total_steps", 0, 1'000, 0)});
  // Ten steps a second, told in one go each second.
  for (int second = 1; second <= 40; ++second)
    for (int i = 0; i < 10; ++i)
      run.add(std::vector{point("loss", 10 * (second - 1) + i + 1, 1, second)});
  const auto eta = run.eta(at(40.5), nullptr, std::nullopt);
  ASSERT_TRUE(eta.step_s && eta.remaining_s);
  EXPECT_NEAR(*eta.step_s, 0.1, 0.005);
  EXPECT_NEAR(eta.remaining_s->p50, 60, 3);
}

TEST(LiveRun, BeforeTheFirstStepThePriorSpeaks) {
  LiveRun run = run_with({.total_s = estimator::Spread{80, 100, 120}, .usd_per_hour = 36});
  const auto eta = run.eta(at(10), nullptr, std::nullopt);
  EXPECT_EQ(eta.from, EtaBasis::before);
  ASSERT_TRUE(eta.remaining_s && eta.cost_remaining_usd);
  EXPECT_NEAR(eta.remaining_s->p50, 90, 1e-6);
  EXPECT_NEAR(eta.cost_remaining_usd->p50, 0.9, 1e-6);
  EXPECT_FALSE(eta.step);
}

TEST(LiveRun, SaysWhenAMetricReachesItsTarget) {
  LiveRun run = run_with({}, protocol::MetricGoal{"loss", 0.1, true});
  run.add(std::vector{point("total_steps", 0, 10'000, 0)});
  for (int i = 1; i <= 400; ++i)
    run.add(std::vector{point("loss", i, 2.0 * std::pow(i, -0.4), 2.0 * i)});
  const auto eta = run.eta(at(800), nullptr, std::nullopt);
  ASSERT_TRUE(eta.to_target);
  EXPECT_EQ(eta.to_target->metric, "loss");
  // 2 i^-0.4 = 0.1 at i = 1789.
  ASSERT_EQ(eta.to_target->outlook, TargetOutlook::expected);
  EXPECT_NEAR(eta.to_target->remaining_s->p50, 2 * (1'789 - 400), 900);
}

TEST(LiveRun, WrongNumbersChangeNothing) {
  LiveRun run = run_with();
  run.add(std::vector{point("total_steps", 0, 100, 0)});
  step_to(run, 1, 40);
  const auto before = run.eta(at(81), nullptr, std::nullopt);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  run.add(std::vector{point("total_steps", 40, nan, 81), point("total_epochs", 40, -3, 81),
                      point("epoch", 40, nan, 81), point("loss", 7, nan, 20)});
  const auto after = run.eta(at(81), nullptr, std::nullopt);
  EXPECT_EQ(after.total_steps, before.total_steps);
  EXPECT_EQ(after.step, before.step);
  EXPECT_EQ(after.remaining_s, before.remaining_s);
}

TEST(LiveRun, AFinishedRunTeachesLaterOnes) {
  LiveRun run = run_with();
  run.add(std::vector{point("total_steps", 0, 200, 0)});
  step_to(run, 1, 199);
  EXPECT_FALSE(run.profile().checkpoints.empty());
  run.finish(at(420));
  EXPECT_EQ(run.profile().total_progress, 200);
  EXPECT_DOUBLE_EQ(run.profile().total_s, 420);
  LiveRun broken = run_with();
  broken.add(std::vector{point("total_steps", 0, 200, 0)});
  step_to(broken, 1, 100);
  broken.finish(at(220));
  EXPECT_TRUE(broken.profile().checkpoints.empty());
}

}  // namespace
}  // namespace galley::estimates
