#include "pb2.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace galley::hpo {
namespace {

constexpr std::size_t kPb2Rows = 200;  // a fit of 200 rows takes about a millisecond
constexpr std::size_t kPb2Candidates = 200;
constexpr double kPb2Length = 0.35;  // of the unit cube
constexpr double kPb2Noise = 0.1;    // variance, where gains have variance 1
constexpr double kPb2Forget = 0.1;   // per interval of time between two rows
constexpr double kPb2Confidence = 1.5;

double kernel_of_intervals(const std::vector<double>& a, double time_a,
                           const std::vector<double>& b, double time_b) {
  double distance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) distance += (a[i] - b[i]) * (a[i] - b[i]);
  return std::exp(-distance / (2 * kPb2Length * kPb2Length)) *
         std::pow(1 - kPb2Forget, std::abs(time_a - time_b) / 2);
}

std::vector<double> unit_of(const Space& space, const Point& point) {
  std::vector<double> unit(space.size());
  for (std::size_t i = 0; i < space.size(); ++i)
    unit[i] = std::isnan(point[i]) ? 0.5 : space.to_unit(i, point[i]);
  return unit;
}

}  // namespace

IntervalBandit::IntervalBandit(const Space& space, std::uint64_t seed)
    : space_(space), rng_(seed, 2) {}

void IntervalBandit::observe(const Point& point, double resource, double gain) {
  if (!std::isfinite(gain)) return;
  if (rows_.size() == kPb2Rows) rows_.erase(rows_.begin());
  rows_.push_back({unit_of(space_, point), resource, gain});
}

Point IntervalBandit::suggest(const Point& near, double resource) {
  if (rows_.size() < 4) return near;
  const auto count = static_cast<Eigen::Index>(rows_.size());
  double mean = 0;
  for (const auto& row : rows_) mean += row.gain;
  mean /= static_cast<double>(rows_.size());
  double variance = 0;
  for (const auto& row : rows_) variance += (row.gain - mean) * (row.gain - mean);
  const double deviation = std::sqrt(variance / static_cast<double>(rows_.size())) + 1e-12;
  // Time in intervals: the distinct spacing of rows of one member is what a step is.
  const double interval = std::max(1e-12, rows_.front().resource);
  Eigen::MatrixXd covariance(count, count);
  Eigen::VectorXd gains(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const auto& row = rows_[static_cast<std::size_t>(i)];
    gains[i] = (row.gain - mean) / deviation;
    for (Eigen::Index j = 0; j <= i; ++j) {
      const auto& other = rows_[static_cast<std::size_t>(j)];
      covariance(i, j) = covariance(j, i) = kernel_of_intervals(
          row.unit, row.resource / interval, other.unit, other.resource / interval);
    }
    covariance(i, i) += kPb2Noise;
  }
  const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
  const Eigen::VectorXd weights = factor.solve(gains);

  Point best = near;
  double best_bound = -1e300;
  Eigen::VectorXd against(count);
  for (std::size_t n = 0; n < kPb2Candidates; ++n) {
    Point candidate = near;
    for (std::size_t i = 0; i < space_.size(); ++i) {
      if (std::isnan(near[i]) || !space_.parameter(i).is_number()) continue;
      // Half of the candidates are near, the others anywhere in the range.
      const double unit =
          n % 2 == 0 ? space_.to_unit(i, near[i]) + 0.1 * rng_.normal() : rng_.uniform();
      candidate[i] = space_.nearest_hard(i, space_.from_unit(i, std::clamp(unit, 0.0, 1.0)));
    }
    if (!space_.contains_hard(candidate)) continue;
    const auto unit = unit_of(space_, candidate);
    for (Eigen::Index i = 0; i < count; ++i) {
      const auto& row = rows_[static_cast<std::size_t>(i)];
      against[i] =
          kernel_of_intervals(unit, resource / interval, row.unit, row.resource / interval);
    }
    const double variance_left = std::max(0.0, 1 - against.dot(factor.solve(against)));
    const double bound = against.dot(weights) + kPb2Confidence * std::sqrt(variance_left);
    if (bound > best_bound) {
      best_bound = bound;
      best = std::move(candidate);
    }
  }
  return best;
}

}  // namespace galley::hpo
