// The estimator learns from the jobs of a real server, by a job of its own.
#include <fmt/format.h>

#include "estimate_fixture.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;

using EstimateRefit = EstimateFixture;

TEST_F(EstimateRefit, EnoughMeasuredJobsHaveTheEstimatorFittedAgainByAnIdleJob) {
  ASSERT_NO_FATAL_FAILURE(start({"--refit-after", "8"}));
  std::vector<std::string> jobs;
  for (int i = 1; i <= 8; ++i)
    jobs.push_back(submit({{"command",
                            {"/bin/sh", "-c",
                             "i=0; while [ $i -lt 20 ]; do i=$((i+1)); "
                             "echo galley:: step=$i step_s=$0; done",
                             fmt::format("{:.3f}", 0.05 + 0.01 * i), "--arch", "resnet50",
                             "--batch-size", std::to_string(16 * i), "--amp", "--max-steps", "20"}},
                           {"resources", {{"gpus", 1}}}})
                       .at("id"));
  for (const std::string& job : jobs) ASSERT_TRUE(client_->wait_for_job(job, Millis{60'000}));
  Json accuracy;
  const auto fitted = [&] {
    accuracy = get("/api/v1/estimates/accuracy");
    return !accuracy.at("fits").empty() && accuracy.at("fits").at(0).at("state") != "fitting";
  };
  for (int i = 0; i < 6 && !fitted(); ++i) (void)eventually(fitted);
  ASSERT_FALSE(accuracy.at("fits").empty());
  const Json fit = accuracy.at("fits").at(0);
  // Eight rows of one machine beat a model that has never seen it.
  EXPECT_EQ(fit.at("state"), "used") << fit.dump();
  EXPECT_EQ(fit.at("rows"), 8);
  EXPECT_EQ(accuracy.at("model").at("source"), "site");
  const Json job = get("/api/v1/jobs/" + fit.at("job_id").get<std::string>());
  EXPECT_EQ(job.at("name"), "estimator-fit");
  EXPECT_EQ(job.at("priority_class"), "idle");
  EXPECT_EQ(job.at("state"), "succeeded");

  const std::string metrics = text_of("/metrics");
  EXPECT_THAT(metrics, HasSubstr("galley_estimator_site_jobs 8"));
  EXPECT_THAT(metrics, HasSubstr("galley_estimator_fit_error_ratio 0."));
  const auto file = site_.work() / "ask.json";
  ASSERT_TRUE(write_file_atomic(file,
                                dump_json({{"kind", "estimate"},
                                           {"version", 1},
                                           {"network", "resnet50"},
                                           {"precision", "fp16"},
                                           {"batch_per_gpu", 64},
                                           {"items", 100'000},
                                           {"epochs", 1}}),
                                Durability::memory));
  EXPECT_THAT(said({"estimate", file.string()}), HasSubstr("learnt from 8 jobs of this site"));
}

}  // namespace
}  // namespace galley::testing
