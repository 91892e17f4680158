#include "run_plan.h"

#include <gtest/gtest.h>

namespace galley::profiling {
namespace {

using std::chrono::seconds;

TEST(TimePlan, SharesTheTimeByWeight) {
  ManualClock clock;
  TimePlan plan(clock, 100, {{"a", 1}, {"b", 3}}, {});
  const Budget a = plan.begin("a");
  EXPECT_DOUBLE_EQ(a.left_s(), 25);
  clock.advance(seconds(25));
  EXPECT_TRUE(a.over());
  EXPECT_DOUBLE_EQ(plan.begin("b").left_s(), 75);
}

TEST(TimePlan, WhatOneDoesNotUseGoesToTheOthers) {
  ManualClock clock;
  TimePlan plan(clock, 100, {{"a", 1}, {"b", 1}, {"c", 1}}, {});
  plan.begin("a");
  clock.advance(seconds(10));
  EXPECT_DOUBLE_EQ(plan.begin("b").left_s(), 45);
  clock.advance(seconds(60));
  EXPECT_DOUBLE_EQ(plan.begin("c").left_s(), 30);
}

TEST(TimePlan, TellsHowFarItIs) {
  ManualClock clock;
  double told = -1;
  TimePlan plan(clock, 100, {{"a", 1}, {"b", 1}}, {}, [&](double ratio) { told = ratio; });
  const Budget a = plan.begin("a");
  EXPECT_FALSE(a.over());
  EXPECT_DOUBLE_EQ(told, 0);
  clock.advance(seconds(25));
  EXPECT_FALSE(a.over());
  EXPECT_DOUBLE_EQ(told, 0.25);
  const Budget b = plan.begin("b");
  EXPECT_FALSE(b.over());
  EXPECT_DOUBLE_EQ(told, 0.5);
}

TEST(Budget, AffordsWhatFitsIntoItsTime) {
  ManualClock clock;
  const Budget budget(clock, clock.steady() + seconds(10), {});
  EXPECT_TRUE(budget.affords(10));
  EXPECT_FALSE(budget.affords(10.1));
  const Budget part = budget.part(0.5);
  EXPECT_DOUBLE_EQ(part.left_s(), 5);
  clock.advance(seconds(6));
  EXPECT_TRUE(part.over());
  EXPECT_FALSE(budget.over());
  EXPECT_FALSE(budget.affords(5));
  clock.advance(seconds(4));
  EXPECT_FALSE(budget.affords(0));
}

TEST(Budget, IsOverWhenSomebodyInterrupts) {
  ManualClock clock;
  std::stop_source stop;
  const Budget budget(clock, clock.steady() + seconds(10), stop.get_token());
  EXPECT_FALSE(budget.over());
  stop.request_stop();
  EXPECT_TRUE(budget.over());
  EXPECT_TRUE(budget.interrupted());
}

TEST(Costs, GuessesTwiceTheNeighbour) {
  Costs costs(3);
  EXPECT_EQ(costs.expected_s(0), 0);
  EXPECT_EQ(costs.expected_s(1), 0);
  costs.record(0, 1.5);
  EXPECT_EQ(costs.expected_s(0), 1.5);
  EXPECT_EQ(costs.expected_s(1), 3);
  EXPECT_EQ(costs.expected_s(2), 6);
  costs.record(1, 2);
  EXPECT_EQ(costs.expected_s(1), 2);
}

}  // namespace
}  // namespace galley::profiling
