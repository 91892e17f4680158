#include "estimator/eta_target.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace galley::estimator {
namespace {

constexpr std::size_t kMostCurvePoints = 256;
constexpr std::size_t kFewestCurvePoints = 8;
constexpr double kFurthest = 4;          // times the progress seen
constexpr double kMostIndependent = 30;  // values; neighbours on a curve share their noise
constexpr double kSurelyNever = 0.6;     // of the weight
constexpr double kPerhapsNever = 0.25;
constexpr double kSoftStart = 1e-3;  // keeps the power finite at the origin
constexpr std::array<double, 10> kPowers{0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.4, 2, 3, 4.5};

/// Values shifted by their noise, and how much each shift weighs: a three-point normal law.
constexpr std::array<std::pair<double, double>, 3> kNoiseShifts{
    {{-1.28, 0.3}, {0, 0.4}, {1.28, 0.3}}};

/// v = level + height * basis, by weighted least squares.
struct CurveFit {
  double level = 0;
  double height = 0;
  double squares = 0;  // mean of squared residuals
};

std::optional<double> crossing_of(const CurveFit& fit, double power, double target,
                                  bool lower_is_better) {
  const bool improves = lower_is_better ? fit.height > 0 : fit.height < 0;
  const double basis = (target - fit.level) / fit.height;
  if (!improves || !(basis > 0)) return std::nullopt;
  return std::pow(basis, -1 / power) - kSoftStart;
}

}  // namespace

void MetricCurve::add(double progress, double value) {
  if (!std::isfinite(progress) || !std::isfinite(value) || progress < 0) return;
  if (!points_.empty() && progress < points_.back().progress) return;
  lowest_ = points_.empty() ? value : std::min(lowest_, value);
  highest_ = points_.empty() ? value : std::max(highest_, value);
  if (!points_.empty() && points_.back().weight < static_cast<double>(stride_)) {
    Point& last = points_.back();
    last.value += (value - last.value) / (last.weight + 1);
    last.progress += (progress - last.progress) / (last.weight + 1);
    last.weight += 1;
    return;
  }
  if (points_.size() == kMostCurvePoints) {
    for (std::size_t i = 0; i < kMostCurvePoints / 2; ++i) {
      const Point& a = points_[2 * i];
      const Point& b = points_[2 * i + 1];
      const double weight = a.weight + b.weight;
      points_[i] = {.progress = (a.progress * a.weight + b.progress * b.weight) / weight,
                    .value = (a.value * a.weight + b.value * b.weight) / weight,
                    .weight = weight};
    }
    points_.resize(kMostCurvePoints / 2);
    stride_ *= 2;
  }
  points_.push_back({.progress = progress, .value = value, .weight = 1});
}

TargetEstimate MetricCurve::extrapolate(const MetricTarget& target) const {
  TargetEstimate estimate;
  if (points_.empty()) return estimate;
  const double last = points_.back().progress;
  if (target.lower_is_better ? lowest_ <= target.value : highest_ >= target.value) {
    estimate.answer = TargetAnswer::reached;
    estimate.progress = {last, last, last};
    return estimate;
  }
  if (points_.size() < kFewestCurvePoints || !(last > 0)) return estimate;

  // The first steep tenth follows other laws, and would rule over the rest.
  constexpr double kSteep = 0.1;
  std::size_t first = 0;
  while (points_[first].progress < kSteep * last) ++first;
  if (points_.size() - first < kFewestCurvePoints) first = 0;
  const std::size_t half = first + (points_.size() - first) / 2;

  std::array<CurveFit, kPowers.size()> fits;
  double smallest = 0;
  for (std::size_t k = 0; k < kPowers.size(); ++k) {
    double sw = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    for (std::size_t i = first; i < points_.size(); ++i) {
      const double x = std::pow(points_[i].progress / last + kSoftStart, -kPowers[k]);
      const double y = points_[i].value;
      const double w = points_[i].weight * (i >= half ? 2 : 1);
      sw += w;
      sx += w * x;
      sy += w * y;
      sxx += w * x * x;
      sxy += w * x * y;
      syy += w * y * y;
    }
    const double variance = sxx / sw - (sx / sw) * (sx / sw);
    const double covariance = sxy / sw - (sx / sw) * (sy / sw);
    CurveFit& fit = fits[k];
    fit.height = variance > 0 ? covariance / variance : 0;
    fit.level = sy / sw - fit.height * sx / sw;
    fit.squares = std::max(syy / sw - (sy / sw) * (sy / sw) - fit.height * covariance, 0.0);
    if (k == 0 || fit.squares < smallest) smallest = fit.squares;
  }

  const double independent =
      std::min(static_cast<double>(points_.size() - first), kMostIndependent);
  const double floor = smallest + 1e-12 * (1 + target.value * target.value);
  std::vector<std::pair<double, double>> crossings;  // in units of the progress seen, with weights
  double all = 0;
  double never = 0;
  for (std::size_t k = 0; k < kPowers.size(); ++k) {
    const double likelihood = std::pow(
        (fits[k].squares + 1e-12 * (1 + target.value * target.value)) / floor, -independent / 2);
    const double doubt = std::sqrt(fits[k].squares / independent);
    for (const auto& [shift, share] : kNoiseShifts) {
      const double weight = likelihood * share;
      all += weight;
      const auto at =
          crossing_of(fits[k], kPowers[k], target.value + shift * doubt, target.lower_is_better);
      if (at)
        crossings.emplace_back(std::max(*at, 1.0), weight);
      else
        never += weight;
    }
  }
  if (never > kSurelyNever * all) {
    estimate.answer = TargetAnswer::out_of_reach;
    return estimate;
  }
  if (never > kPerhapsNever * all) return estimate;
  std::ranges::sort(crossings);
  const auto quantile = [&](double share) {
    double sum = 0;
    for (const auto& [at, weight] : crossings) {
      sum += weight;
      if (sum >= share * (all - never)) return at;
    }
    return crossings.back().first;
  };
  if (quantile(0.5) > kFurthest) return estimate;
  estimate.answer = TargetAnswer::expected;
  estimate.progress = {last * quantile(0.1), last * quantile(0.5), last * quantile(0.9)};
  return estimate;
}

}  // namespace galley::estimator
