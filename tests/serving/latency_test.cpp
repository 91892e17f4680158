#include "latency.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace galley::serving {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant kStart{};

TEST(Latency, QuantilesAreWithinSixPercent) {
  Latency latency(kStart);
  for (int i = 1; i <= 10'000; ++i) latency.add(kStart, kStart + microseconds(10 * i), 1);
  const auto stats = latency.read(kStart + milliseconds(500));
  EXPECT_NEAR(stats.latency_ms_p50, 50.0, 3.0);
  EXPECT_NEAR(stats.latency_ms_p99, 99.0, 6.0);
  EXPECT_EQ(stats.predictions_total, 10'000);
}

TEST(Latency, HoldsWhatIsFasterAndSlowerThanItsBuckets) {
  Latency latency(kStart);
  latency.add(kStart, kStart, 1);
  EXPECT_NEAR(latency.read(kStart).latency_ms_p50, 0.001, 0.0001);
  latency.add(kStart - seconds(10'000), kStart, 1);
  EXPECT_GT(latency.read(kStart).latency_ms_p99, 100'000);
  latency.add(kStart + seconds(1), kStart, 1);  // a clock that stepped back
  EXPECT_EQ(latency.read(kStart).predictions_total, 3);
}

TEST(Latency, ForgetsWhatIsOlderThanTenSeconds) {
  Latency latency(kStart);
  latency.add(kStart, kStart + milliseconds(100), 50);
  EXPECT_DOUBLE_EQ(latency.read(kStart + seconds(5)).predictions_per_s, 10.0);
  EXPECT_GT(latency.read(kStart + milliseconds(9900)).latency_ms_p50, 90.0);
  const auto later = latency.read(kStart + seconds(10));
  EXPECT_EQ(later.predictions_per_s, 0);
  EXPECT_EQ(later.latency_ms_p50, 0);
  EXPECT_EQ(later.predictions_total, 50);
}

TEST(Latency, ReusesItsSlotsForYears) {
  Latency latency(kStart);
  for (int second = 0; second < 100; ++second)
    latency.add(kStart + seconds(second), kStart + seconds(second) + milliseconds(1), 20);
  const auto stats = latency.read(kStart + seconds(99) + milliseconds(999));
  EXPECT_NEAR(stats.predictions_per_s, 20.0, 0.1);
  EXPECT_NEAR(stats.latency_ms_p50, 1.0, 0.06);
  // A day of silence, then one answer.
  latency.add(kStart + seconds(86'500), kStart + seconds(86'500) + milliseconds(8), 1);
  EXPECT_NEAR(latency.read(kStart + seconds(86'501)).latency_ms_p50, 8.0, 0.5);
}

TEST(Latency, LosesNothingBetweenThreads) {
  Latency latency(kStart);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 5000; ++i) {
          const Instant end = kStart + milliseconds(i);
          latency.add(end - microseconds(20), end, 2);
        }
      });
  }
  const auto stats = latency.read(kStart + seconds(5));
  EXPECT_EQ(stats.predictions_total, 40'000);
  EXPECT_DOUBLE_EQ(stats.predictions_per_s, 8000.0);
  EXPECT_NEAR(stats.latency_ms_p99, 0.02, 0.0013);
}

}  // namespace
}  // namespace galley::serving
