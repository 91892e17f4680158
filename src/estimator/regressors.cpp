#include "estimator/regressors.h"

#include <algorithm>
#include <cmath>

namespace galley::estimator {

std::size_t DenseEncoder::size() const {
  std::size_t count = FeatureRow::kNumbers;
  if (one_hot)
    for (const auto& words : vocabulary) count += words.size();
  return count;
}

void DenseEncoder::encode(const FeatureRow& row, std::vector<float>& out) const {
  out.clear();
  out.reserve(size());
  for (const double number : row.numbers) out.push_back(static_cast<float>(number));
  if (!one_hot) return;
  for (std::size_t c = 0; c < FeatureRow::kCategories; ++c)
    for (const std::string& word : vocabulary[c])
      out.push_back(word == row.categories[c] ? 1.0F : 0.0F);
}

double evaluate(const LinearModel& model, std::span<const float> x) {
  double sum = model.bias;
  for (std::size_t i = 0; i < std::min(x.size(), model.weights.size()); ++i)
    sum += model.weights[i] * static_cast<double>(x[i]);
  return sum;
}

double evaluate(const TreeModel& model, std::span<const float> x) {
  double sum = model.bias;
  for (const std::int32_t root : model.roots) {
    const TreeModel::Node* node = &model.nodes[static_cast<std::size_t>(root)];
    while (node->input >= 0) {
      const auto input = static_cast<std::size_t>(node->input);
      const float value = input < x.size() ? x[input] : 0.0F;
      node =
          &model
               .nodes[static_cast<std::size_t>(value < node->threshold ? node->left : node->right)];
    }
    sum += static_cast<double>(node->value);
  }
  return sum;
}

double evaluate(const MlpModel& model, std::span<const float> x) {
  std::vector<float> now(model.mean.size());
  for (std::size_t i = 0; i < now.size(); ++i)
    now[i] = ((i < x.size() ? x[i] : 0.0F) - model.mean[i]) / model.scale[i];
  std::vector<float> next;
  for (std::size_t l = 0; l < model.layers.size(); ++l) {
    const auto& layer = model.layers[l];
    next.assign(layer.bias.begin(), layer.bias.end());
    for (std::size_t o = 0; o < next.size(); ++o) {
      for (std::size_t i = 0; i < layer.inputs; ++i)
        next[o] += layer.weights[o * layer.inputs + i] * now[i];
      if (l + 1 < model.layers.size()) next[o] = std::tanh(next[o]);
    }
    now.swap(next);
  }
  return now.empty() ? 0 : static_cast<double>(now[0]);
}

}  // namespace galley::estimator
