#include "eager_decoder.h"

#include <torch/torch.h>

#include <cmath>
#include <cstring>
#include <span>
#include <utility>

using at::Tensor;
using galley::Errc;
using galley::Error;
using galley::Result;
using galley::inference::ModelConfig;
using galley::inference::ModelFile;
using galley::inference::StoredTensor;
using galley::tensor::Format;

namespace {

Error unsupported(const std::string& what) {
  return {Errc::unsupported, "the training framework's forward pass has no " + what};
}

Result<at::ScalarType> type_of(Format format) {
  switch (format) {
    case Format::f32:
      return at::kFloat;
    case Format::f16:
      return at::kHalf;
    case Format::bf16:
      return at::kBFloat16;
    default:
      return unsupported("weights in " + std::string(galley::tensor::name_of(format)) +
                         "; give a model in f32, f16 or bf16");
  }
}

/// Copies named tensors out of the file in the wanted type, remembering the first that failed.
class Loader {
 public:
  Loader(const ModelFile& file, at::ScalarType type) : file_(file), type_(type) {}

  Result<Tensor> get(const std::string& name) const {
    const StoredTensor* const stored = file_.find(name);
    if (stored == nullptr) return Error{Errc::invalid_argument, "the model has no tensor " + name};
    GALLEY_TRY(const auto type, type_of(stored->format));
    const std::vector<std::int64_t> sides(stored->shape.begin(), stored->shape.end());
    const std::span<const std::byte> bytes(stored->bytes, stored->size_bytes);
    Tensor copy = at::empty(sides, type);
    std::memcpy(copy.data_ptr(), bytes.data(), bytes.size());
    return copy.to(type_);
  }
  /// As linear layers are stored: [outputs, inputs].
  Result<Tensor> get(const std::vector<std::string>& names) const {
    std::vector<Tensor> parts;
    for (const std::string& name : names) {
      GALLEY_TRY(auto part, get(name));
      parts.push_back(std::move(part));
    }
    return at::cat(parts);
  }

 private:
  const ModelFile& file_;
  at::ScalarType type_;
};

/// The rows of a head reordered, so that pairs that lie side by side are a half apart.
Tensor part_pairs(const Tensor& weight, std::int64_t heads) {
  const std::int64_t dim = weight.size(0) / heads;
  return weight.view({heads, dim / 2, 2, weight.size(1)})
      .transpose(1, 2)
      .reshape({heads * dim, weight.size(1)});
}

struct Layer {
  Tensor attention_gain, qkv, output, feed_forward_gain, gate_up, down;
  Tensor keys, values;  // [batch, kv_heads, context, dim]
};

galley::Status check_family(const ModelFile& file) {
  const ModelConfig& config = file.config();
  if (config.norm != galley::tensor::NormKind::rms ||
      config.positions != galley::inference::PositionKind::rope ||
      config.activation != galley::inference::FeedForward::swiglu)
    return unsupported("architecture " + config.architecture + ", only the Llama family");
  if (config.qk_norm) return unsupported("norms of queries and keys");
  if (file.find("blk.0.attn_q.bias") != nullptr) return unsupported("biases");
  if (config.rotated_dim != config.head_dim) return unsupported("heads turned in part");
  return galley::ok();
}

}  // namespace

struct EagerDecoder::Impl {
  ModelConfig config;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t dim = 0;
  Tensor tokens, final_gain, output;
  std::vector<Layer> layers;
  Tensor cosines, sines;  // [context, dim], both halves
  Tensor mask;            // [context, context]
  std::int64_t batch = 0;
  std::int64_t filled = 0;  // positions in the cache
  int threads = 1;

  galley::Status load_layers(const Loader& loader);
  void make_tables(std::int64_t context, at::ScalarType type);

  Tensor norm(const Tensor& x, const Tensor& gain) const {
    const Tensor wide = x.to(at::kFloat);
    const Tensor scale = (wide.square().mean(-1, true) + config.norm_epsilon).rsqrt();
    return (wide * scale).to(x.scalar_type()) * gain;
  }

  Tensor turn(const Tensor& x, std::int64_t count) const {
    const auto halves = x.chunk(2, -1);
    return x * cosines.narrow(0, filled, count) +
           at::cat({-halves[1], halves[0]}, -1) * sines.narrow(0, filled, count);
  }

  Tensor attend(Layer& layer, const Tensor& x) {
    const std::int64_t rows = x.size(0);
    const std::int64_t count = x.size(1);
    const Tensor qkv =
        at::linear(x, layer.qkv).view({rows, count, heads + 2 * kv_heads, dim}).transpose(1, 2);
    const Tensor q = turn(qkv.narrow(1, 0, heads), count);
    layer.keys.narrow(2, filled, count).copy_(turn(qkv.narrow(1, heads, kv_heads), count));
    layer.values.narrow(2, filled, count).copy_(qkv.narrow(1, heads + kv_heads, kv_heads));
    const std::int64_t all = filled + count;
    // Query heads that share a head of keys are rows of one product.
    const std::int64_t group = heads / kv_heads;
    Tensor scores = at::matmul(q.reshape({rows, kv_heads, group * count, dim}),
                               layer.keys.narrow(2, 0, all).transpose(2, 3)) /
                    std::sqrt(static_cast<double>(dim));
    if (count > 1)
      scores = scores.view({rows, kv_heads, group, count, all})
                   .add(mask.narrow(0, filled, count).narrow(1, 0, all))
                   .view({rows, kv_heads, group * count, all});
    const Tensor mixed = at::matmul(at::softmax(scores, -1), layer.values.narrow(2, 0, all));
    return at::linear(
        mixed.view({rows, heads, count, dim}).transpose(1, 2).reshape({rows, count, heads * dim}),
        layer.output);
  }

  Tensor logits(const std::vector<std::int64_t>& ids, bool all) {
    const at::NoGradGuard no_gradient;
    at::set_num_threads(threads);
    const Tensor input = at::tensor(ids, at::kLong).view({batch, -1});
    Tensor x = at::embedding(tokens, input);
    for (Layer& layer : layers) {
      x = x + attend(layer, norm(x, layer.attention_gain));
      const auto gate_up = at::linear(norm(x, layer.feed_forward_gain), layer.gate_up).chunk(2, -1);
      x = x + at::linear(at::silu(gate_up[0]) * gate_up[1], layer.down);
    }
    filled += input.size(1);
    if (!all) x = x.narrow(1, x.size(1) - 1, 1);
    return at::linear(norm(x, final_gain), output);
  }
};

galley::Status EagerDecoder::Impl::load_layers(const Loader& loader) {
  for (std::size_t i = 0; i < config.layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    const auto name = [&](const char* part) { return prefix + part + ".weight"; };
    Layer layer;
    GALLEY_TRY(layer.attention_gain, loader.get(name("attn_norm")));
    GALLEY_TRY(Tensor q, loader.get(name("attn_q")));
    GALLEY_TRY(Tensor k, loader.get(name("attn_k")));
    GALLEY_TRY(const Tensor v, loader.get(name("attn_v")));
    if (config.adjacent_pairs) {
      q = part_pairs(q, heads);
      k = part_pairs(k, kv_heads);
    }
    layer.qkv = at::cat({q, k, v});
    GALLEY_TRY(layer.output, loader.get(name("attn_output")));
    GALLEY_TRY(layer.feed_forward_gain, loader.get(name("ffn_norm")));
    GALLEY_TRY(layer.gate_up,
               loader.get(std::vector<std::string>{name("ffn_gate"), name("ffn_up")}));
    GALLEY_TRY(layer.down, loader.get(name("ffn_down")));
    layers.push_back(std::move(layer));
  }
  return galley::ok();
}

void EagerDecoder::Impl::make_tables(std::int64_t context, at::ScalarType type) {
  const Tensor frequencies =
      at::tensor(at::ArrayRef<float>(config.inverse_frequencies)).to(at::kDouble);
  const Tensor angles = at::outer(at::arange(context, at::kDouble), frequencies).repeat({1, 2});
  const double scale = static_cast<double>(config.rope_attention_scale);
  cosines = (angles.cos() * scale).to(type);
  sines = (angles.sin() * scale).to(type);
  mask = at::full({context, context}, -INFINITY).triu_(1).to(type);
  for (Layer& layer : layers) {
    layer.keys = at::zeros({batch, kv_heads, context, dim}, type);
    layer.values = at::zeros_like(layer.keys);
  }
}

EagerDecoder::EagerDecoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EagerDecoder::~EagerDecoder() = default;
EagerDecoder::EagerDecoder(EagerDecoder&&) noexcept = default;

Result<EagerDecoder> EagerDecoder::load(const ModelFile& file, EagerType type, std::int64_t batch,
                                        std::int64_t context, int threads) {
  GALLEY_TRY_STATUS(check_family(file));
  const auto scalar = type == EagerType::f32 ? at::kFloat : at::kBFloat16;
  const Loader loader(file, scalar);
  auto impl = std::make_unique<Impl>();
  impl->config = file.config();
  impl->heads = static_cast<std::int64_t>(impl->config.heads);
  impl->kv_heads = static_cast<std::int64_t>(impl->config.kv_heads);
  impl->dim = static_cast<std::int64_t>(impl->config.head_dim);
  impl->batch = batch;
  impl->threads = threads;
  GALLEY_TRY(impl->tokens, loader.get("token_embd.weight"));
  GALLEY_TRY(impl->final_gain, loader.get("output_norm.weight"));
  impl->output = impl->tokens;
  if (file.find("output.weight") != nullptr) {
    GALLEY_TRY(impl->output, loader.get("output.weight"));
  }
  GALLEY_TRY_STATUS(impl->load_layers(loader));
  impl->make_tables(context, scalar);
  return EagerDecoder(std::move(impl));
}

std::vector<float> EagerDecoder::forward(const std::vector<std::int64_t>& ids, bool all_logits) {
  const Tensor logits = impl_->logits(ids, all_logits).to(at::kFloat).contiguous();
  const float* const begin = logits.data_ptr<float>();
  return {begin, begin + logits.numel()};
}

std::vector<std::int64_t> EagerDecoder::next_tokens(const std::vector<std::int64_t>& ids) {
  const Tensor best = impl_->logits(ids, false).argmax(-1).contiguous();
  const auto* const begin = best.data_ptr<std::int64_t>();
  return {begin, begin + best.numel()};
}

void EagerDecoder::clear() { impl_->filled = 0; }
