#include "profiling/capacity.h"

#include <cmath>

#include "figures.h"

namespace galley::profiling {
namespace {

Profile served(double noise_level = 0.01, int repetitions = 3) {
  Noise noise(noise_level);
  std::vector<Row> rows;
  for (int repetition = 0; repetition < repetitions; ++repetition)
    for (const double users : {1.0, 2.0, 4.0, 8.0, 16.0})
      rows.push_back({{"users", users},
                      {"repetition", double(repetition)},
                      {"requests", 100.0},
                      {"tokens_per_s", 50 * std::sqrt(users)},
                      {"p50_latency_ms", 400 * std::sqrt(users)},
                      {"p99_latency_ms", 500 * std::sqrt(users) * noise()}});
  return profile_with({table_of("capacity", rows)});
}

TEST(Capacity, GivesTheMostUsersThatKeepWithinTheLimit) {
  const auto rows = capacity_table(served(), {.p99_limits_ms = {1200, 100, 60'000}});
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].users, 4U);
  EXPECT_EQ(rows[0].not_enough_for, 8U);
  EXPECT_LE(rows[0].p99_ms.high, 1200);
  EXPECT_NEAR(rows[0].requests_per_s, 5, 1e-9);
  EXPECT_TRUE(rows[0].sentence.starts_with("4 users at once keep within")) << rows[0].sentence;
  EXPECT_EQ(rows[1].users, 0U);
  EXPECT_TRUE(rows[1].sentence.starts_with("No number of users")) << rows[1].sentence;
  EXPECT_EQ(rows[2].users, 16U);
  EXPECT_FALSE(rows[2].not_enough_for);
  EXPECT_NE(rows[2].sentence.find("more were not measured"), std::string::npos);
}

TEST(Capacity, CostsFollowFromThePriceOfAnHour) {
  const auto rows = capacity_table(served(), {.p99_limits_ms = {1200}, .price_per_hour_usd = 3.6});
  ASSERT_EQ(rows.size(), 1U);
  // 4 users: 100 tokens/s, 5 requests/s.
  EXPECT_NEAR(*rows[0].usd_per_million_tokens, 10, 1e-9);
  EXPECT_NEAR(*rows[0].usd_per_thousand_requests, 0.2, 1e-9);
  EXPECT_NEAR(*rows[0].usd_per_user_month, 3.6 * 730 / 4, 1e-9);
  EXPECT_FALSE(capacity_table(served(), {.p99_limits_ms = {1200}})[0].usd_per_million_tokens);
}

TEST(Capacity, ChoosesRoundLimitsWhereNoneIsGiven) {
  const auto rows = capacity_table(served(), {});
  ASSERT_GE(rows.size(), 2U);
  EXPECT_LE(rows.size(), 5U);
  EXPECT_EQ(rows.back().users, 16U);
}

TEST(Capacity, AnUncertainP99DoesNotKeepALimit) {
  // The means stay below the limit, their intervals do not.
  const auto rows = capacity_table(served(1.5, 2), {.p99_limits_ms = {700}});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].users, 0U);
}

TEST(Capacity, WhatWasMeasuredOnceTellsNothing) {
  const auto rows = capacity_table(served(0.01, 1), {.p99_limits_ms = {60'000}});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].users, 0U);
  EXPECT_TRUE(rows[0].sentence.starts_with("Cannot tell")) << rows[0].sentence;
  EXPECT_TRUE(capacity_table(profile_with({}), {}).empty());
  EXPECT_TRUE(capacity_table(profile_with({table_of("capacity", {})}), {}).empty());
}

}  // namespace
}  // namespace galley::profiling
