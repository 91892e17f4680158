#include "alerts/watch.h"

#include <gmock/gmock.h>

namespace galley::alerts {
namespace {

using namespace std::chrono_literals;
using telemetry::Reading;

/// One rule, fed with one number every 5 s.
class Watching : public ::testing::Test {
 protected:
  std::vector<Change> feed(Watch& watch, float value, Millis time = 5s, const char* of = "gpu01") {
    std::vector<Change> all;
    for (Millis passed{0}; passed < time; passed += 5s) {
      now_ += 5s;
      const std::vector<Reading> readings{{of, {{"node", of}}, value}};
      for (Change& change : watch.step(readings, now_)) all.push_back(std::move(change));
    }
    return all;
  }
  static Watch watch(const char* text) { return Watch(*parse_rule(text)); }
  WallTime now_{Millis{1'700'000'000'000}};
};

TEST_F(Watching, FiresOnceTheTimeIsUpAndResolvesWhenItIsOver) {
  Watch rule = watch("node_cpu_ratio > 0.8 for 5m");
  const auto begin = now_ + 5s;
  EXPECT_TRUE(feed(rule, 0.9F, 5min).empty());
  const auto fired = feed(rule, 0.95F);
  ASSERT_EQ(fired.size(), 1U);
  EXPECT_TRUE(fired[0].firing);
  EXPECT_EQ(fired[0].since, begin);
  EXPECT_EQ(fired[0].at - fired[0].since, 5min);
  EXPECT_EQ(fired[0].labels[0].second, "gpu01");
  EXPECT_TRUE(feed(rule, 0.95F, 1h).empty()) << "told once";
  EXPECT_TRUE(feed(rule, 0.5F, 1min).empty());
  const auto over = feed(rule, 0.5F);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_FALSE(over[0].firing);
  EXPECT_EQ(rule.firing(), 0U);
}

TEST_F(Watching, OneBreakBeginsTheTimeAnew) {
  Watch rule = watch("node_cpu_ratio > 0.8 for 1m");
  EXPECT_TRUE(feed(rule, 0.9F, 55s).empty());
  EXPECT_TRUE(feed(rule, 0.7F).empty()) << "not above";
  EXPECT_TRUE(feed(rule, 0.9F, 60s).empty());
  EXPECT_EQ(feed(rule, 0.9F).size(), 1U);
}

TEST_F(Watching, ANumberThatSwingsAroundTheBoundRingsOnce) {
  Watch rule = watch("gpu_temperature_celsius > 90 until < 80");
  EXPECT_EQ(feed(rule, 91).size(), 1U);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(feed(rule, i % 2 == 0 ? 85.0F : 92.0F).empty());
  EXPECT_EQ(feed(rule, 79).size(), 1U);
  Watch held = watch("gpu_temperature_celsius > 90 for 1m");
  feed(held, 95, 65s);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(feed(held, i % 2 == 0 ? 89.0F : 92.0F).empty());
}

TEST_F(Watching, EachSubjectIsJudgedByItselfAndLabelsChoose) {
  Watch rule = watch(R"(node_cpu_ratio{node="a"} > 0.8)");
  EXPECT_TRUE(feed(rule, 1, 5s, "b").empty());
  EXPECT_EQ(feed(rule, 1, 5s, "a").size(), 1U);
  Watch all = watch("node_cpu_ratio > 0.8");
  EXPECT_EQ(feed(all, 1, 5s, "a").size(), 1U);
  EXPECT_EQ(feed(all, 1, 5s, "b").size(), 1U);
  EXPECT_EQ(all.firing(), 2U);
}

TEST_F(Watching, SilenceNeitherFiresNorStaysForEver) {
  Watch rule = watch("node_cpu_ratio > 0.8 for 1m");
  feed(rule, 1, 50s);
  now_ += 40s;
  EXPECT_TRUE(feed(rule, 1).empty()) << "nobody knows what it was in between";
  EXPECT_EQ(feed(rule, 1, 60s).size(), 1U);
  now_ += 5min;
  EXPECT_TRUE(rule.step({}, now_).empty());
  now_ += 5s;
  const auto over = rule.step({}, now_);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_TRUE(over[0].silent);
}

TEST_F(Watching, WhatFiredBeforeARestartDoesNotFireAgain) {
  Watch rule = watch("node_cpu_ratio > 0.8 for 1h");
  rule.restore("gpu01", now_ - 2h, 0.9, now_);
  EXPECT_TRUE(feed(rule, 0.9F, 10min).empty());
  const auto over = feed(rule, 0.1F, 65s);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].since, now_ - 2h - 10min - 65s);
}

}  // namespace
}  // namespace galley::alerts
