#ifndef EIGEN_NO_DEBUG
#define EIGEN_NO_DEBUG
#endif
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <map>

#include "estimator_fit/fits.h"

namespace galley::estimator {
namespace {

constexpr std::size_t kLeastInSeries = 3;
constexpr std::size_t kMostInSeries = 64;      // more are thinned out
constexpr std::size_t kMostLearnedOn = 1'000;  // records that the variances are learned on
constexpr double kFreedom = 4;                 // of Student's t: some measurements are far off

/// One series before it is solved.
struct RawSeries {
  SeriesModel::Key key{};
  std::vector<float> log_batch;
  std::vector<double> left;  // what the kernel leaves
};

struct SeriesVariances {
  SeriesModel::Shape shape;
  double noise = 0.03;  // standard deviation
};

Eigen::MatrixXd series_matrix(const SeriesModel::Shape& shape, const RawSeries& raw) {
  const auto n = static_cast<Eigen::Index>(raw.left.size());
  Eigen::MatrixXd covariance(n, n);
  for (Eigen::Index j = 0; j < n; ++j)
    for (Eigen::Index i = 0; i < n; ++i)
      covariance(i, j) =
          static_cast<double>(series_covariance(shape, raw.log_batch[static_cast<std::size_t>(i)],
                                                raw.log_batch[static_cast<std::size_t>(j)]));
  return covariance;
}

/// Minus the logarithm of the likelihood, and a weak pull to where the variances began.
double series_cost(const SeriesVariances& now, const std::vector<const RawSeries*>& learned) {
  double cost = 0;
  for (const RawSeries* raw : learned) {
    Eigen::MatrixXd covariance = series_matrix(now.shape, *raw);
    covariance.diagonal().array() += now.noise * now.noise + 1e-8;
    const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
    const auto n = static_cast<Eigen::Index>(raw->left.size());
    const Eigen::VectorXd y = Eigen::Map<const Eigen::VectorXd>(raw->left.data(), n);
    // Far-off measurements count as in Student's t, not by their squares.
    const double far = factor.matrixL().solve(y).squaredNorm();
    const double count = static_cast<double>(n);
    cost += 0.5 * (kFreedom + count) * std::log1p(far / kFreedom);
    for (Eigen::Index i = 0; i < n; ++i) cost += std::log(factor.matrixLLT()(i, i));
  }
  return cost;
}

/// One variance after the other, up or down by shrinking factors, as long as that helps.
SeriesVariances learn_variances(const std::vector<const RawSeries*>& learned) {
  SeriesVariances best;
  double least = series_cost(best, learned);
  for (const double by : {3.0, 1.7, 1.3}) {
    for (int which = 0; which < 4; ++which)
      for (const double factor : {by, 1 / by})
        for (int round = 0; round < 6; ++round) {
          auto next = best;
          const auto f = static_cast<float>(factor);
          if (which == 0) next.shape.level *= f;
          if (which == 1) next.shape.variance *= f;
          if (which == 2) next.shape.length *= f;
          if (which == 3) next.noise *= factor;
          const double cost = series_cost(next, learned);
          if (!(cost < least)) break;
          least = cost;
          best = next;
        }
  }
  return best;
}

/// Weights of a series' records, with far-off ones counting less (iteratively reweighted).
std::vector<float> solve_series(const SeriesVariances& variances, const RawSeries& raw) {
  const auto n = static_cast<Eigen::Index>(raw.left.size());
  const Eigen::VectorXd y = Eigen::Map<const Eigen::VectorXd>(raw.left.data(), n);
  const Eigen::MatrixXd covariance = series_matrix(variances.shape, raw);
  const double noise = variances.noise * variances.noise + 1e-8;
  Eigen::VectorXd weight = Eigen::VectorXd::Ones(n);
  Eigen::VectorXd alpha;
  for (int round = 0; round < 4; ++round) {
    Eigen::MatrixXd noisy = covariance;
    noisy.diagonal() += noise * weight;
    alpha = noisy.llt().solve(y);
    for (Eigen::Index i = 0; i < n; ++i) {
      const double left = alpha[i] * noise * weight[i];
      weight[i] = (kFreedom + left * left / noise) / (kFreedom + 1);
    }
  }
  std::vector<float> result;
  for (Eigen::Index i = 0; i < n; ++i) result.push_back(static_cast<float>(alpha[i]));
  return result;
}

RawSeries thinned(const RawSeries& raw) {
  const std::size_t stride = (raw.left.size() - 1) / kMostInSeries + 1;
  RawSeries kept{.key = raw.key, .log_batch = {}, .left = {}};
  for (std::size_t i = 0; i < raw.left.size(); i += stride) {
    kept.log_batch.push_back(raw.log_batch[i]);
    kept.left.push_back(raw.left[i]);
  }
  return kept;
}

/// Whole series, evenly spread, of about so many records.
std::vector<const RawSeries*> some_of(const std::vector<RawSeries>& all, std::size_t records) {
  std::size_t count = 0;
  for (const auto& raw : all) count += raw.left.size();
  std::vector<const RawSeries*> some;
  const std::size_t stride = count / std::max<std::size_t>(records, 1) + 1;
  for (std::size_t i = 0; i < all.size(); i += stride) some.push_back(&all[i]);
  return some;
}

}  // namespace

SeriesModel fit_series(std::span<const std::array<float, SeriesModel::kInputs>> inputs,
                       std::span<const double> left) {
  std::map<SeriesModel::Key, RawSeries> by_key;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto key = series_key(inputs[i]);
    auto& raw = by_key[key];
    raw.key = key;
    raw.log_batch.push_back(inputs[i][log_batch]);
    raw.left.push_back(left[i]);
  }
  std::map<float, std::vector<RawSeries>> of_network;  // by the network's place in the vocabulary
  for (auto& [key, raw] : by_key)
    if (raw.left.size() >= kLeastInSeries) of_network[key[network_name]].push_back(thinned(raw));
  SeriesModel model;
  for (const auto& [network, all] : of_network) {
    const auto variances = learn_variances(some_of(all, kMostLearnedOn / of_network.size()));
    for (const auto& raw : all)
      model.series.push_back(
          {raw.key, variances.shape, raw.log_batch, solve_series(variances, raw)});
  }
  std::ranges::sort(model.series, {}, &SeriesModel::Series::key);
  return model;
}

}  // namespace galley::estimator
