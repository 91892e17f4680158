#include "scheduler/start_estimator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>

namespace galley::scheduler {
namespace {

JobId job(int number) {
  std::string digits = std::to_string(number);
  return JobId::trusted("job_" + std::string(26 - digits.size(), '0') + digits);
}

/// Waits that are twice the reservation, give or take a factor that grows as load drifts.
struct Load {
  std::mt19937_64 random{7};
  double drift_a_job = 0;

  double wait_s(int number, double reserved_s) {
    double noise = -6;
    for (int i = 0; i < 12; ++i) noise += static_cast<double>(random() % 10'000) / 10'000;
    return reserved_s * std::exp(0.7 + 0.8 * noise + drift_a_job * number);
  }
};

/// Shares of promises that held, and of those that were early, among the later half.
double coverage(StartEstimator& estimator, Load load, int jobs) {
  WallTime now{};
  int kept = 0;
  for (int i = 0; i < jobs; ++i) {
    now += Millis{50'000'000};  // each has started before the next one comes
    const double reserved_s = 100 + static_cast<double>(load.random() % 20'000);
    StartFeatures features;
    features.team = i % 2 == 0 ? "a" : "b";
    features.gpus = 1 << (i % 4);
    features.reserved = Millis{static_cast<std::int64_t>(reserved_s * 1000)};
    const StartEstimate said = estimator.promise(job(i), features, now);
    EXPECT_LE(said.early, said.typical);
    EXPECT_LE(said.typical, said.late);
    const double wait_s = load.wait_s(i, reserved_s);
    const WallTime start = now + Millis{static_cast<std::int64_t>(wait_s * 1000)};
    estimator.started(job(i), features.team, start);
    if (i >= jobs / 2 && start >= said.early && start <= said.late) ++kept;
  }
  return static_cast<double>(kept) / (jobs - jobs / 2);
}

TEST(StartEstimator, HoldsFourPromisesOfFive) {
  StartEstimator estimator;
  const double kept = coverage(estimator, {}, 4000);
  EXPECT_GT(kept, 0.75);
  EXPECT_LT(kept, 0.85);
  EXPECT_NEAR(estimator.recent_coverage_ratio(), kept, 0.1);
}

TEST(StartEstimator, HoldsThemWhileTheLoadDrifts) {
  for (const double drift : {0.0005, -0.0005}) {
    StartEstimator estimator;
    Load load;
    load.drift_a_job = drift;
    const double kept = coverage(estimator, load, 4000);
    EXPECT_GT(kept, 0.75) << drift;
    EXPECT_LT(kept, 0.85) << drift;
  }
}

TEST(StartEstimator, CountsAJobThatStillWaitsAsLate) {
  StartEstimator estimator;
  StartFeatures features;
  features.team = "a";
  features.gpus = 1;
  const StartEstimate said = estimator.promise(job(1), features, WallTime{});
  EXPECT_EQ(estimator.recent_coverage_ratio(), 1);
  estimator.started(job(2), "a", said.late + Millis{1});
  EXPECT_EQ(estimator.recent_coverage_ratio(), 0);
  estimator.started(job(1), "a", said.late + Millis{2});  // counted once
  EXPECT_EQ(estimator.recent_coverage_ratio(), 0);
}

TEST(StartEstimator, LearnsNothingFromWhatWasCancelled) {
  StartEstimator estimator;
  const StartEstimate said = estimator.promise(job(1), {}, WallTime{});
  estimator.forget(job(1));
  const std::string before = estimator.dump();
  estimator.promise(job(2), {}, said.late + Millis{1});
  EXPECT_EQ(estimator.dump(), before);
}

TEST(StartEstimator, SurvivesARestart) {
  StartEstimator estimator;
  coverage(estimator, {}, 600);
  const auto restored = StartEstimator::parse(estimator.dump());
  ASSERT_TRUE(restored) << describe(restored.error());
  EXPECT_EQ(restored->dump(), estimator.dump());
  StartFeatures features;
  features.team = "a";
  features.gpus = 2;
  features.reserved = Millis{1'000'000};
  const WallTime now{Millis{40'000'000'000}};
  EXPECT_EQ(restored->estimate(features, now).late, estimator.estimate(features, now).late);
}

TEST(StartEstimator, RefusesWhatItDidNotWrite) {
  StartEstimator estimator;
  coverage(estimator, {}, 20);
  EXPECT_FALSE(StartEstimator::parse(""));
  EXPECT_FALSE(StartEstimator::parse("{}"));
  EXPECT_FALSE(StartEstimator::parse("[1]"));
  std::string text = estimator.dump();
  text.replace(text.find("\"version\":1"), 11, "\"version\":2");
  EXPECT_FALSE(StartEstimator::parse(text));
}

}  // namespace
}  // namespace galley::scheduler
