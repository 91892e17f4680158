#include <fmt/format.h>

#include "model_share.h"

namespace galley::inference {
namespace {

using tensor::Activation;
using tensor::Device;
using tensor::Matrix;
using tensor::MatrixSource;

/// Packs tensors of one file for one device.
class Loader {
 public:
  Loader(const ModelFile& file, Device& device, Activation activation,
         const std::function<void(std::size_t)>& done)
      : file_(file), device_(device), activation_(activation), done_(done) {}

  Result<std::unique_ptr<Matrix>> matrix(const std::string& name, Part rows, Part columns) {
    GALLEY_TRY(const StoredTensor* stored, find(name));
    GALLEY_TRY(auto packed, device_.pack(source_of(*stored, rows, columns),
                                         activation_for(stored->format, activation_)));
    finished(*stored);
    return packed;
  }

  Result<std::unique_ptr<Matrix>> table(const std::string& name, Part rows) {
    GALLEY_TRY(const StoredTensor* stored, find(name));
    GALLEY_TRY(auto packed, device_.pack_table(
                                source_of(*stored, rows, {.first = 0, .count = stored->shape[1]})));
    finished(*stored);
    return packed;
  }

  /// Absent vectors stay so: ModelFile has checked that those a model needs are there.
  Result<Vector> vector(const std::string& name, Part part) {
    const StoredTensor* stored = file_.find(name);
    if (stored == nullptr) return Vector{};
    std::vector<float> all(stored->shape.back());
    tensor::dequantize_row(stored->format, stored->bytes, 1, all);
    GALLEY_TRY(tensor::Tensor values, device_.make_tensor(1, part.count));
    device_.upload(std::span(all).subspan(part.first, part.count), values);
    finished(*stored);
    return Vector{.values = std::move(values), .present = true};
  }

  Result<NormWeights> norm(const std::string& name, std::size_t width) {
    NormWeights norm;
    GALLEY_TRY(norm.weight, vector(name + ".weight", {.first = 0, .count = width}));
    GALLEY_TRY(norm.bias, vector(name + ".bias", {.first = 0, .count = width}));
    return norm;
  }

  Result<Linear> linear(const std::string& name, Part rows, Part columns, bool with_bias = true) {
    Linear linear;
    GALLEY_TRY(linear.matrix, matrix(name + ".weight", rows, columns));
    if (with_bias) {
      GALLEY_TRY(linear.bias, vector(name + ".bias", rows));
    }
    return linear;
  }

 private:
  Result<const StoredTensor*> find(const std::string& name) const {
    const StoredTensor* stored = file_.find(name);
    if (stored == nullptr || stored->shape.size() != 2)
      return Error{Errc::invalid_argument, "the model has no matrix \"" + name + "\""};
    return stored;
  }

  static MatrixSource source_of(const StoredTensor& stored, Part rows, Part columns) {
    return {.format = stored.format,
            .bytes = stored.bytes,
            .row_stride = tensor::row_bytes(stored.format, stored.shape[1]),
            .scales = stored.scales,
            .first_row = rows.first,
            .rows = rows.count,
            .first_column = columns.first,
            .columns = columns.count};
  }

  void finished(const StoredTensor& stored) {
    file_.release(stored);
    if (done_) done_(stored.size_bytes);
  }

  const ModelFile& file_;
  Device& device_;
  Activation activation_;
  const std::function<void(std::size_t)>& done_;
};

Result<LayerWeights> load_layer(Loader& loader, const ModelConfig& config, const ShardPlan& plan,
                                std::size_t index) {
  const std::string prefix = fmt::format("blk.{}.", index);
  const Part all{.first = 0, .count = config.width};
  const auto heads = [&](Part part) {
    return Part{part.first * config.head_dim, part.count * config.head_dim};
  };
  LayerWeights layer;
  GALLEY_TRY(layer.attention_norm, loader.norm(prefix + "attn_norm", config.width));
  GALLEY_TRY(layer.feed_forward_norm, loader.norm(prefix + "ffn_norm", config.width));
  if (config.qk_norm) {
    GALLEY_TRY(layer.q_norm, loader.norm(prefix + "attn_q_norm", config.head_dim));
    GALLEY_TRY(layer.k_norm, loader.norm(prefix + "attn_k_norm", config.head_dim));
  }
  GALLEY_TRY(layer.q, loader.linear(prefix + "attn_q", heads(plan.heads), all));
  GALLEY_TRY(layer.k, loader.linear(prefix + "attn_k", heads(plan.kv_heads), all));
  GALLEY_TRY(layer.v, loader.linear(prefix + "attn_v", heads(plan.kv_heads), all));
  GALLEY_TRY(layer.o, loader.linear(prefix + "attn_output", all, heads(plan.heads), plan.first));
  if (config.activation == FeedForward::swiglu) {
    GALLEY_TRY(layer.gate, loader.linear(prefix + "ffn_gate", plan.feed_forward, all));
  }
  GALLEY_TRY(layer.up, loader.linear(prefix + "ffn_up", plan.feed_forward, all));
  GALLEY_TRY(layer.down, loader.linear(prefix + "ffn_down", all, plan.feed_forward, plan.first));
  return layer;
}

}  // namespace

Activation activation_for(tensor::Format format, Activation wanted) {
  switch (format) {
    case tensor::Format::f32:
      return Activation::f32;
    case tensor::Format::bf16:
      return wanted == Activation::f32 ? Activation::f32 : Activation::bf16;
    case tensor::Format::f16:
      return wanted == Activation::bf16 ? Activation::bf16 : Activation::f32;
    default:
      return wanted == Activation::bf16 ? Activation::int8 : wanted;
  }
}

Result<ModelWeights> load_weights(const ModelFile& file, Device& device, const ShardPlan& plan,
                                  Activation activation,
                                  const std::function<void(std::size_t bytes)>& done) {
  const ModelConfig& config = file.config();
  Loader loader(file, device, activation, done);
  const Part all{.first = 0, .count = config.width};
  ModelWeights weights;
  const bool tied = file.find("output.weight") == nullptr;
  if (!tied) {
    GALLEY_TRY(weights.embedding, loader.table("token_embd.weight", plan.vocabulary));
  }
  GALLEY_TRY(weights.output,
             loader.matrix(tied ? "token_embd.weight" : "output.weight", plan.vocabulary, all));
  // Only the first device adds positions: the sum over devices must hold them once.
  if (config.positions == PositionKind::learned && plan.first) {
    GALLEY_TRY(weights.positions,
               loader.table("position_embd.weight", {.first = 0, .count = config.context}));
  }
  GALLEY_TRY(weights.output_norm, loader.norm("output_norm", config.width));
  for (std::size_t i = 0; i < config.layers; ++i) {
    GALLEY_TRY(LayerWeights layer, load_layer(loader, config, plan, i));
    weights.layers.push_back(std::move(layer));
  }
  return weights;
}

void for_each_matrix(
    const ModelWeights& weights,
    const std::function<void(const std::string& operation, const Matrix&)>& visit) {
  if (weights.embedding) visit("token_embd", *weights.embedding);
  if (weights.positions) visit("position_embd", *weights.positions);
  for (const LayerWeights& layer : weights.layers)
    for (const auto& [name, linear] :
         {std::pair{"attn_q", &layer.q}, std::pair{"attn_k", &layer.k},
          std::pair{"attn_v", &layer.v}, std::pair{"attn_output", &layer.o},
          std::pair{"ffn_gate", &layer.gate}, std::pair{"ffn_up", &layer.up},
          std::pair{"ffn_down", &layer.down}})
      if (linear->matrix) visit(name, *linear->matrix);
  visit("output", *weights.output);
}

std::size_t ModelWeights::bytes() const {
  std::size_t total = 0;
  for_each_matrix(*this,
                  [&](const std::string&, const Matrix& matrix) { total += matrix.bytes(); });
  return total;
}

}  // namespace galley::inference
