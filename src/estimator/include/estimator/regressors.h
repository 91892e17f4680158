#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "estimator/features.h"

namespace galley::estimator {

/// Turns a row into a dense vector. One-hot adds a 0/1 input for every category that was seen;
/// without it only features of networks and devices describe them, so that others can be asked for.
struct DenseEncoder {
  bool one_hot = false;
  std::array<std::vector<std::string>, FeatureRow::kCategories> vocabulary;

  std::size_t size() const;
  void encode(const FeatureRow& row, std::vector<float>& out) const;
};

/// y = bias + weights · x.
struct LinearModel {
  double bias = 0;
  std::vector<double> weights;
};

/// A sum of regression trees: one (CART), many shrunk ones (boosting) or many averaged ones
/// (forest, whose leaves hold their value divided by the number of trees).
struct TreeModel {
  struct Node {
    std::int32_t input = -1;  // -1: a leaf
    float threshold = 0;      // x < threshold goes left
    std::int32_t left = 0;    // always further on in `nodes`
    std::int32_t right = 0;
    float value = 0;  // of a leaf
  };
  double bias = 0;
  std::vector<std::int32_t> roots;
  std::vector<Node> nodes;
};

/// A small network: dense layers with tanh between them, inputs standardised.
struct MlpModel {
  struct Layer {
    std::size_t inputs = 0;
    std::vector<float> bias;     // one for each output
    std::vector<float> weights;  // outputs × inputs, row-major
  };
  std::vector<float> mean;   // of each input
  std::vector<float> scale;  // its standard deviation
  std::vector<Layer> layers;
};

/// Inputs that a model reads past the end of x count as 0.
double evaluate(const LinearModel& model, std::span<const float> x);
double evaluate(const TreeModel& model, std::span<const float> x);
double evaluate(const MlpModel& model, std::span<const float> x);

}  // namespace galley::estimator
