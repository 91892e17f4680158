#include "estimator/eta.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace galley::estimator {
namespace {

/// A job on a clock of its own.
struct Job {
  EtaTracker tracker;
  double at_s = 0;
  double progress = 0;

  explicit Job(const EtaOptions& options) : tracker(options) { tracker.observe({}); }
  void steps(int count, double step_s) {
    for (int i = 0; i < count; ++i) step(step_s);
  }
  void step(double step_s) {
    at_s += step_s;
    progress += 1;
    tracker.observe({.at_s = at_s, .progress = progress});
  }
  void mark(ProgressKind kind) {
    tracker.observe({.kind = kind, .at_s = at_s, .progress = progress});
  }
  EtaEstimate now() const { return tracker.estimate(at_s); }
};

TEST(Eta, NothingIsSaidWithoutTotalOrPrior) {
  Job job({});
  job.steps(10, 1);
  EXPECT_EQ(job.now().source, EtaSource::nothing);
}

TEST(Eta, ThePriorSpeaksUntilTheFirstStep) {
  Job job({.total_progress = 100, .prior_step_s = Spread{1, 2, 4}, .cost_usd_per_hour = 36});
  const EtaEstimate estimate = job.now();
  EXPECT_EQ(estimate.source, EtaSource::prior);
  EXPECT_DOUBLE_EQ(estimate.remaining_s.p50, 200);
  EXPECT_DOUBLE_EQ(estimate.remaining_s.p90, 400);
  EXPECT_DOUBLE_EQ(estimate.remaining_cost_usd.p50, 2);
  EXPECT_DOUBLE_EQ(job.tracker.estimate(50).remaining_s.p50, 150);

  EtaTracker whole({.prior_total_s = Spread{50, 100, 200}});
  EXPECT_DOUBLE_EQ(whole.estimate(30).remaining_s.p50, 70);
  EXPECT_DOUBLE_EQ(whole.estimate(500).remaining_s.p50, 0);
}

TEST(Eta, TheFirstStepIsWarmUp) {
  Job job({.total_progress = 100});
  job.step(60);
  job.steps(9, 1);
  EXPECT_NEAR(job.now().remaining_s.p50, 90, 1e-6);
  EXPECT_EQ(job.now().source, EtaSource::data);
}

TEST(Eta, DataOutweighAWrongPriorWithinTenSteps) {
  Job job({.total_progress = 1000, .prior_step_s = Spread{2, 4, 8}});
  job.step(5);
  EXPECT_GT(job.now().remaining_s.p50, 3000);  // one interval, which may be all warm-up
  job.steps(10, 1);
  EXPECT_LT(job.now().remaining_s.p50, 1.1 * 989);
}

TEST(Eta, PausesThatComeRegularlyAreCounted) {
  Job job({.total_progress = 1000});
  for (int i = 1; i <= 400; ++i) job.step(i % 100 == 0 ? 21 : 1);
  // Six more of 20 s beyond their step.
  EXPECT_NEAR(job.now().remaining_s.p50, 600 + 6 * 20, 1);
  ASSERT_EQ(job.tracker.pauses().size(), 1U);
  EXPECT_DOUBLE_EQ(job.tracker.pauses()[0].every.value(), 100);
  EXPECT_NEAR(job.now().pause_share, 120.0 / 720, 0.01);
}

TEST(Eta, EvaluationIsNoTraining) {
  Job job({.total_progress = 400});
  for (int epoch = 0; epoch < 3; ++epoch) {
    job.steps(100, 1);
    job.mark(ProgressKind::evaluation_begin);
    job.at_s += 30;
    job.mark(ProgressKind::evaluation_end);
  }
  job.step(1);
  EXPECT_NEAR(job.now().step_s, 1, 1e-9);
  // The last hundred steps, and the evaluation behind them.
  EXPECT_NEAR(job.now().remaining_s.p50, 99 + 30, 1);
}

TEST(Eta, EvaluationBesideTrainingTakesNothingFromIt) {
  Job job({.total_progress = 400});
  for (int i = 0; i < 100; ++i) {
    job.mark(ProgressKind::evaluation_begin);
    job.step(2);
    job.mark(ProgressKind::evaluation_end);
  }
  EXPECT_NEAR(job.now().step_s, 2, 1e-9);
}

TEST(Eta, AChangeOfSpeedIsFollowedWithinFifteenSteps) {
  for (const double factor : {1.5, 4.0, 1 / 1.5, 0.25}) {
    std::mt19937_64 random(7);
    std::normal_distribution<double> noise(0, 0.03);
    Job job({.total_progress = 1000});
    for (int i = 0; i < 200; ++i) job.step(std::exp(noise(random)));
    EXPECT_EQ(job.tracker.speed_changes(), 0U);
    for (int i = 0; i < 15; ++i) job.step(factor * std::exp(noise(random)));
    EXPECT_EQ(job.tracker.speed_changes(), 1U) << factor;
    EXPECT_NEAR(*job.tracker.last_change(), 200, 1);
    EXPECT_NEAR(job.now().remaining_s.p50 / (785 * factor), 1, 0.05) << factor;
  }
}

TEST(Eta, ARestartFromACheckpointIsFollowed) {
  Job job({.total_progress = 100});
  job.steps(50, 1);
  job.progress = 30;
  job.at_s += 100;  // down
  job.tracker.observe({.at_s = job.at_s, .progress = 30});
  job.steps(5, 1);
  EXPECT_NEAR(job.now().remaining_s.p50, 65, 1);
}

TEST(Eta, NonsenseIsIgnored) {
  Job job({.total_progress = 100});
  job.steps(10, 1);
  const double before = job.now().remaining_s.p50;
  job.tracker.observe({.at_s = std::nan(""), .progress = 11});
  job.tracker.observe({.at_s = 11, .progress = INFINITY});
  job.tracker.observe({.at_s = 11, .progress = -4});
  job.tracker.set_total(std::nan(""));
  job.tracker.set_total(-5);
  EXPECT_DOUBLE_EQ(job.now().remaining_s.p50, before);
  job.tracker.observe({.at_s = 3, .progress = 11});  // a clock that went backwards
  EXPECT_TRUE(std::isfinite(job.now().remaining_s.p50));
}

TEST(Eta, NothingRemainsAtTheEndAndTheTotalMayGrow) {
  Job job({.total_progress = 20});
  job.steps(20, 1);
  EXPECT_DOUBLE_EQ(job.now().remaining_s.p50, 0);
  job.tracker.set_total(40);
  EXPECT_NEAR(job.now().remaining_s.p50, 20, 1e-6);
}

TEST(Eta, MemoryIsBoundedOverAMillionSteps) {
  Job job({.total_progress = 2e6});
  for (int i = 1; i <= 1'000'000; ++i) job.step(i % 1000 == 0 ? 51 : 1);
  EXPECT_NEAR(job.now().remaining_s.p50 / (1e6 + 1000 * 50), 1, 0.01);
  EXPECT_EQ(job.tracker.stability().points <= 512, true);
  EXPECT_EQ(job.tracker.speed_changes(), 0U);
}

/// Runs whose evaluation begins at half: their own first steps cannot know.
EtaProfile run_with_late_evaluation(double step_s, const EtaOptions& options, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(0, 0.01);
  Job job(options);
  for (int i = 0; i < 200; ++i) job.step(step_s * (i < 100 ? 1 : 1.3) * std::exp(noise(random)));
  return job.tracker.profile();
}

TEST(EtaHistory, EarlierRunsTellWhatTheFirstStepsCannot) {
  EtaHistory history;
  for (std::uint64_t i = 0; i < 10; ++i)
    history.add(
        run_with_late_evaluation(1 + 0.3 * static_cast<double>(i), {.total_progress = 200}, i));
  ASSERT_EQ(history.runs(), 10U);
  Job job({.total_progress = 200});
  job.steps(50, 2.2);
  const double truth = 50 * 2.2 + 100 * 2.2 * 1.3;
  EXPECT_NEAR(job.now().remaining_s.p50 / truth, 150 * 2.2 / truth, 0.01);
  const EtaEstimate estimate = job.tracker.estimate(job.at_s, &history);
  EXPECT_EQ(estimate.source, EtaSource::history);
  EXPECT_NEAR(estimate.remaining_s.p50 / truth, 1, 0.02);
  EXPECT_LE(estimate.remaining_s.p10, truth);
  EXPECT_GE(estimate.remaining_s.p90, truth);
}

TEST(EtaHistory, TwoRunsAreNoHistory) {
  EtaHistory history;
  history.add(run_with_late_evaluation(1, {.total_progress = 200}, 1));
  history.add(run_with_late_evaluation(1, {.total_progress = 200}, 2));
  history.add({});  // a run that was stopped leaves nothing
  EXPECT_EQ(history.runs(), 2U);
  Job job({.total_progress = 200});
  job.steps(50, 1);
  EXPECT_EQ(job.tracker.estimate(job.at_s, &history).source, EtaSource::data);
}

TEST(EtaHistory, AStoppedRunHasNoProfile) {
  Job job({.total_progress = 100});
  job.steps(60, 1);
  EXPECT_TRUE(job.tracker.profile().checkpoints.empty());
}

TEST(ChangeDetector, PausesAndNoiseAreNoChanges) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise(0, 0.3);
  int alarms = 0;
  for (int run = 0; run < 300; ++run) {
    ChangeDetector detector;
    for (int i = 0; i < 400; ++i)
      alarms += detector.add((i % 50 == 49 ? 8 : 1) * std::exp(noise(random))) ? 1 : 0;
  }
  EXPECT_LE(alarms, 1);
  ChangeDetector detector;
  EXPECT_FALSE(detector.add(std::nan("")));
  EXPECT_FALSE(detector.add(0));
}

TEST(MetricTarget, APowerLawIsFollowedToItsTarget) {
  Job job({.total_progress = 10'000});
  std::mt19937_64 random(5);
  std::normal_distribution<double> noise(0, 0.005);
  for (int i = 1; i <= 1000; ++i) {
    job.step(1);
    job.tracker.observe_metric(i, 1 + 5 * std::pow(i, -0.5) + noise(random));
  }
  const TargetEstimate estimate =
      job.tracker.estimate_target({.value = 1 + 5 * std::pow(2500, -0.5)}, job.at_s);
  ASSERT_EQ(estimate.answer, TargetAnswer::expected);
  EXPECT_NEAR(estimate.progress.p50, 2500, 500);
  EXPECT_NEAR(estimate.remaining_s.p50, estimate.progress.p50 - 1000, 20);
  EXPECT_LT(estimate.progress.p10, estimate.progress.p90);

  EXPECT_EQ(job.tracker.estimate_target({.value = 1.5}, job.at_s).answer, TargetAnswer::reached);
  EXPECT_NE(job.tracker.estimate_target({.value = 0.2}, job.at_s).answer, TargetAnswer::expected);
  EXPECT_EQ(job.tracker.estimate_target({.value = 2, .lower_is_better = false}, job.at_s).answer,
            TargetAnswer::reached);
}

TEST(MetricTarget, AFlatOrShortCurveTellsNothing) {
  MetricCurve curve;
  for (int i = 0; i < 5; ++i) curve.add(i, 2.0 - 0.1 * i);
  EXPECT_EQ(curve.extrapolate({.value = 0.1}).answer, TargetAnswer::cannot_tell);
  MetricCurve flat;
  for (int i = 0; i < 5000; ++i) flat.add(i, 2.0 + 0.01 * std::sin(i));
  EXPECT_LE(flat.points(), 256U);
  EXPECT_NE(flat.extrapolate({.value = 1.0}).answer, TargetAnswer::expected);
  flat.add(4, 1);  // backwards
  flat.add(9000, std::nan(""));
  EXPECT_NE(flat.extrapolate({.value = 1.0}).answer, TargetAnswer::reached);
}

}  // namespace
}  // namespace galley::estimator
