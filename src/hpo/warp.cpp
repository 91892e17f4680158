#include "warp.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace galley::hpo {

Warp::Warp(const Eigen::VectorXd& values, double softness_of_log) : softness(softness_of_log) {
  std::vector<double> sorted(values.data(), values.data() + values.size());
  std::ranges::sort(sorted);
  least = sorted.front();
  spread = sorted[sorted.size() / 2] - least;
  if (!(spread > 0)) spread = sorted.back() - least;
  if (!(spread > 0) || !std::isfinite(spread)) spread = 1;
  const Eigen::VectorXd warped = (*this)(values);
  mean = warped.mean();
  deviation = std::sqrt((warped.array() - mean).square().mean());
  if (!(deviation > 1e-12)) deviation = 1;
}

double Warp::operator()(double value) const {
  const double relative = (value - least) / spread;
  const double warped = softness > 0 ? std::log1p(std::max(relative, 0.0) / softness) : relative;
  return (warped - mean) / deviation;
}

Eigen::VectorXd Warp::operator()(const Eigen::VectorXd& values) const {
  return values.unaryExpr([this](double value) { return (*this)(value); });
}

double Warp::log_slopes(const Eigen::VectorXd& values) const {
  double sum = -static_cast<double>(values.size()) * std::log(deviation);
  for (const double value : values)
    sum -= softness > 0 ? std::log(softness + std::max((value - least) / spread, 0.0)) : 0;
  return sum;
}

}  // namespace galley::hpo
