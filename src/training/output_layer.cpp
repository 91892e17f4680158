#include "output_layer.h"

#include <algorithm>
#include <cmath>

namespace galley::training {
namespace {

// Small against one example's squared gradient, so that the first steps are not enormous.
constexpr float kInitialSquare = 1e-3F;

void add_difference(std::vector<float>& sum, std::vector<float>& mine, std::vector<float>& base) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += mine[i] - base[i];
  mine = sum;
  base = sum;
}

}  // namespace

OutputLayer::OutputLayer(std::uint32_t dim_, std::uint32_t classes_, Random& random)
    : dim(dim_),
      classes(classes_),
      weight(std::size_t{dim_} * classes_),
      bias(classes_),
      squares(classes_, kInitialSquare) {
  const float range = 2.0F / std::sqrt(static_cast<float>(dim));
  for (float& x : weight) x = range * random.signed_unit();
}

std::uint32_t OutputLayer::forward(const tensor::KernelTable& kernels,
                                   std::span<const float> hidden,
                                   std::vector<float>& probabilities) const {
  probabilities.resize(classes);
  for (std::uint32_t c = 0; c < classes; ++c)
    probabilities[c] =
        kernels.dot(weight.data() + std::size_t{c} * dim, hidden.data(), dim) + bias[c];
  const auto best = std::ranges::max_element(probabilities);
  const auto answer = static_cast<std::uint32_t>(best - probabilities.begin());
  const float largest = *best;
  float sum = 0;
  for (float& x : probabilities) sum += x = std::exp(x - largest);
  for (float& x : probabilities) x /= sum;
  return answer;
}

void OutputLayer::backward(const tensor::KernelTable& kernels, std::span<const float> hidden,
                           std::uint32_t label, float rate, std::vector<float>& probabilities,
                           std::vector<float>& gradient) {
  const float hidden_square =
      kernels.dot(hidden.data(), hidden.data(), dim) / static_cast<float>(dim);
  probabilities[label] -= 1;
  for (std::uint32_t c = 0; c < classes; ++c) {
    const float delta = probabilities[c];
    float* row = weight.data() + std::size_t{c} * dim;
    kernels.axpy(delta, row, gradient.data(), dim);
    squares[c] += delta * delta * hidden_square;
    kernels.axpy(-rate * delta / std::sqrt(squares[c]), hidden.data(), row, dim);
    bias[c] -= rate * delta;  // it sees every example, so a plain small step is enough
  }
}

void SharedOutputLayer::exchange(OutputLayer& mine, OutputLayer& base) {
  const std::scoped_lock lock(mutex_);
  add_difference(layer_.weight, mine.weight, base.weight);
  add_difference(layer_.bias, mine.bias, base.bias);
  add_difference(layer_.squares, mine.squares, base.squares);
}

OutputLayer SharedOutputLayer::copy() const {
  const std::scoped_lock lock(mutex_);
  return layer_;
}

}  // namespace galley::training
