#include "fixture.h"

namespace galley::telemetry {
namespace {

using Series_ = TelemetryFixture;

TEST_F(Series_, TheNewestMinutesComeFromMemory) {
  pass(1min, 0.9, 0.1);
  EXPECT_EQ(number("select count(*) from telemetry_chunks where node_id <> ''"), 1);
  const auto all = ask("gpu_utilization_ratio", 1min, 5s);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].subject, "GPU-0");
  EXPECT_EQ(all[0].points.size(), 12U);
  EXPECT_NEAR(all[0].points.back().last, 0.9F, 1e-4);
  EXPECT_NEAR(all[1].points.back().mean, 0.1F, 1e-4);
  EXPECT_TRUE(ask("gpu_sm_clock_mhz", 1min, 5s).empty()) << "nothing was measured";
}

TEST_F(Series_, RatesAreTheDifferenceOfCounters) {
  pass(20s);
  const auto sent = ask("node_network_sent_bytes_per_s", 1min, 5s);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].points.size(), 3U) << "the first look has nothing before it";
  EXPECT_NEAR(sent[0].points.back().last, 1'000, 1);
}

TEST_F(Series_, ARestartLosesLessThanAMinute) {
  pass(10min);
  telemetry_.reset();  // stores what is left
  start();
  auto all = ask("gpu_power_watts", 10min, 5s, "GPU-0");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].points.size(), 120U);

  // A kill, seen from the database: what was not stored is gone, and nothing else.
  pass(5min);
  const auto stored = number("select max(last_ms) from telemetry_chunks where node_id <> ''");
  EXPECT_LT(to_ms(clock_.wall()) - stored, 60'000);
}

TEST_F(Series_, StoredAndNewRowsAreNeitherDoubledNorLost) {
  pass(20min);
  const auto all = ask("gpu_temperature_celsius", 20min, 5s, "GPU-1");
  ASSERT_EQ(all.size(), 1U);
  ASSERT_EQ(all[0].points.size(), 240U);
  for (std::size_t i = 1; i < all[0].points.size(); ++i)
    EXPECT_EQ(all[0].points[i].at_ms - all[0].points[i - 1].at_ms, 5'000);
}

TEST_F(Series_, StepsKeepTheExtremes) {
  pass(1min, 0.2);
  pass(5s, 1.0);
  pass(55s, 0.2);
  const auto all = ask("gpu_utilization_ratio", 2min, 2min + 1ms, "GPU-0");
  ASSERT_EQ(all[0].points.size(), 1U);
  const Point point = all[0].points[0];
  EXPECT_NEAR(point.max, 1.0F, 1e-4);
  EXPECT_NEAR(point.min, 0.2F, 1e-4);
  EXPECT_NEAR(point.mean, 0.2F + 0.8F / 24, 1e-3);
  EXPECT_NEAR(point.last, 0.2F, 1e-4);
}

TEST_F(Series_, HoursBecomeMinutesAndOldRowsGo) {
  pass(4h, 0.5);
  EXPECT_EQ(number("select count(*) from telemetry_chunks where level = 1 and node_id <> ''"), 4);
  const auto oldest = number("select min(first_ms) from telemetry_chunks where level = 0");
  EXPECT_GE(oldest, to_ms(clock_.wall()) - 2 * 3'600'000 - 600'000);
  // Older than what is kept as measured, and still there in minutes.
  const auto fine = ask("gpu_utilization_ratio", 3h + 30min, 10s, "GPU-0");
  ASSERT_EQ(fine.size(), 1U);
  const auto minutes = ask("gpu_utilization_ratio", 4h, 1min, "GPU-0");
  ASSERT_EQ(minutes.size(), 1U);
  EXPECT_NEAR(static_cast<double>(minutes[0].points.size()), 240, 2);
  for (const Point& point : minutes[0].points) EXPECT_NEAR(point.mean, 0.5F, 1e-4);
}

TEST_F(Series_, DaysBecomeQuartersOfAnHour) {
  // Two days in minutes, as an earlier process would have left them.
  for (int hour = 0; hour < 60; ++hour) {
    telemetry_->add(node_, "gpu01", sample(0.25));
    clock_.advance(30min);
    telemetry_->add(node_, "gpu01", sample(0.75));
    clock_.advance(30min);
    ASSERT_TRUE(telemetry_->work());
  }
  EXPECT_GE(number("select count(*) from telemetry_chunks where level = 2 and node_id <> ''"), 2);
  const auto days = ask("gpu_utilization_ratio", 72h, 1h, "GPU-0");
  ASSERT_EQ(days.size(), 1U);
  EXPECT_GE(days[0].points.size(), 58U);
  EXPECT_NEAR(days[0].points[5].mean, 0.5F, 1e-3);
}

TEST_F(Series_, WhoeverSendsTooOftenDoesNotPushMinutesOut) {
  for (int i = 0; i < 1'000; ++i) {
    clock_.advance(100ms);
    telemetry_->add(node_, "gpu01", sample());
  }
  const auto all = ask("gpu_power_watts", 2min, 5s, "GPU-0");
  EXPECT_GE(all[0].points.size(), 20U);
}

TEST_F(Series_, SilentMachinesAreNotShownAsIfTheyWereThere) {
  pass(10s);
  EXPECT_THAT(printed(), HasSubstr("Hostname=\"gpu01\""));
  EXPECT_EQ(telemetry_->newest("", 10).size(), 1U);
  EXPECT_EQ(telemetry_->readings(*find_metric("gpu_power_watts")).size(), 2U);
  clock_.advance(61s);
  EXPECT_THAT(printed(), Not(HasSubstr("gpu01")));
  EXPECT_TRUE(telemetry_->newest("", 10).empty());
  EXPECT_TRUE(telemetry_->readings(*find_metric("gpu_power_watts")).empty());
  clock_.advance(11min);
  ASSERT_TRUE(telemetry_->work());
  EXPECT_FALSE(telemetry_->newest(node_)) << "and in the end memory forgets it";
}

TEST_F(Series_, BadQuestionsNameTheField) {
  Query query{.node = node_,
              .metric = kGpuPower,
              .subject = {},
              .from = clock_.wall(),
              .to = clock_.wall() + 1h,
              .step = 1s};
  EXPECT_EQ(telemetry_->query(query).error().field, "step");
  query.step = 5s;
  query.to = query.from + 24h;
  const auto many = telemetry_->query(query);
  EXPECT_EQ(many.error().field, "step");
  EXPECT_THAT(many.error().expected, HasSubstr("44 s or more"));
  query.to = query.from;
  EXPECT_EQ(telemetry_->query(query).error().field, "from");
  EXPECT_EQ(find_metric("gpu_powr_watts").error().hint, "did you mean gpu_power_watts?");
  EXPECT_EQ(telemetry_->find_node("nobody").error().code, Errc::not_found);
}

TEST_F(Series_, ADamagedChunkLeavesTheOthersReadable) {
  pass(10min);
  telemetry_.reset();
  sql("update telemetry_chunks set columns = 'x' where node_id <> '' and level = 0 and first_ms ="
      " (select min(first_ms) from telemetry_chunks where node_id <> '')");
  start();
  const auto all = ask("gpu_power_watts", 10min, 5s, "GPU-0");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_GT(all[0].points.size(), 100U);
  EXPECT_LT(all[0].points.size(), 120U);
}

TEST_F(Series_, WhatTheDatabaseDoesNotTakeIsTriedAgain) {
  pass(30s);
  sql("alter table telemetry_chunks rename to hidden");
  clock_.advance(30s);
  telemetry_->add(node_, "gpu01", sample());
  EXPECT_FALSE(telemetry_->work());
  sql("alter table hidden rename to telemetry_chunks");
  clock_.advance(5s);
  ASSERT_TRUE(telemetry_->work());
  EXPECT_EQ(number("select count(*) from telemetry_chunks where node_id <> ''"), 1);
  EXPECT_EQ(ask("gpu_power_watts", 2min, 5s, "GPU-0")[0].points.size(), 7U);
}

}  // namespace
}  // namespace galley::telemetry
