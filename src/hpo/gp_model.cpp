#include "gp_model.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <utility>

#include "lbfgs.h"

namespace galley::hpo {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kScaleDeviation = 1.0;  // of the prior on log length scales
constexpr double kNoiseMean = -9;        // of the prior on the log share of noise
constexpr double kNoiseDeviation = 3;
constexpr double kLowestLogScale = -4;
constexpr double kHighestLogScale = 5;
constexpr double kLowestLogNoise = -18;
constexpr double kHighestLogNoise = 1;
constexpr double kJitter = 1e-9;
/// The variance is that of this many pseudo-values of variance 1 and of the data.
constexpr double kVariancePrior = 2;

const double kRoot5 = std::sqrt(5.0);

double correlation(double square, bool is_smooth) {
  if (is_smooth) return std::exp(-0.5 * square);
  const double r = kRoot5 * std::sqrt(square);
  return (1 + r + r * r / 3) * std::exp(-r);
}

/// d correlation / d square times -2: along an axis it is multiplied by difference / scale^2.
double correlation_slope(double square, bool is_smooth) {
  if (is_smooth) return std::exp(-0.5 * square);
  const double r = kRoot5 * std::sqrt(square);
  return 5.0 / 3.0 * (1 + r) * std::exp(-r);
}

double axis_distance(double a, double b, bool is_category) {
  if (is_category) return a == b ? 0 : 1;
  return (a - b) * (a - b);
}

}  // namespace

GpModel::GpModel(std::vector<bool> is_category) : is_category_(std::move(is_category)) {}

GpModel::Hyper GpModel::first_guess() const {
  const auto dims = static_cast<double>(is_category_.size());
  return {VectorXd::Constant(static_cast<Index>(is_category_.size()),
                             std::log(0.5) + 0.5 * std::log(dims)),
          -7, false};
}

double GpModel::negative_log_posterior(const MatrixXd& points, const VectorXd& values,
                                       bool is_smooth, const VectorXd& theta,
                                       VectorXd& gradient) const {
  const Index n = points.cols();
  const Index dims = points.rows();
  const VectorXd inverse = (-2 * theta.head(dims).array()).exp();
  const double noise = std::exp(theta[dims]);
  MatrixXd matrix(n, n);
  MatrixXd slopes(n, n);
  for (Index j = 0; j < n; ++j) {
    matrix(j, j) = 1 + noise + kJitter;
    for (Index i = j + 1; i < n; ++i) {
      double square = 0;
      for (Index k = 0; k < dims; ++k)
        square += inverse[k] * axis_distance(points(k, i), points(k, j),
                                             is_category_[static_cast<std::size_t>(k)]);
      // One exponential for both.
      if (is_smooth) {
        matrix(i, j) = slopes(i, j) = std::exp(-0.5 * square);
      } else {
        const double r = kRoot5 * std::sqrt(square);
        const double e = std::exp(-r);
        matrix(i, j) = (1 + r + r * r / 3) * e;
        slopes(i, j) = 5.0 / 3.0 * (1 + r) * e;
      }
    }
  }
  const Eigen::LLT<MatrixXd> llt(matrix.selfadjointView<Eigen::Lower>());
  gradient.resize(dims + 1);
  if (llt.info() != Eigen::Success) {
    gradient.setZero();
    return 1e100;
  }
  const VectorXd ones = llt.solve(VectorXd::Ones(n));
  const double mean = ones.dot(values) / ones.sum();
  const VectorXd alpha = llt.solve(values) - mean * ones;
  const double count = static_cast<double>(n) + kVariancePrior;
  const double variance =
      (alpha.dot(values.array().matrix() - VectorXd::Constant(n, mean)) + kVariancePrior) / count;
  const MatrixXd lower = llt.matrixL();
  const double log_determinant = 2 * lower.diagonal().array().log().sum();
  double result = 0.5 * count * std::log(variance) + 0.5 * log_determinant;

  const MatrixXd inverse_matrix = llt.solve(MatrixXd::Identity(n, n));
  gradient.setZero();
  for (Index j = 0; j < n; ++j)
    for (Index i = j + 1; i < n; ++i) {
      const double weight = slopes(i, j) * (inverse_matrix(i, j) - alpha[i] * alpha[j] / variance);
      for (Index k = 0; k < dims; ++k)
        gradient[k] +=
            weight * inverse[k] *
            axis_distance(points(k, i), points(k, j), is_category_[static_cast<std::size_t>(k)]);
    }
  gradient[dims] = 0.5 * noise * (inverse_matrix.trace() - alpha.squaredNorm() / variance);

  const double scale_mean = first_guess().log_scales[0];
  for (Index k = 0; k < dims; ++k) {
    const double z = (theta[k] - scale_mean) / kScaleDeviation;
    result += 0.5 * z * z;
    gradient[k] += z / kScaleDeviation;
  }
  const double z = (theta[dims] - kNoiseMean) / kNoiseDeviation;
  result += 0.5 * z * z;
  gradient[dims] += z / kNoiseDeviation;
  return result;
}

GpModel::Hyper GpModel::fit(const MatrixXd& points, const VectorXd& values, Hyper start,
                            int evaluations, double* score) const {
  const Index dims = points.rows();
  VectorXd theta(dims + 1);
  theta.head(dims) = start.log_scales;
  theta[dims] = start.log_noise;
  VectorXd low = VectorXd::Constant(dims + 1, kLowestLogScale);
  VectorXd high = VectorXd::Constant(dims + 1, kHighestLogScale);
  low[dims] = kLowestLogNoise;
  high[dims] = kHighestLogNoise;
  const double value = minimise(
      [&](const VectorXd& at, VectorXd& gradient) {
        return negative_log_posterior(points, values, start.is_smooth, at, gradient);
      },
      low, high, evaluations, 1e-3, theta);
  if (score != nullptr) *score = -value;
  return {theta.head(dims), theta[dims], start.is_smooth};
}

MatrixXd GpModel::cross(const MatrixXd& points) const {
  MatrixXd result(points_.cols(), points.cols());
  const Index dims = points.rows();
  for (Index j = 0; j < points.cols(); ++j)
    for (Index i = 0; i < points_.cols(); ++i) {
      double square = 0;
      for (Index k = 0; k < dims; ++k)
        square += inverse_squares_[k] * axis_distance(points_(k, i), points(k, j),
                                                      is_category_[static_cast<std::size_t>(k)]);
      result(i, j) = correlation(square, hyper_.is_smooth);
    }
  return result;
}

void GpModel::condition(const Hyper& hyper, const MatrixXd& points) {
  hyper_ = hyper;
  points_ = points;
  inverse_squares_ = (-2 * hyper.log_scales.array()).exp();
  const MatrixXd matrix = cross(points);
  for (jitter_ = kJitter;; jitter_ *= 10) {
    MatrixXd noisy = matrix;
    noisy.diagonal().array() += std::exp(hyper.log_noise) + jitter_;
    const Eigen::LLT<MatrixXd> llt(noisy);
    if (llt.info() != Eigen::Success) continue;
    factor_ = llt.matrixL();
    return;
  }
}

void GpModel::append(const VectorXd& point) {
  const Index n = size();
  const VectorXd row = factor_.triangularView<Eigen::Lower>().solve(cross(point).col(0));
  const double rest = 1 + std::exp(hyper_.log_noise) + jitter_ - row.squaredNorm();
  factor_.conservativeResize(n + 1, n + 1);
  factor_.col(n).setZero();
  factor_.row(n).head(n) = row.transpose();
  factor_(n, n) = std::sqrt(std::max(rest, jitter_));
  points_.conservativeResize(Eigen::NoChange, n + 1);
  points_.col(n) = point;
}

void GpModel::truncate(Index count) {
  if (count >= size()) return;
  points_.conservativeResize(Eigen::NoChange, count);
  factor_.conservativeResize(count, count);
}

void GpModel::set_values(const VectorXd& values) {
  const auto lower = factor_.triangularView<Eigen::Lower>();
  const auto upper = factor_.transpose().triangularView<Eigen::Upper>();
  const VectorXd half_ones = lower.solve(VectorXd::Ones(values.size()));
  const VectorXd half_values = lower.solve(values);
  mean_ = half_ones.dot(half_values) / half_ones.squaredNorm();
  const VectorXd half = half_values - mean_ * half_ones;
  variance_ =
      (half.squaredNorm() + kVariancePrior) / (static_cast<double>(values.size()) + kVariancePrior);
  values_ = values;
  weights_ = upper.solve(half);
}

void GpModel::extend_values(const VectorXd& values) {
  const auto lower = factor_.triangularView<Eigen::Lower>();
  const auto upper = factor_.transpose().triangularView<Eigen::Upper>();
  const VectorXd centred = values.array() - mean_;
  values_ = values;
  weights_ = upper.solve(lower.solve(centred));
}

void GpModel::predict(const MatrixXd& points, VectorXd& mean, VectorXd& deviation) const {
  MatrixXd k = cross(points);
  mean = (k.transpose() * weights_).array() + mean_;
  factor_.triangularView<Eigen::Lower>().solveInPlace(k);
  const Eigen::ArrayXd left = 1 - k.colwise().squaredNorm().transpose().array();
  deviation = (variance_ * left.max(1e-12)).sqrt();
}

void GpModel::predict(const VectorXd& point, double& mean, double& deviation,
                      VectorXd& mean_gradient, VectorXd& deviation_gradient) const {
  const Index n = size();
  const Index dims = point.size();
  VectorXd k(n);
  MatrixXd slopes(n, dims);
  for (Index i = 0; i < n; ++i) {
    double square = 0;
    for (Index axis = 0; axis < dims; ++axis)
      square +=
          inverse_squares_[axis] * axis_distance(points_(axis, i), point[axis],
                                                 is_category_[static_cast<std::size_t>(axis)]);
    k[i] = correlation(square, hyper_.is_smooth);
    const double slope = correlation_slope(square, hyper_.is_smooth);
    for (Index axis = 0; axis < dims; ++axis)
      slopes(i, axis) = is_category_[static_cast<std::size_t>(axis)]
                            ? 0
                            : slope * inverse_squares_[axis] * (points_(axis, i) - point[axis]);
  }
  mean = mean_ + k.dot(weights_);
  const auto lower = factor_.triangularView<Eigen::Lower>();
  const auto upper = factor_.transpose().triangularView<Eigen::Upper>();
  const VectorXd half = lower.solve(k);
  const VectorXd solved = upper.solve(half);
  deviation = std::sqrt(variance_ * std::max(1 - half.squaredNorm(), 1e-12));
  mean_gradient = slopes.transpose() * weights_;
  deviation_gradient = -variance_ / deviation * (slopes.transpose() * solved);
}

VectorXd GpModel::fitted() const {
  // What the noise took is values - K weights - mean, and (K + noise) weights = values - mean.
  return values_ - (std::exp(hyper_.log_noise) + jitter_) * weights_;
}

}  // namespace galley::hpo
