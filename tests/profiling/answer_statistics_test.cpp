#include "answer_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "predict_fit.h"

namespace galley::profiling {
namespace {

TEST(Statistics, StudentsQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(student_quantile(0.95, 1), 12.706, 0.001);
  EXPECT_NEAR(student_quantile(0.95, 2), 4.303, 0.001);
  EXPECT_NEAR(student_quantile(0.95, 10), 2.228, 0.001);
  EXPECT_NEAR(student_quantile(0.95, 1e6), 1.960, 0.001);
  EXPECT_NEAR(student_quantile(0.99, 5), 4.032, 0.001);
}

TEST(Statistics, MeansAndRatios) {
  const std::vector<double> values{9, 10, 11};
  const auto mean = mean_interval(values);
  ASSERT_TRUE(mean);
  EXPECT_DOUBLE_EQ(mean->value, 10);
  EXPECT_NEAR(mean->high, 10 + 4.303 / std::sqrt(3.0), 0.001);
  EXPECT_FALSE(mean_interval(std::vector<double>{1}));
  const auto ratio = geometric_interval(std::vector<double>{2, 2, 2});
  ASSERT_TRUE(ratio);
  EXPECT_DOUBLE_EQ(ratio->low, ratio->high);
  EXPECT_FALSE(geometric_interval(std::vector<double>{1, 0}));
}

TEST(Statistics, SharesAreThoseOfClopperAndPearson) {
  const auto none = share_interval(0, 100);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->low, 0);
  EXPECT_NEAR(none->high, 0.0362, 0.0001);
  const auto some = share_interval(5, 20);
  EXPECT_NEAR(some->low, 0.0866, 0.0001);
  EXPECT_NEAR(some->high, 0.4910, 0.0001);
  EXPECT_EQ(share_interval(7, 7)->high, 1);
  EXPECT_FALSE(share_interval(0, 0));
  EXPECT_FALSE(share_interval(2, 1));
}

TEST(Statistics, McNemarIsTheFairCoin) {
  EXPECT_EQ(mcnemar(0, 0), 1);
  EXPECT_EQ(mcnemar(5, 5), 1);
  EXPECT_NEAR(mcnemar(0, 5), 0.0625, 1e-9);
  EXPECT_NEAR(mcnemar(2, 8), 0.109375, 1e-9);
  EXPECT_LT(mcnemar(10, 60), 1e-6);
}

TEST(Statistics, ResampledIntervalsCoverAsOftenAsTheySay) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal(5, 2);
  int covered = 0;
  constexpr int kTrials = 200;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values(60);
    for (double& value : values) value = normal(random);
    const auto mean = resampled(values.size(), [&](std::span<const std::size_t> rows) {
      double sum = 0;
      for (const std::size_t row : rows) sum += values[row];
      return sum / static_cast<double>(rows.size());
    });
    ASSERT_TRUE(mean);
    covered += mean->low <= 5 && mean->high >= 5;
  }
  EXPECT_GE(covered, 0.88 * kTrials);
}

TEST(Statistics, ADriftingMachineWidensTheInterval) {
  std::vector<double> drifting, shuffled;
  for (int i = 0; i < 320; ++i) drifting.push_back(i < 160 ? 10 : 12);
  shuffled = drifting;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(5));
  const auto mean_of = [](const std::vector<double>& values) {
    return resampled(values.size(), [&](std::span<const std::size_t> rows) {
      double sum = 0;
      for (const std::size_t row : rows) sum += values[row];
      return sum / static_cast<double>(rows.size());
    });
  };
  const auto drift = mean_of(drifting), even = mean_of(shuffled);
  EXPECT_GT(drift->high - drift->low, 2 * (even->high - even->low));
}

TEST(Statistics, LeastSquaresFindsThePlaneAndRefusesTwins) {
  std::vector<double> a, b, y;
  for (int i = 0; i < 20; ++i) {
    a.push_back(i);
    b.push_back((i * 7) % 5);
    y.push_back(3 + 2 * a.back() - b.back());
  }
  std::vector<std::size_t> rows(y.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto fit = least_squares({a, b}, y, rows);
  ASSERT_TRUE(fit);
  EXPECT_NEAR((*fit)[0], 3, 1e-9);
  EXPECT_NEAR((*fit)[1], 2, 1e-9);
  EXPECT_NEAR((*fit)[2], -1, 1e-9);
  EXPECT_FALSE(least_squares({a, a}, y, rows));
  EXPECT_TRUE(std::isnan(explained_share(std::vector<double>(20, 1.0), y, rows)));
  EXPECT_EQ(places_of(std::vector<double>{3, 1, 3, 9}), (std::vector<double>{2.5, 1, 2.5, 4}));
}

TEST(Statistics, NonNegativeLeastSquaresStopsAtZero) {
  const std::vector<std::vector<double>> a{{1, 1}, {1, 2}, {1, 3}, {1, 4}};
  auto x = non_negative_least_squares(a, {5, 7, 9, 11});
  EXPECT_NEAR(x[0], 3, 0.01);
  EXPECT_NEAR(x[1], 2, 0.01);
  // The free solution would fall with the second column: it stays at nothing instead.
  x = non_negative_least_squares(a, {4, 3, 2, 1});
  EXPECT_NEAR(x[0], 2.5, 0.01);
  EXPECT_EQ(x[1], 0);
}

}  // namespace
}  // namespace galley::profiling
