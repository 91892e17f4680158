#include "estimator/kernel_model.h"

#ifndef EIGEN_NO_DEBUG
#define EIGEN_NO_DEBUG  // -O2 keeps asserts, which cost a third of the speed here
#endif
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace galley::estimator {
namespace {

using KernelArray = Eigen::ArrayXf;
using KernelView = Eigen::Map<const KernelArray>;

void add_distance(const KernelModel::Input& input, bool smooth, const std::vector<float>& points,
                  float value, KernelArray& exponent) {
  const KernelView view(points.data(), static_cast<Eigen::Index>(points.size()));
  // Categories are whole numbers, of which different ones lie at least 1 apart.
  if (input.index >= FeatureRow::kNumbers)
    exponent -= input.weight * (view - value).abs().min(1.0F);
  else if (smooth)
    exponent -= input.weight * (view - value).square();
  else
    exponent -= input.weight * (view - value).abs();
}

}  // namespace

std::array<float, KernelModel::kInputs> kernel_inputs(
    const std::array<std::vector<std::string>, FeatureRow::kCategories>& vocabulary,
    const FeatureRow& row) {
  std::array<float, KernelModel::kInputs> inputs{};
  for (std::size_t i = 0; i < FeatureRow::kNumbers; ++i)
    inputs[i] = static_cast<float>(row.numbers[i]);
  for (std::size_t c = 0; c < FeatureRow::kCategories; ++c) {
    const auto& words = vocabulary[c];
    const auto found = std::ranges::find(words, row.categories[c]);
    inputs[FeatureRow::kNumbers + c] =
        found == words.end() ? -1.0F : static_cast<float>(found - words.begin());
  }
  return inputs;
}

void kernel_row(const std::vector<KernelModel::Component>& components,
                const std::array<std::vector<float>, KernelModel::kInputs>& points,
                const std::array<float, KernelModel::kInputs>& inputs, std::vector<float>& out) {
  const auto count = static_cast<Eigen::Index>(points[0].size());
  out.resize(points[0].size());
  Eigen::Map<KernelArray> sum(out.data(), count);
  sum.setZero();
  thread_local KernelArray exponent;
  for (const auto& component : components) {
    exponent.setZero(count);
    for (const auto& input : component.inputs)
      add_distance(input, component.smooth, points[input.index], inputs[input.index], exponent);
    sum += component.variance * exponent.exp();
  }
}

void set_range(KernelModel& model) {
  for (std::size_t i = 0; i < FeatureRow::kNumbers; ++i) {
    if (model.points[i].empty()) continue;
    const auto [least, most] = std::ranges::minmax(model.points[i]);
    model.least[i] = least;
    model.most[i] = most;
  }
}

double distance_outside(const KernelModel& model, const FeatureRow& row) {
  if (model.alpha.empty()) return 0;
  double distance = 0;
  for (const FeatureNumber number : {log_batch, log_gpus, log_nodes, log_fullest, log_loaders}) {
    const double value = row.numbers[number];
    distance += std::max({0.0, value - static_cast<double>(model.most[number]) - 1e-3,
                          static_cast<double>(model.least[number]) - value - 1e-3});
  }
  return distance;
}

KernelAnswer evaluate(const KernelModel& model, const FeatureRow& row) {
  KernelAnswer answer{.value = model.mean};
  if (model.alpha.empty()) return answer;
  thread_local std::vector<float> covariances;
  auto inputs = kernel_inputs(model.vocabulary, row);
  for (std::size_t i = 0; i < FeatureRow::kNumbers; ++i)
    inputs[i] = std::clamp(inputs[i], model.least[i], model.most[i]);
  kernel_row(model.components, model.points, inputs, covariances);
  const auto count = static_cast<Eigen::Index>(covariances.size());
  const KernelView with(covariances.data(), count);
  answer.value += static_cast<double>((with * KernelView(model.alpha.data(), count)).sum());
  Eigen::Index nearest = 0;
  const float most = with.maxCoeff(&nearest);
  float own = 0;
  for (const auto& component : model.components) own += component.variance;
  answer.nearest = static_cast<std::size_t>(nearest);
  const double share = static_cast<double>(most / own);
  answer.similarity = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0;
  return answer;
}

}  // namespace galley::estimator
