#include "estimator_fit/site_fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "estimator/shipped.h"

namespace galley::estimator {
namespace {

/// Jobs of a site whose machines are `slower` than the physics says, three of each kind.
RowsFile site_jobs(std::size_t count, double slower) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  RowsFile site;
  for (std::size_t i = 0; site.rows.size() < count; ++i) {
    JobFeatures job{.network = *find_network(i % 2 == 0 ? "resnet50" : "bert base"),
                    .gpu = *find_gpu("H100 SXM")};
    job.gpus = static_cast<double>(1U << (i % 3));
    job.batch_per_gpu = static_cast<double>(8U << (i % 5));
    for (int repeat = 0; repeat < 3; ++repeat) {
      site.rows.push_back(
          {job, slower * physics_step_s({}, job) * std::exp(0.02 * normal(random))});
      site.groups.push_back("kind " + std::to_string(i));
    }
  }
  return site;
}

EstimatorModel shipped() {
  auto model = parse_model(shipped_model());
  EXPECT_TRUE(model);
  return *std::move(model);
}

TEST(SiteFit, ASitesOwnJobsMakeItsEstimatesBetter) {
  const auto fit = fit_site(site_jobs(45, 1.7), {}, shipped(), 0);
  ASSERT_TRUE(fit) << describe(fit.error());
  EXPECT_EQ(fit->rows, 45U);
  EXPECT_EQ(fit->compared, 45U);
  EXPECT_LT(fit->mdape_pct, 12);
  EXPECT_LT(fit->mdape_pct, fit->before_mdape_pct / 2);
  EXPECT_GE(fit->coverage90_pct, 85);
  EXPECT_TRUE(parse_model(print_model(fit->model)));
}

TEST(SiteFit, OnlyJobsThatTheModelInUseHasNotSeenAreCompared) {
  const auto fit = fit_site(site_jobs(45, 1.7), {}, shipped(), 30);
  ASSERT_TRUE(fit) << describe(fit.error());
  EXPECT_EQ(fit->compared, 15U);
}

TEST(SiteFit, TooFewJobsAreRefused) {
  const auto fit = fit_site(site_jobs(3, 1), {}, shipped(), 0);
  ASSERT_FALSE(fit);
  EXPECT_EQ(fit.error().field, "rows");
}

TEST(SiteFit, TheShippedMeasurementsCanBeRead) {
  const auto rows = parse_rows(shipped_rows());
  ASSERT_TRUE(rows) << describe(rows.error());
  EXPECT_EQ(rows->rows.size(), rows->groups.size());
}

}  // namespace
}  // namespace galley::estimator
