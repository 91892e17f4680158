#include "fixture.h"

namespace galley::telemetry {
namespace {

using Usage_ = TelemetryFixture;

TEST_F(Usage_, HeldAndUsedHoursByTeamUserAndJob) {
  const auto job = run_job("nlp", "ada", {"GPU-0"});
  run_job("vision", "bob", {"GPU-1"});
  pass(1h, 0.5, 0.0);
  clock_.advance(1s);
  const auto from = clock_.wall() - 2h;
  ASSERT_TRUE(telemetry_->usage(from, clock_.wall(), GroupBy::team));
  const auto teams = *telemetry_->usage(from, clock_.wall(), GroupBy::team);
  ASSERT_EQ(teams.rows.size(), 2U);
  EXPECT_EQ(teams.rows[0].name, "vision") << "the most idle hours first";
  EXPECT_NEAR(teams.rows[0].allocated_gpu_h, 1.0, 0.01);
  EXPECT_NEAR(teams.rows[0].idle_gpu_h, 1.0, 0.03);
  EXPECT_NEAR(teams.rows[0].used_gpu_h, 0, 1e-6);
  EXPECT_NEAR(teams.rows[1].used_gpu_h, 0.5, 0.02);
  EXPECT_NEAR(teams.rows[1].idle_gpu_h, 0, 1e-6);
  EXPECT_NEAR(teams.rows[1].utilization_ratio, 0.5, 1e-3);
  EXPECT_NEAR(teams.total.allocated_gpu_h, 2.0, 0.02);

  const auto users = *telemetry_->usage(from, clock_.wall(), GroupBy::user);
  EXPECT_EQ(users.rows[0].name, "bob");
  const auto jobs = *telemetry_->usage(from, clock_.wall(), GroupBy::job);
  EXPECT_EQ(jobs.rows[1].name, job.str());
  EXPECT_EQ(jobs.rows[1].title, "train");
}

TEST_F(Usage_, APartOfAGpuCountsAsAPart) {
  run_job("nlp", "ada", {"GPU-0"}, 250);
  pass(30min, 0.8);
  const auto report = *telemetry_->usage(clock_.wall() - 2h, clock_.wall(), GroupBy::team);
  EXPECT_NEAR(report.rows[0].allocated_gpu_h, 0.125, 0.001);
  EXPECT_NEAR(report.rows[0].measured_gpu_h, 0.125, 0.005) << "the last minute is in memory";
}

TEST_F(Usage_, OnlyWhatLiesWithinTheTimeCounts) {
  const auto job = run_job("nlp", "ada", {"GPU-0", "GPU-1"});
  clock_.advance(3h);
  end_job(job);
  clock_.advance(1h);
  const auto last = *telemetry_->usage(clock_.wall() - 2h, clock_.wall(), GroupBy::team);
  ASSERT_EQ(last.rows.size(), 1U);
  EXPECT_NEAR(last.rows[0].allocated_gpu_h, 2.0, 1e-6) << "one hour of two GPUs";
  EXPECT_EQ(last.rows[0].measured_gpu_h, 0) << "nobody looked";
  EXPECT_TRUE(telemetry_->usage(clock_.wall() - 30min, clock_.wall(), GroupBy::team)->rows.empty());
  EXPECT_EQ(telemetry_->usage(clock_.wall(), clock_.wall(), GroupBy::team).error().field, "from");
  EXPECT_EQ(parse_group_by("node").error().field, "by");
}

TEST_F(Usage_, ARestartGoesOnWithTheHour) {
  run_job("nlp", "ada", {"GPU-0"});
  pass(10min, 1.0);
  telemetry_.reset();
  start();
  pass(10min, 1.0);
  telemetry_.reset();
  start();
  const auto report = *telemetry_->usage(clock_.wall() - 2h, clock_.wall(), GroupBy::team);
  EXPECT_NEAR(report.rows[0].measured_gpu_h, 20.0 / 60, 0.01);
  EXPECT_LE(report.rows[0].measured_gpu_h, report.rows[0].allocated_gpu_h + 1e-9);
}

TEST_F(Usage_, IdleGpusAreThoseThatDidNothingForFiveMinutes) {
  run_job("vision", "bob", {"GPU-1"});
  pass(3min, 0.9, 0.0);
  EXPECT_THAT(printed(), HasSubstr("galley_team_idle_gpus{team=\"vision\"} 0\n"));
  pass(3min, 0.9, 0.0);
  EXPECT_THAT(printed(), HasSubstr("galley_team_idle_gpus{team=\"vision\"} 1\n"));
  EXPECT_THAT(printed(), HasSubstr("galley_user_idle_gpus{user=\"bob\"} 1\n"));
  EXPECT_THAT(printed(), HasSubstr("galley_fleet_idle_gpus 1\n"));
  EXPECT_THAT(printed(), HasSubstr("galley_fleet_allocated_gpus 1\n"));
  const auto now = telemetry_->newest(node_);
  EXPECT_FALSE(now->gpus[0].allocated);
  EXPECT_TRUE(now->gpus[1].idle);
  pass(30s, 0.9, 0.8);
  EXPECT_THAT(printed(), HasSubstr("galley_team_idle_gpus{team=\"vision\"} 0\n"));
  // And as series, for plots and alerts.
  const auto team = ask("team_idle_gpus", 10min, 5s, "vision", true);
  ASSERT_EQ(team.size(), 1U);
  EXPECT_EQ(team[0].points.back().last, 0);
  const auto readings = telemetry_->readings(*find_metric("team_gpus_allocated"));
  ASSERT_EQ(readings.size(), 1U);
  EXPECT_EQ(readings[0].subject, "team vision");
}

TEST_F(Usage_, WaitsOfJobsThatBeganAreCounted) {
  pass(10s);
  clock_.advance(1s);
  run_job("nlp", "ada", {"GPU-0"});
  sql("update jobs set created_ms = created_ms - 100000");
  pass(10s);
  EXPECT_THAT(printed(), HasSubstr("galley_job_queue_wait_seconds_bucket{le=\"60\"} 0\n"));
  EXPECT_THAT(printed(), HasSubstr("galley_job_queue_wait_seconds_bucket{le=\"300\"} 1\n"));
  EXPECT_THAT(printed(), HasSubstr("galley_job_queue_wait_seconds_sum 100\n"));
}

}  // namespace
}  // namespace galley::telemetry
