#include "base/file.h"
#include "estimates/gpu_prices.h"
#include "fixture.h"
#include "job_forecast.h"
#include "measured_step.h"

namespace galley::estimates {
namespace {

using LearnerTest = EstimatesFixture;

TEST_F(LearnerTest, TheEstimateMadeAtSubmitIsComparedWithWhatTheJobTook) {
  job_that_takes(training(), 600);
  const Json answer = accuracy();
  ASSERT_EQ(answer.at("count"), 1) << answer.dump(1);
  const Json& item = answer.at("items").at(0);
  EXPECT_EQ(item.at("made"), "before");
  EXPECT_EQ(item.at("source"), "model");
  EXPECT_THAT(item.at("gpu_type").get<std::string>(), HasSubstr("H100"));
  EXPECT_EQ(item.at("actual_s"), 600);
  const double p50 = item.at("estimated_s").at("p50");
  EXPECT_GT(p50, 60) << "more than its start";
  EXPECT_NEAR(answer.at("mdape_pct").get<double>(), 100 * std::abs(600 - p50) / 600, 1e-6);
  EXPECT_THAT(estimates_->metrics(), HasSubstr("galley_estimate_error_ratio_count 1"));
  EXPECT_THAT(estimates_->metrics(), HasSubstr("galley_estimate_coverage_ratio"));
}

TEST_F(LearnerTest, AJobIsEstimatedFromRunsLikeItWhateverItsSeed) {
  auto job = controller::spec({"./simulate", "--size", "9", "--seed", "1"});
  job_that_takes(job, 100);
  EXPECT_EQ(accuracy().at("count"), 0) << "nothing was known of the first";
  job.command.back() = "2";
  job_that_takes(job, 110);
  const Json answer = accuracy();
  ASSERT_EQ(answer.at("count"), 1);
  const Json& item = answer.at("items").at(0);
  EXPECT_EQ(item.at("source"), "history");
  EXPECT_NEAR(item.at("estimated_s").at("p50").get<double>(), 100, 1e-9);
  EXPECT_EQ(answer.at("coverage90_pct"), 100);
  job.command[2] = "10";
  job_that_takes(job, 500);
  EXPECT_EQ(accuracy().at("count"), 1) << "another size is another job";
}

TEST_F(LearnerTest, TheMeasuredStepOfAJobBecomesARowToLearnFrom) {
  job_that_takes(training(), 600, steps_of_s(0.12));
  const auto row = parse_json(text_of_row("select features from estimator_rows"));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->at("network"), "resnet50");
  EXPECT_EQ(row->at("precision"), "fp16");
  EXPECT_EQ(row->at("batch_per_gpu"), 128);
  EXPECT_NEAR(row->at("step_s").get<double>(), 0.12, 1e-3);
}

TEST_F(LearnerTest, StepsFasterThanTheDeviceCanAreNotLearntFrom) {
  job_that_takes(training(), 600, steps_of_s(0.0004));
  EXPECT_EQ(count("select count(*) from estimator_rows"), 0);
}

TEST_F(LearnerTest, JobsThatFailAreNotCompared) {
  const auto job = submitted(training());
  look();
  const auto attempt = agent_.assigned(0).assignment.attempt_id;
  ASSERT_TRUE(runs(attempt));
  ASSERT_TRUE(ends(attempt, protocol::AttemptState::failed, 1));
  look();
  EXPECT_EQ(accuracy().at("count"), 0);
  EXPECT_EQ(count("select count(*) from job_forecasts"), 1);
}

TEST_F(LearnerTest, AfterARestartItGoesOnWhereItWas) {
  job_that_takes(training(), 600);
  const auto job = submitted(training(64));
  look();
  reopen();
  EXPECT_EQ(accuracy().at("count"), 1);
  EXPECT_EQ(count("select count(*) from job_forecasts"), 2);
  EXPECT_THAT(estimates_->metrics(), HasSubstr("galley_estimate_error_ratio_count 1"));
}

TEST(ForecastFromRuns, NarrowsWithEveryRunAndIsNeverCertain) {
  EXPECT_FALSE(forecast_from_runs({}));
  const auto one = forecast_from_runs(std::vector<double>{100});
  const auto five = forecast_from_runs(std::vector<double>{98, 99, 100, 101, 102});
  ASSERT_TRUE(one && five);
  EXPECT_NEAR(one->p50, 100, 1e-9);
  EXPECT_NEAR(five->p50, 100, 1e-9);
  EXPECT_LT(one->low, one->p10);
  EXPECT_LT(one->p90, one->high);
  EXPECT_LT(five->high - five->low, one->high - one->low);
  EXPECT_GT(five->high, 102);
}

TEST(MeasuredStep, EpochsAreDividedByTheirSteps) {
  RunPoints points;
  for (std::int64_t i = 0; i < 9; ++i) points["val"].push_back({i, 0.5, i * 40'000});
  const JobWork work{.batch_per_gpu = 100, .epochs = 9, .items = 40'000};
  const auto step = measured_step_s(points, work, 1);
  ASSERT_TRUE(step);
  EXPECT_NEAR(*step, 0.1, 1e-9);
  EXPECT_FALSE(measured_step_s(points, {.batch_per_gpu = 100, .epochs = 9}, 1));
}

TEST(MeasuredStep, WhatTheProgramSaysItselfGoesFirst) {
  RunPoints points;
  for (std::int64_t i = 0; i < 9; ++i) {
    points["loss"].push_back({i, 0.5, i * 1000});
    points["step_ms"].push_back({i, 250, i * 1000});
  }
  EXPECT_NEAR(measured_step_s(points, {}, 1).value_or(0), 0.25, 1e-9);
}

TEST_F(LearnerTest, AQuestionAboutAJobIsAnsweredByRunsOfIt) {
  auto job = controller::spec({"./simulate", "--size", "9"});
  job.resources.gpus = 2;
  const Json question{{"job", {{"command", job.command}, {"resources", {{"gpus", 2}}}}}};
  EXPECT_FALSE(estimates_->answer(question, controller::caller())) << "nothing is known of it";
  job_that_takes(job, 7'200);
  const auto answer = estimates_->answer(question, controller::caller());
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->at("history").at("runs"), 1);
  EXPECT_NEAR(answer->at("history").at("runtime_s").at("p50").get<double>(), 7'200, 1e-6);
  ASSERT_EQ(answer->at("items").size(), 1U);
  const Json& item = answer->at("items").at(0);
  EXPECT_EQ(item.at("recommended"), true);
  EXPECT_THAT(item.at("name").get<std::string>(), HasSubstr("as in 1 earlier run"));
  EXPECT_EQ(item.at("cost_usd"), answer->at("history").at("cost_usd"));
}

TEST_F(LearnerTest, AJobWithoutGpusIsAnsweredByWhatRunsOfItTook) {
  job_that_takes(controller::spec({"./sort", "all"}), 100);
  const auto answer = estimates_->answer(
      {{"job", {{"command", {"./sort", "all"}}}}, {"cluster", false}}, controller::caller());
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_TRUE(answer->at("items").empty());
  EXPECT_EQ(answer->at("history").at("runs"), 1);
}

TEST_F(LearnerTest, AWaitingJobTakesItsPlaceByRunsLikeItAlsoAfterARestart) {
  auto quick = controller::spec({"./quick"});
  auto unknown = controller::spec({"./unknown"});
  quick.resources.cpus = unknown.resources.cpus = 4;
  job_that_takes(quick, 30);
  auto blocker = unknown;
  blocker.command = {"./blocker"};
  (void)submitted(blocker);
  ASSERT_TRUE(runs(agent_.assigned(assigned_++).assignment.attempt_id));
  (void)submitted(unknown);
  const auto next = submitted(quick);
  look();
  reopen();
  const auto attempt = agent_.assigned(assigned_++).assignment.attempt_id;  // it is sent again
  ASSERT_TRUE(ends(attempt, protocol::AttemptState::succeeded));
  EXPECT_EQ(agent_.assigned(assigned_).assignment.job_id, next.id);
}

TEST_F(LearnerTest, AJobThatBeginsIsExpectedToTakeAndCostSomething) {
  auto job = training();
  job.resources.gpus = 2;
  const auto accepted = submitted(job);
  ASSERT_TRUE(runs(agent_.assigned(assigned_++).assignment.attempt_id));
  const LivePrior prior = estimates_->prior_of(this->job(accepted.id));
  ASSERT_TRUE(prior.total_s) << "also where nobody has looked before it began";
  EXPECT_GT(prior.total_s->p50, 60);
  EXPECT_EQ(count("select count(*) from job_forecasts where p50_s is not null"), 1);
  const auto prices = GpuPrices::open({});
  const auto gpu = estimator::find_gpu("H100");
  ASSERT_TRUE(prices && gpu);
  EXPECT_GT(prices->usd_per_gpu_h(*gpu), 0);
  EXPECT_DOUBLE_EQ(prior.usd_per_hour, 2 * prices->usd_per_gpu_h(*gpu));
  const auto without = submitted(controller::spec({"true"}));
  ASSERT_TRUE(runs(agent_.assigned(assigned_++).assignment.attempt_id));
  EXPECT_EQ(estimates_->prior_of(this->job(without.id)).usd_per_hour, 0);
}

TEST(GpuPricesTest, TheSitesOwnListRulesForWhatItNames) {
  const testing::TempFolder temp;
  const auto file = temp / "prices.csv";
  ASSERT_TRUE(write_file_atomic(file, "GPU Type,GPUs,On-demand\nH100,8,16\n", Durability::memory));
  const auto own = GpuPrices::open(file);
  const auto shipped = GpuPrices::open({});
  ASSERT_TRUE(own && shipped);
  EXPECT_EQ(own->usd_per_gpu_h(*estimator::find_gpu("H100")), 2);
  const auto other = *estimator::find_gpu("V100");
  EXPECT_GT(shipped->usd_per_gpu_h(other), 0);
  EXPECT_EQ(own->usd_per_gpu_h(other), shipped->usd_per_gpu_h(other));
  ASSERT_TRUE(write_file_atomic(file, "GPU,Count\n", Durability::memory));
  const auto wrong = GpuPrices::open(file);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr(file.string()));
}

}  // namespace
}  // namespace galley::estimates
