#include "estimator/stationarity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

namespace galley::estimator {
namespace {

/// The generator of golden/adf.py, bit for bit.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed) {}
  double normal() {
    double total = 0;
    for (int i = 0; i < 12; ++i) total += uniform();
    return total - 6.0;
  }

 private:
  double uniform() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }
  std::uint64_t state_;
};

std::vector<double> golden_series(int number) {
  constexpr double kMemory[] = {0.0, 0.3, 0.6, 0.9, 0.97, 1.0};
  constexpr double kDrift[] = {0.0, 0.0, 0.0001, 0.001};
  constexpr int kPeriod[] = {0, 0, 10, 25};
  constexpr double kSpread[] = {0.01, 0.05, 0.2};
  Noise noise(static_cast<std::uint64_t>(number));
  const int period = kPeriod[number / 3 % 4];
  double deviation = 0;
  std::vector<double> values;
  for (int i = 0; i < 30 + 7 * (number % 61); ++i) {
    deviation = kMemory[number % 6] * deviation + kSpread[number % 3] * noise.normal();
    const double peak = period > 0 && i % period == period - 1 ? 0.5 : 0.0;
    values.push_back(1.0 + deviation + kDrift[number % 4] * i + peak);
  }
  return values;
}

TEST(DickeyFuller, EqualsStatsmodelsOnTwoHundredSeries) {
  std::ifstream file(GALLEY_SOURCE_DIR "/tests/estimator/golden/adf.csv");
  std::string line;
  std::getline(file, line);
  int compared = 0;
  while (std::getline(file, line)) {
    std::istringstream cells(line);
    std::string number, trend, choice, statistic, p_value, lags, observations;
    for (std::string* cell : {&number, &trend, &choice, &statistic, &p_value, &lags, &observations})
      std::getline(cells, *cell, ',');
    AdfOptions options;
    options.trend = trend == "n"   ? AdfTrend::none
                    : trend == "c" ? AdfTrend::constant
                                   : AdfTrend::constant_and_line;
    options.choice = choice == "AIC"   ? AdfLagChoice::aic
                     : choice == "BIC" ? AdfLagChoice::bic
                                       : AdfLagChoice::fixed;
    if (choice == "fixed") options.max_lag = 4;
    const auto result = augmented_dickey_fuller(golden_series(std::stoi(number)), options);
    ASSERT_TRUE(result) << line << ": " << result.error().message;
    const double expected = std::stod(statistic);
    EXPECT_NEAR(result->statistic, expected, 1e-6 * std::abs(expected) + 1e-9) << line;
    EXPECT_NEAR(result->p_value, std::stod(p_value), 1e-4) << line;
    EXPECT_EQ(result->lags, std::stoll(lags)) << line;
    EXPECT_EQ(result->observations, std::stoll(observations)) << line;
    ++compared;
  }
  EXPECT_EQ(compared, 1800);
}

TEST(DickeyFuller, SaysWhatItCannotJudge) {
  EXPECT_FALSE(augmented_dickey_fuller(std::vector<double>{1.0}, {}));
  EXPECT_FALSE(augmented_dickey_fuller({}, {}));
  EXPECT_FALSE(augmented_dickey_fuller(std::vector<double>(50, 2.0), {}));
  EXPECT_FALSE(augmented_dickey_fuller(std::vector<double>{1, 2, 3, std::nan(""), 5, 6, 7, 8}, {}));
  const auto many = augmented_dickey_fuller(golden_series(1), {.max_lag = 100});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().field, "max_lag");
}

TEST(Stability, UnderAHundredPointsIsTooShortToTell) {
  std::vector<double> series;
  Noise noise(1);
  for (int i = 0; i < 99; ++i) series.push_back(1 + 0.1 * noise.normal());
  EXPECT_EQ(judge_stability(series).stationarity, Stationarity::too_short_to_tell);
  series.push_back(1);
  const Stability stability = judge_stability(series);
  EXPECT_EQ(stability.stationarity, Stationarity::stationary);
  EXPECT_NEAR(stability.coefficient_of_variation, 0.1, 0.02);

  double level = 1;
  for (double& value : series) value = level += 0.1 * noise.normal();
  EXPECT_EQ(judge_stability(series).stationarity, Stationarity::not_stationary);
  EXPECT_EQ(judge_stability(std::vector<double>(100, 1.0)).stationarity, Stationarity::stationary);
  EXPECT_EQ(judge_stability({}).points, 0U);
}

}  // namespace
}  // namespace galley::estimator
