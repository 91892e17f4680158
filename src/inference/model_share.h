#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inference/language_model.h"
#include "tensor/device.h"

namespace galley::inference {

/// A run of indices [first, first + count).
struct Part {
  std::size_t first = 0;
  std::size_t count = 0;
};

/// What one of `devices` devices holds (tensor parallelism, arXiv:1909.08053, section 3): whole
/// heads, columns of the feed-forward layer in whole blocks of the formats, and rows of the
/// vocabulary.
struct ShardPlan {
  Part heads, kv_heads, feed_forward, vocabulary;
  bool first = true;  // adds the biases of layers whose sums run over devices
};

/// Errors: invalid_argument where heads do not divide or a border would fall into a block.
Result<std::vector<ShardPlan>> plan_shards(const ModelFile& file, std::size_t devices);

/// A learned vector and its absence.
struct Vector {
  tensor::Tensor values;
  bool present = false;
  const tensor::Tensor* get() const { return present ? &values : nullptr; }
};

struct NormWeights {
  Vector weight, bias;
};

/// y = W x + b, on one device's share of W.
struct Linear {
  std::unique_ptr<tensor::Matrix> matrix;
  Vector bias;
};

struct LayerWeights {
  NormWeights attention_norm, feed_forward_norm, q_norm, k_norm;
  Linear q, k, v, o, gate, up, down;  // gate only with SwiGLU
};

/// One device's share of a model's weights.
struct ModelWeights {
  std::unique_ptr<tensor::Matrix> embedding;  // rows of ShardPlan::vocabulary; null where tied
  std::unique_ptr<tensor::Matrix> positions;  // learned positions; null with RoPE
  NormWeights output_norm;
  std::unique_ptr<tensor::Matrix> output;  // rows of ShardPlan::vocabulary
  std::vector<LayerWeights> layers;

  /// What tokens are looked up in: tied embeddings are the output's own rows.
  const tensor::Matrix& token_rows() const { return embedding ? *embedding : *output; }
  std::size_t bytes() const;
};

/// The activation type that a format is multiplied with.
tensor::Activation activation_for(tensor::Format format, tensor::Activation wanted);

/// Packs one share. `done` is told the bytes of each tensor that was read.
Result<ModelWeights> load_weights(const ModelFile& file, tensor::Device& device,
                                  const ShardPlan& plan, tensor::Activation activation,
                                  const std::function<void(std::size_t bytes)>& done);

/// Calls visit("attn_q", matrix) for each packed matrix.
void for_each_matrix(
    const ModelWeights& weights,
    const std::function<void(const std::string& operation, const tensor::Matrix&)>& visit);

}  // namespace galley::inference
