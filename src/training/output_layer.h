#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "random.h"
#include "tensor/kernels.h"

namespace galley::training {

/// The softmax layer of a classifier while it learns: weight [classes, dim], bias [classes], and
/// the Adagrad accumulator of each class. A value: every worker learns on its own copy.
struct OutputLayer {
  std::uint32_t dim = 0;
  std::uint32_t classes = 0;
  std::vector<float> weight;
  std::vector<float> bias;
  std::vector<float> squares;

  OutputLayer(std::uint32_t dim, std::uint32_t classes, Random& random);

  /// probabilities = softmax(weight x hidden + bias); returns the most probable class.
  std::uint32_t forward(const tensor::KernelTable& kernels, std::span<const float> hidden,
                        std::vector<float>& probabilities) const;

  /// Given forward's probabilities: adds up the gradient of the cross-entropy by `hidden` into
  /// `gradient`, then steps against the layer's own gradient. `probabilities` is used up.
  void backward(const tensor::KernelTable& kernels, std::span<const float> hidden,
                std::uint32_t label, float rate, std::vector<float>& probabilities,
                std::vector<float>& gradient);
};

/// Keeps the workers' copies together. The layer is small and every example touches all of it, so
/// lock-free sharing would pass its cache lines between cores all day; instead a worker adds what
/// it learnt over some examples, and takes what the others did.
class SharedOutputLayer {
 public:
  explicit SharedOutputLayer(const OutputLayer& layer) : layer_(layer) {}

  /// Adds mine - base to the shared layer, then sets both to it.
  void exchange(OutputLayer& mine, OutputLayer& base);
  OutputLayer copy() const;

 private:
  mutable std::mutex mutex_;  // guards layer_
  OutputLayer layer_;
};

}  // namespace galley::training
