#include "estimator/kernel_model.h"

#ifndef EIGEN_NO_DEBUG
#define EIGEN_NO_DEBUG  // -O2 keeps asserts, which cost a third of the speed here
#endif
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace galley::estimator {
namespace {

using KernelView = Eigen::Map<const Eigen::ArrayXf>;

// The loops below are most of an estimate; with wider registers they take half the time. The thread
// sanitiser starts too late for functions that are chosen as the program is loaded.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define GALLEY_WIDE_LOOP                                     \
  __attribute__((target_clones("arch=x86-64-v3", "default"), \
                 optimize("O3", "no-math-errno", "no-trapping-math")))
#else
#define GALLEY_WIDE_LOOP
#endif

/// exponent -= weight * (distance of value and each point)
GALLEY_WIDE_LOOP void add_categories(const float* __restrict points, std::size_t count, float value,
                                     float weight, float* __restrict exponent) {
  for (std::size_t i = 0; i < count; ++i) exponent[i] -= points[i] == value ? 0.0F : weight;
}

GALLEY_WIDE_LOOP void add_squares(const float* __restrict points, std::size_t count, float value,
                                  float weight, float* __restrict exponent) {
  for (std::size_t i = 0; i < count; ++i) {
    const float away = points[i] - value;
    exponent[i] -= weight * away * away;
  }
}

GALLEY_WIDE_LOOP void add_lengths(const float* __restrict points, std::size_t count, float value,
                                  float weight, float* __restrict exponent) {
  for (std::size_t i = 0; i < count; ++i) {
    const float away = points[i] - value;
    exponent[i] -= weight * (away < 0 ? -away : away);
  }
}

/// sum += variance * exp(exponent), for exponents up to 0: 2 to the whole part by its bits, the
/// rest by a polynomial (Taylor's, to 3e-6 of the value over half a binary order).
GALLEY_WIDE_LOOP void add_exponentials(const float* __restrict exponent, std::size_t count,
                                       float variance, float* __restrict sum) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
  constexpr std::size_t kBlock = 64;
  std::array<float, kBlock> power;
  std::array<std::int32_t, kBlock> bits;
  std::array<float, kBlock> whole_power;
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t size = std::min(kBlock, count - begin);
    for (std::size_t i = 0; i < size; ++i) {
      const float given = exponent[begin + i];
      const float x = given > -87.0F ? given : -87.0F;
      const auto whole = static_cast<std::int32_t>(x * kLog2E - 0.5F);  // towards 0: to the nearest
      const auto k = static_cast<float>(whole);
      const float r = x - k * kLn2High - k * kLn2Low;
      const float rest = 0.5F + r * (1.0F / 6 + r * (1.0F / 24 + r * (1.0F / 120)));
      power[i] = variance * (1.0F + r * (1.0F + r * rest));
      bits[i] = (whole + 127) * (1 << 23);
    }
    std::memcpy(whole_power.data(), bits.data(), sizeof bits);
    for (std::size_t i = 0; i < size; ++i) sum[begin + i] += power[i] * whole_power[i];
  }
}

#undef GALLEY_WIDE_LOOP

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
  const std::size_t count = points[0].size();
  out.assign(count, 0);
  thread_local std::vector<float> exponent;
  for (const auto& component : components) {
    exponent.assign(count, 0);
    for (const auto& input : component.inputs) {
      // Categories are whole numbers: equal or not.
      const auto add = input.index >= FeatureRow::kNumbers ? add_categories
                       : component.smooth                  ? add_squares
                                                           : add_lengths;
      add(points[input.index].data(), count, inputs[input.index], input.weight, exponent.data());
    }
    add_exponentials(exponent.data(), count, component.variance, out.data());
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
  answer.value += evaluate(model.series, inputs);
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
