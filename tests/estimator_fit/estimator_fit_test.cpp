#include "estimator_fit/estimator_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <set>

namespace galley::estimator {
namespace {

constexpr std::array<const char*, 4> kNetworks{"resnet50", "bert base", "vgg16", "gnmt"};
constexpr std::array<const char*, 5> kDevices{"V100", "A100", "T4", "RTX 3090", "P100"};

/// Records of a world that the physics describes but for one factor of each device and network.
FitRows world(std::size_t count, double noise, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  FitRows data;
  while (data.rows.size() < count) {
    const std::size_t network = random() % kNetworks.size();
    const std::size_t device = random() % kDevices.size();
    JobFeatures job{.network = *find_network(kNetworks[network]),
                    .gpu = *find_gpu(kDevices[device])};
    job.gpus = static_cast<double>(1U << (random() % 4));
    job.batch_per_gpu = static_cast<double>(4U << (random() % 5));
    const double step = physics_step_s({}, job) *
                        std::exp(0.15 * static_cast<double>(device) -
                                 0.2 * static_cast<double>(network) + noise * normal(random));
    data.rows.push_back({std::move(job), step});
  }
  return data;
}

TEST(EstimatorFit, LearnsWhatThePhysicsLeaves) {
  const auto model = fit_estimator(world(150, 0.02));
  ASSERT_TRUE(model) << describe(model.error());
  double worst = 0;
  double sum = 0;
  const auto asked = world(60, 0, 2);
  for (const auto& row : asked.rows) {
    const auto estimate = predict(*model, row.job);
    ASSERT_TRUE(estimate);
    const double error = std::abs(estimate->step_s / row.step_s - 1);
    worst = std::max(worst, error);
    sum += error;
  }
  EXPECT_LT(sum / 60, 0.04);
  EXPECT_LT(worst, 0.2);
}

TEST(EstimatorFit, IntervalsHoldNineOfTen) {
  const auto model = fit_estimator(world(250, 0.1));
  ASSERT_TRUE(model);
  std::size_t covered = 0;
  const auto asked = world(300, 0.1, 3);
  for (const auto& row : asked.rows) {
    const auto estimate = *predict(*model, row.job);
    covered += estimate.step_s_low <= row.step_s && row.step_s <= estimate.step_s_high ? 1 : 0;
  }
  EXPECT_GE(covered, 250U);
  EXPECT_LE(covered, 290U);
}

TEST(EstimatorFit, NetworksThatOnlyOneDeviceRanSayNothingOfNewDevices) {
  // A device with networks of its own that are far off the physics: leaving it out tells how well
  // jobs are estimated of which nothing is known, not how well known networks on a new device are.
  auto data = world(200, 0.05);
  auto island = world(40, 0.05, 4);
  for (std::size_t i = 0; i < island.rows.size(); ++i) {
    auto& row = island.rows[i];
    row.job.network.name = i % 2 == 0 ? "island a" : "island b";
    row.job.gpu = *find_gpu("K80");
    row.step_s *= 12;
    data.rows.push_back(row);
  }
  const auto model = fit_estimator(data);
  ASSERT_TRUE(model) << describe(model.error());
  const auto& one_new = model->errors[static_cast<std::size_t>(Familiarity::new_gpu)].log_error;
  const auto& both_new = model->errors[static_cast<std::size_t>(Familiarity::new_both)].log_error;
  EXPECT_LT(one_new.back() - one_new.front(), 2.0);
  EXPECT_GT(both_new.back(), 1.5);
}

TEST(EstimatorFit, ANewDevicesRecordsLieInItsIntervals) {
  std::size_t covered = 0, asked = 0;
  const auto all = world(260, 0.05);
  for (const char* device : kDevices) {
    FitRows known;
    for (const auto& row : all.rows)
      if (row.job.gpu.name != find_gpu(device)->name) known.rows.push_back(row);
    const auto model = fit_estimator(known);
    ASSERT_TRUE(model);
    for (const auto& row : all.rows) {
      if (row.job.gpu.name != find_gpu(device)->name) continue;
      const auto estimate = *predict(*model, row.job);
      EXPECT_EQ(estimate.familiarity, Familiarity::new_gpu);
      EXPECT_GT(estimate.step_s_p10, estimate.step_s / 4) << device;
      ++asked;
      covered += estimate.step_s_low <= row.step_s && row.step_s <= estimate.step_s_high ? 1 : 0;
    }
  }
  EXPECT_GE(covered * 100, asked * 75);
}

TEST(EstimatorFit, MoreRecordsThanPointsAreProjected) {
  FitOptions options;
  options.kernel.most_points = 40;
  const auto model = fit_estimator(world(300, 0.02), options);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->kernel.alpha.size(), 40U);
  double sum = 0;
  const auto asked = world(60, 0, 2);
  for (const auto& row : asked.rows)
    sum += std::abs(predict(*model, row.job)->step_s / row.step_s - 1);
  EXPECT_LT(sum / 60, 0.06);
}

TEST(EstimatorFit, GoesOnFromAnEarlierModelAndEqualInputsGiveEqualModels) {
  const auto first = fit_estimator(world(100, 0.02));
  ASSERT_TRUE(first);
  const auto data = world(120, 0.02);
  const auto next = fit_estimator(data, {}, &*first);
  ASSERT_TRUE(next);
  EXPECT_DOUBLE_EQ(next->records, 120);
  EXPECT_EQ(next->kernel.components.size(), first->kernel.components.size());
  EXPECT_EQ(print_model(*next), print_model(*fit_estimator(data, {}, &*first)));
}

TEST(EstimatorFit, RefusesFewAndImpossibleRecords) {
  EXPECT_FALSE(fit_estimator(world(5, 0)));
  auto data = world(20, 0);
  data.rows[7].step_s = -1;
  const auto model = fit_estimator(data);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("record 8"), std::string::npos) << model.error().message;
}

TEST(GroupedFolds, NeverSplitAGroup) {
  auto data = world(40, 0);
  for (std::size_t i = 0; i < data.rows.size(); ++i) data.groups.push_back(std::to_string(i / 4));
  const auto folds = grouped_folds(data, 5, 1);
  for (std::size_t i = 0; i < folds.size(); ++i) EXPECT_EQ(folds[i], folds[i / 4 * 4]);
  EXPECT_EQ(std::set(folds.begin(), folds.end()).size(), 5U);
}

TEST(Regressors, FitWhatTheyCanExpress) {
  DenseTable x{.width = 2};
  std::vector<double> y;
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    const float a = static_cast<float>(random() % 100) / 10;
    const float b = static_cast<float>(random() % 100) / 10;
    x.values.insert(x.values.end(), {a, b});
    y.push_back(2.0 * static_cast<double>(a) - static_cast<double>(b) + (a > 5 ? 3 : 0));
  }
  const auto error = [&](const auto& model) {
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += std::abs(evaluate(model, x.row(i)) - y[i]);
    return sum / static_cast<double>(y.size());
  };
  EXPECT_LT(error(fit_linear(x, y, 0.1)), 1.0);
  EXPECT_LT(error(fit_trees(x, y, {.depth = 10, .least_leaf = 1})), 0.3);
  EXPECT_LT(error(fit_trees(x, y, {.trees = 30, .depth = 10, .bootstrap = true})), 0.5);
  const auto boosted = fit_boosting(x, y, {});
  ASSERT_TRUE(boosted) << describe(boosted.error());
  EXPECT_LT(error(*boosted), 0.4);
  EXPECT_LT(error(fit_mlp(x, y, {})), 0.6);
}

TEST(CompareModels, ShowsEveryFamilyWithBothKindsOfFeatures) {
  const auto compared = compare_models(world(60, 0.05), 3, 1);
  ASSERT_TRUE(compared) << describe(compared.error());
  std::set<std::string> kinds;
  for (const auto& one : *compared) {
    kinds.insert(one.model + " " + one.features);
    EXPECT_EQ(one.error_pct_cdf.size(), 21U) << one.model;
    EXPECT_TRUE(std::ranges::is_sorted(one.error_pct_cdf));
    EXPECT_GT(one.mape_pct, 0) << one.model;
  }
  for (const char* model : {"linear", "cart", "forest", "boosting", "mlp"})
    for (const char* features : {"one_hot", "network"})
      EXPECT_TRUE(kinds.contains(std::string(model) + " " + features)) << model << features;
  EXPECT_TRUE(kinds.contains("kernel all") && kinds.contains("physics all"));
}

}  // namespace
}  // namespace galley::estimator
