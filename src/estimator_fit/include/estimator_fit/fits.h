#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "estimator/kernel_model.h"
#include "estimator/regressors.h"

namespace galley::estimator {

/// The vocabulary of the rows' categories, in order of appearance.
std::array<std::vector<std::string>, FeatureRow::kCategories> vocabulary_of(
    std::span<const FeatureRow> rows);

struct KernelOptions {
  std::size_t most_points = 300;    // past jobs kept; more records are projected on them
  std::size_t learning_rows = 240;  // rows on which weights of features are learned
  int rounds = 32;                  // steps of that learning
  std::uint64_t seed = 1;
};

/// Learns components' variances and inputs' weights by the marginal likelihood (resilient
/// gradient steps), then solves for alpha: exactly up to most_points rows, by projection on a
/// subset of regressors beyond, with series behind it (SeriesModel). `start` continues from an
/// earlier fit's components.
KernelModel fit_kernel(std::span<const FeatureRow> rows, std::span<const double> targets,
                       const KernelOptions& options, const KernelModel* start = nullptr);

/// What the series among these records still tell: `left` is what the kernel leaves of each.
/// Variances by the likelihood, weights exactly, far-off records counted less. O(records).
SeriesModel fit_series(std::span<const std::array<float, SeriesModel::kInputs>> inputs,
                       std::span<const double> left);

/// Rows of equal length, one after the other.
struct DenseTable {
  std::size_t width = 0;
  std::vector<float> values;
  std::size_t rows() const { return width == 0 ? 0 : values.size() / width; }
  std::span<const float> row(std::size_t i) const { return {values.data() + i * width, width}; }
};

DenseTable encode_rows(const DenseEncoder& encoder, std::span<const FeatureRow> rows);

/// Ridge regression with standardised inputs.
LinearModel fit_linear(const DenseTable& x, std::span<const double> y, double ridge);

struct TreeOptions {
  int trees = 1;
  int depth = 8;
  std::size_t least_leaf = 3;
  double inputs_ratio = 1;  // of the inputs tried at each split
  bool bootstrap = false;
  std::uint64_t seed = 1;
};

/// CART on 64 quantile bins of each input; with several trees, their average: a random forest.
TreeModel fit_trees(const DenseTable& x, std::span<const double> y, const TreeOptions& options);

struct BoostingOptions {
  int rounds = 120;
  int depth = 5;
  double learning_rate = 0.1;
  double least_weight = 2;
  double row_ratio = 0.9;
  std::uint64_t seed = 1;
};

/// XGBoost, one thread. Errors: internal with XGBoost's words.
Result<TreeModel> fit_boosting(const DenseTable& x, std::span<const double> y,
                               const BoostingOptions& options);

struct MlpOptions {
  std::size_t hidden = 32;
  int epochs = 300;
  double learning_rate = 0.01;
  std::uint64_t seed = 1;
};

/// Two hidden layers, Adam, batches of 64.
MlpModel fit_mlp(const DenseTable& x, std::span<const double> y, const MlpOptions& options);

}  // namespace galley::estimator
