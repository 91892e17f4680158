#ifndef EIGEN_NO_DEBUG
#define EIGEN_NO_DEBUG
#endif
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <numeric>
#include <random>

#include "estimator_fit/fits.h"

namespace galley::estimator {
namespace {

using DenseMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Standard {
  std::vector<float> mean;
  std::vector<float> scale;
};

Standard standard_of(const DenseTable& x) {
  Standard standard{std::vector<float>(x.width, 0), std::vector<float>(x.width, 1)};
  const double count = static_cast<double>(x.rows());
  for (std::size_t k = 0; k < x.width; ++k) {
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < x.rows(); ++i) {
      const double value = static_cast<double>(x.values[i * x.width + k]);
      sum += value;
      squares += value * value;
    }
    const double variance = squares / count - sum / count * (sum / count);
    standard.mean[k] = static_cast<float>(sum / count);
    standard.scale[k] = variance > 1e-10 ? static_cast<float>(std::sqrt(variance)) : 1.0F;
  }
  return standard;
}

DenseMatrix standardised(const DenseTable& x, const Standard& standard) {
  DenseMatrix matrix(static_cast<Eigen::Index>(x.rows()), static_cast<Eigen::Index>(x.width));
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t k = 0; k < x.width; ++k)
      matrix(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k)) =
          (x.values[i * x.width + k] - standard.mean[k]) / standard.scale[k];
  return matrix;
}

/// Weights of one layer with Adam's two moments.
struct AdamLayer {
  DenseMatrix weights, gradient, first, second;
};

void adam_step(AdamLayer& layer, double rate, int step) {
  constexpr float kFirst = 0.9F;
  constexpr float kSecond = 0.999F;
  layer.first = kFirst * layer.first + (1 - kFirst) * layer.gradient;
  layer.second = kSecond * layer.second + (1 - kSecond) * layer.gradient.array().square().matrix();
  const double correction = std::sqrt(1 - std::pow(kSecond, step)) / (1 - std::pow(kFirst, step));
  layer.weights.array() -= static_cast<float>(rate * correction) * layer.first.array() /
                           (layer.second.array().sqrt() + 1e-7F);
  layer.weights *= 1 - static_cast<float>(rate) * 1e-3F;
}

/// x with a column of ones, which carries the bias.
DenseMatrix with_ones(const DenseMatrix& x) {
  DenseMatrix wide(x.rows(), x.cols() + 1);
  wide << x, DenseMatrix::Ones(x.rows(), 1);
  return wide;
}

MlpModel to_model(const Standard& standard, const std::vector<AdamLayer>& layers, double centre) {
  MlpModel model{standard.mean, standard.scale, {}};
  for (const auto& layer : layers) {
    MlpModel::Layer out;
    out.inputs = static_cast<std::size_t>(layer.weights.rows()) - 1;
    for (Eigen::Index o = 0; o < layer.weights.cols(); ++o) {
      out.bias.push_back(layer.weights(layer.weights.rows() - 1, o));
      for (std::size_t i = 0; i < out.inputs; ++i)
        out.weights.push_back(layer.weights(static_cast<Eigen::Index>(i), o));
    }
    model.layers.push_back(std::move(out));
  }
  model.layers.back().bias[0] += static_cast<float>(centre);
  return model;
}

}  // namespace

DenseTable encode_rows(const DenseEncoder& encoder, std::span<const FeatureRow> rows) {
  DenseTable table{encoder.size(), {}};
  table.values.reserve(rows.size() * table.width);
  std::vector<float> line;
  for (const FeatureRow& row : rows) {
    encoder.encode(row, line);
    table.values.insert(table.values.end(), line.begin(), line.end());
  }
  return table;
}

LinearModel fit_linear(const DenseTable& x, std::span<const double> y, double ridge) {
  LinearModel model{0, std::vector<double>(x.width, 0)};
  if (y.empty()) return model;
  const auto standard = standard_of(x);
  const Eigen::MatrixXd a = standardised(x, standard).cast<double>();
  const Eigen::Map<const Eigen::VectorXd> b(y.data(), static_cast<Eigen::Index>(y.size()));
  const double mean = b.mean();
  Eigen::MatrixXd normal = a.transpose() * a;
  normal.diagonal().array() += ridge;
  const Eigen::VectorXd solved = normal.llt().solve(a.transpose() * (b.array() - mean).matrix());
  model.bias = mean;
  for (std::size_t k = 0; k < x.width; ++k) {
    model.weights[k] =
        solved[static_cast<Eigen::Index>(k)] / static_cast<double>(standard.scale[k]);
    model.bias -= model.weights[k] * static_cast<double>(standard.mean[k]);
  }
  return model;
}

MlpModel fit_mlp(const DenseTable& x, std::span<const double> y, const MlpOptions& options) {
  if (y.empty()) return {};
  const auto standard = standard_of(x);
  const auto all = standardised(x, standard);
  const double centre = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(y.size());
  std::mt19937_64 random(options.seed);
  const auto hidden = static_cast<Eigen::Index>(options.hidden);
  std::vector<AdamLayer> layers;
  Eigen::Index inputs = all.cols();
  for (const Eigen::Index outputs : {hidden, hidden, Eigen::Index{1}}) {
    std::normal_distribution<float> normal(0, std::sqrt(1.0F / static_cast<float>(inputs)));
    const auto fresh = [&] { return normal(random); };
    const DenseMatrix zero = DenseMatrix::Zero(inputs + 1, outputs);
    AdamLayer layer{DenseMatrix::NullaryExpr(inputs + 1, outputs, fresh), zero, zero, zero};
    layer.weights.row(inputs).setZero();
    layers.push_back(std::move(layer));
    inputs = outputs;
  }
  std::vector<Eigen::Index> order(y.size());
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  constexpr std::size_t kBatch = 64;
  int step = 0;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    std::shuffle(order.begin(), order.end(), random);
    // The rate falls to a hundredth, so that the last epochs settle.
    const double rate =
        options.learning_rate * std::pow(0.01, static_cast<double>(epoch) / options.epochs);
    for (std::size_t begin = 0; begin < order.size(); begin += kBatch) {
      const auto size = static_cast<Eigen::Index>(std::min(kBatch, order.size() - begin));
      DenseMatrix batch(size, all.cols());
      DenseMatrix error(size, 1);
      for (Eigen::Index i = 0; i < size; ++i) {
        const auto row = order[begin + static_cast<std::size_t>(i)];
        batch.row(i) = all.row(row);
        error(i, 0) = -static_cast<float>(y[static_cast<std::size_t>(row)] - centre);
      }
      const DenseMatrix x0 = with_ones(batch);
      const DenseMatrix h1 = (x0 * layers[0].weights).array().tanh().matrix();
      const DenseMatrix x1 = with_ones(h1);
      const DenseMatrix h2 = (x1 * layers[1].weights).array().tanh().matrix();
      const DenseMatrix x2 = with_ones(h2);
      error += x2 * layers[2].weights;
      error /= static_cast<float>(size);
      layers[2].gradient = x2.transpose() * error;
      const DenseMatrix back2 = ((error * layers[2].weights.topRows(hidden).transpose()).array() *
                                 (1 - h2.array().square()))
                                    .matrix();
      layers[1].gradient = x1.transpose() * back2;
      const DenseMatrix back1 = ((back2 * layers[1].weights.topRows(hidden).transpose()).array() *
                                 (1 - h1.array().square()))
                                    .matrix();
      layers[0].gradient = x0.transpose() * back1;
      ++step;
      for (auto& layer : layers) adam_step(layer, rate, step);
    }
  }
  return to_model(standard, layers, centre);
}

}  // namespace galley::estimator
