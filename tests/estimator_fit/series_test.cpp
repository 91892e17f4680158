#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "estimator_fit/estimator_fit.h"

namespace galley::estimator {
namespace {

/// Sessions of one network on one device, each with an offset of its own that no feature tells.
FitRows sessions(std::size_t count, double offset, double noise) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  FitRows data;
  for (std::size_t session = 0; session < count; ++session) {
    const double own = offset * normal(random);
    for (int batch = 0; batch < 12; ++batch) {
      JobFeatures job{.network = *find_network("resnet50"), .gpu = *find_gpu("T4")};
      job.gpus = job.nodes = 2;
      job.batch_per_gpu = std::round(8 * std::pow(1.4, batch));
      job.context = "session " + std::to_string(session);
      const double step = physics_step_s({}, job) * std::exp(own + noise * normal(random));
      data.rows.push_back({std::move(job), step});
    }
  }
  return data;
}

double mean_error_of(const EstimatorModel& model, const FitRows& asked) {
  double sum = 0;
  for (const auto& row : asked.rows)
    sum += std::abs(predict_log_step(model, row.job) - std::log(row.step_s));
  return sum / static_cast<double>(asked.rows.size());
}

/// Every fifth record of each session is asked for; the rest is learned from.
std::pair<FitRows, FitRows> learned_and_asked(const FitRows& all) {
  std::pair<FitRows, FitRows> parts;
  for (std::size_t i = 0; i < all.rows.size(); ++i)
    (i % 5 == 0 ? parts.second : parts.first).rows.push_back(all.rows[i]);
  return parts;
}

TEST(Series, TellWhatOneSessionHasInCommonWherePointsAreTooFew) {
  const auto [learned, asked] = learned_and_asked(sessions(60, 0.2, 0.02));
  auto model = fit_estimator(learned, {.kernel = {.most_points = 60}});
  ASSERT_TRUE(model) << describe(model.error());
  EXPECT_EQ(model->kernel.series.series.size(), 60U);
  EXPECT_LT(mean_error_of(*model, asked), 0.04);
  model->kernel.series = {};
  EXPECT_GT(mean_error_of(*model, asked), 0.08);
}

TEST(Series, OneOddRecordDoesNotBendItsSession) {
  auto [learned, asked] = learned_and_asked(sessions(60, 0.2, 0.02));
  for (std::size_t i = 3; i < learned.rows.size(); i += 30) learned.rows[i].step_s *= 1.6;
  const auto model = fit_estimator(learned, {.kernel = {.most_points = 60}});
  ASSERT_TRUE(model);
  EXPECT_LT(mean_error_of(*model, asked), 0.05);
}

TEST(Series, AreReadAsTheyWereWritten) {
  const auto [learned, asked] = learned_and_asked(sessions(30, 0.2, 0.02));
  const auto model = fit_estimator(learned, {.kernel = {.most_points = 60}});
  ASSERT_TRUE(model);
  auto text = print_model(*model);
  const auto read = parse_model(text);
  ASSERT_TRUE(read) << describe(read.error());
  for (const auto& row : asked.rows)
    EXPECT_NEAR(predict_log_step(*read, row.job), predict_log_step(*model, row.job), 1e-5);
  const auto at = text.find("\"length\":");
  ASSERT_NE(at, std::string::npos);
  text.insert(at + 9, "-");
  EXPECT_FALSE(parse_model(text));
}

}  // namespace
}  // namespace galley::estimator
