#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "estimator_fit/estimator_fit.h"

namespace galley::estimator {
namespace {

constexpr std::array<const char*, 5> kProbedNetworks{"resnet50", "bert base", "vgg16", "gnmt",
                                                     "resnet18"};
constexpr std::array<const char*, 4> kProbedDevices{"V100", "A100", "T4", "P100"};

/// Networks use each device differently, by `own` (a logarithm): so little does one device say of
/// a network on another.
FitRows devices_differ(double own) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  FitRows data;
  for (const char* network : kProbedNetworks)
    for (const char* device : kProbedDevices) {
      const double factor = own * normal(random);
      for (const double batch : {8, 16, 32, 64}) {
        JobFeatures job{.network = *find_network(network), .gpu = *find_gpu(device)};
        job.batch_per_gpu = batch;
        data.rows.push_back(
            {job, physics_step_s({}, job) * std::exp(factor + 0.03 * normal(random))});
      }
    }
  return data;
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

TEST(Probes, OfNewNetworksKeepTheirIntervalsAndHarmNoMedian) {
  const auto all = devices_differ(0.4);
  std::vector<double> without, with;
  std::size_t covered = 0;
  for (const char* left_out : {"resnet50", "vgg16", "gnmt"}) {
    const auto name = find_network(left_out)->name;
    FitRows known, asked;
    for (const auto& row : all.rows)
      (row.job.network.name == name ? asked : known).rows.push_back(row);
    const auto model = fit_estimator(known);
    ASSERT_TRUE(model) << describe(model.error());
    for (std::size_t probe = 0; probe < asked.rows.size(); probe += 5) {
      const auto calibrated = calibrate(*model, std::span(asked.rows).subspan(probe, 1));
      ASSERT_TRUE(calibrated);
      for (const auto& row : asked.rows) {
        if (row.job.gpu.name == asked.rows[probe].job.gpu.name) continue;
        const auto estimate = *predict(*calibrated, row.job);
        with.push_back(std::abs(std::log(estimate.step_s / row.step_s)));
        without.push_back(std::abs(predict_log_step(*model, row.job) - std::log(row.step_s)));
        covered += estimate.step_s_low <= row.step_s && row.step_s <= estimate.step_s_high ? 1 : 0;
      }
    }
  }
  // Believed as it is, a probe of one device would add its own spread: 1.4 times.
  EXPECT_LT(median_of(with), 1.25 * median_of(without));
  EXPECT_GE(covered * 100, with.size() * 80);
}

TEST(Probes, SayMostOfTheDeviceThatWasProbed) {
  const auto all = devices_differ(0.4);
  FitRows known;
  std::vector<Observation> probe;
  for (const auto& row : all.rows)
    if (row.job.network.name != find_network("vgg16")->name)
      known.rows.push_back(row);
    else if (row.job.gpu.name == find_gpu("T4")->name && row.job.batch_per_gpu == 16)
      probe.push_back(row);
  const auto model = fit_estimator(known);
  ASSERT_TRUE(model);
  const auto calibrated = *calibrate(*model, probe);
  auto here = probe[0].job, elsewhere = here;
  here.batch_per_gpu = 32;
  elsewhere.gpu = *find_gpu("A100");
  const auto width = [&](const JobFeatures& job) {
    const auto estimate = *predict(calibrated, job);
    return std::log(estimate.step_s_high / estimate.step_s_low);
  };
  EXPECT_LT(width(here), 0.7 * width(elsewhere));
}

TEST(Probes, WhatTheyAreWorthIsReadAsItWasWritten) {
  const auto model = fit_estimator(devices_differ(0.4));
  ASSERT_TRUE(model);
  const auto read = parse_model(print_model(*model));
  ASSERT_TRUE(read) << describe(read.error());
  for (std::size_t kind = 0; kind < kProbedKinds; ++kind)
    for (std::size_t several = 0; several < 2; ++several) {
      const auto& one = model->probed_errors[kind][several];
      EXPECT_GT(one.errors.count, 0);
      EXPECT_EQ(read->probed_errors[kind][several].weight, one.weight);
      EXPECT_EQ(read->probed_errors[kind][several].errors.log_error, one.errors.log_error);
    }
}

}  // namespace
}  // namespace galley::estimator
