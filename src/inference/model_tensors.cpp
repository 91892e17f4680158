#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "model_parts.h"

namespace galley::inference {
namespace {

constexpr std::size_t kHeadDimUnit = 16;  // tensor::KvCacheShape's
constexpr std::size_t kMaxLayers = 4096;
constexpr std::size_t kMaxSize = 1U
                                 << 24U;  // of width, feed-forward, vocabulary: far past any model

struct Wanted {
  std::string name;
  std::vector<std::size_t> shape;
  bool required = true;
};

void add_norm(std::vector<Wanted>& wanted, const std::string& name, std::size_t width,
              tensor::NormKind kind) {
  wanted.push_back({name + ".weight", {width}});
  if (kind == tensor::NormKind::layer) wanted.push_back({name + ".bias", {width}});
}

void add_layer(std::vector<Wanted>& wanted, const ModelConfig& config, std::size_t index) {
  const std::string prefix = fmt::format("blk.{}.", index);
  const std::size_t q_width = config.heads * config.head_dim;
  const std::size_t kv_width = config.kv_heads * config.head_dim;
  const bool all_biases = config.positions == PositionKind::learned;  // GPT-2
  const bool qkv_biases = all_biases || config.architecture == "qwen2";
  const auto add_linear = [&](std::string_view name, std::size_t rows, std::size_t columns,
                              bool bias) {
    wanted.push_back({fmt::format("{}{}.weight", prefix, name), {rows, columns}});
    wanted.push_back({fmt::format("{}{}.bias", prefix, name), {rows}, bias});
  };
  add_norm(wanted, prefix + "attn_norm", config.width, config.norm);
  add_linear("attn_q", q_width, config.width, qkv_biases);
  add_linear("attn_k", kv_width, config.width, qkv_biases);
  add_linear("attn_v", kv_width, config.width, qkv_biases);
  add_linear("attn_output", config.width, q_width, all_biases);
  if (config.qk_norm) {
    wanted.push_back({prefix + "attn_q_norm.weight", {config.head_dim}});
    wanted.push_back({prefix + "attn_k_norm.weight", {config.head_dim}});
  }
  add_norm(wanted, prefix + "ffn_norm", config.width, config.norm);
  if (config.activation == FeedForward::swiglu)
    add_linear("ffn_gate", config.feed_forward, config.width, false);
  add_linear("ffn_up", config.feed_forward, config.width, all_biases);
  add_linear("ffn_down", config.width, config.feed_forward, all_biases);
}

std::vector<Wanted> wanted_tensors(const ModelConfig& config) {
  std::vector<Wanted> wanted;
  wanted.push_back({"token_embd.weight", {config.vocabulary, config.width}});
  if (config.positions == PositionKind::learned)
    wanted.push_back({"position_embd.weight", {config.context, config.width}});
  else
    wanted.push_back({"rope_freqs.weight", {config.rotated_dim / 2}, false});
  for (std::size_t i = 0; i < config.layers; ++i) add_layer(wanted, config, i);
  add_norm(wanted, "output_norm", config.width, config.norm);
  wanted.push_back({"output.weight", {config.vocabulary, config.width}, false});
  return wanted;
}

Error bad(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

Status check_size(std::string_view name, std::size_t value, std::size_t most) {
  if (value >= 1 && value <= most) return ok();
  return bad(fmt::format("the model's {} is {}; 1 to {} are possible", name, value, most));
}

}  // namespace

std::string shape_text(const std::vector<std::size_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Status check_config(const ModelConfig& config) {
  GALLEY_TRY_STATUS(check_size("count of layers", config.layers, kMaxLayers));
  GALLEY_TRY_STATUS(check_size("width", config.width, kMaxSize));
  GALLEY_TRY_STATUS(check_size("count of heads", config.heads, kMaxSize));
  GALLEY_TRY_STATUS(check_size("count of KV heads", config.kv_heads, config.heads));
  GALLEY_TRY_STATUS(check_size("head dimension", config.head_dim, kMaxSize));
  GALLEY_TRY_STATUS(check_size("feed-forward width", config.feed_forward, kMaxSize));
  GALLEY_TRY_STATUS(check_size("vocabulary", config.vocabulary, kMaxSize));
  GALLEY_TRY_STATUS(check_size("context", config.context, std::size_t{1} << 30U));
  if (config.heads % config.kv_heads != 0)
    return bad(
        fmt::format("{} heads cannot share {} KV heads evenly", config.heads, config.kv_heads));
  if (config.head_dim % kHeadDimUnit != 0)
    return Error{Errc::unsupported,
                 fmt::format("heads of {} dimensions", config.head_dim),
                 {},
                 fmt::format("a multiple of {}", kHeadDimUnit)};
  if (config.rotated_dim > config.head_dim)
    return bad(
        fmt::format("{} rotated dimensions in heads of {}", config.rotated_dim, config.head_dim));
  if (!(config.norm_epsilon >= 0 && config.norm_epsilon < 1))
    return bad(fmt::format("the norms' epsilon is {}; 0 to 1 is possible", config.norm_epsilon));
  return ok();
}

Status apply_rope(const RopeSettings& rope, std::size_t stated_context, ModelConfig& config) {
  GALLEY_TRY(config.inverse_frequencies, rope_frequencies(rope));
  config.positions = PositionKind::rope;
  config.rotated_dim = rope.rotated_dim;
  config.rope_attention_scale = static_cast<float>(rope.attention_scale);
  config.context = scaled_context(rope, stated_context);
  return ok();
}

Result<std::vector<float>> rope_divisors(const TensorMap& tensors, std::size_t rotated_dim) {
  std::vector<float> divisors;
  const auto found = tensors.find("rope_freqs.weight");
  if (found == tensors.end()) return divisors;
  const StoredTensor& stored = found->second;
  if (stored.shape != std::vector{rotated_dim / 2})
    return bad(
        fmt::format("tensor 'rope_freqs.weight' has shape {}, where the model's "
                    "configuration asks for [{}]",
                    shape_text(stored.shape), rotated_dim / 2));
  divisors.resize(stored.shape[0]);
  tensor::dequantize_row(stored.format, stored.bytes, 1, divisors);
  return divisors;
}

Status cut_fused(const ModelConfig& config, TensorMap& tensors) {
  const std::size_t q_rows = config.heads * config.head_dim;
  const std::size_t kv_rows = config.kv_heads * config.head_dim;
  const std::size_t rows = q_rows + 2 * kv_rows;
  for (std::size_t layer = 0; layer < config.layers; ++layer)
    for (const std::string_view kind : {"weight", "bias"}) {
      const auto node = tensors.extract(fmt::format("blk.{}.attn_qkv.{}", layer, kind));
      if (node.empty()) continue;
      const StoredTensor& fused = node.mapped();
      const std::size_t rank = kind == "weight" ? 2 : 1;
      if (fused.shape.size() != rank || fused.shape[0] != rows)
        return bad(
            fmt::format("tensor '{}' has shape {}, where the model's configuration asks for "
                        "{} rows",
                        node.key(), shape_text(fused.shape), rows));
      // A bias is one row of its format; blocks could not be cut where heads end.
      if (rank == 1 && tensor::block_values(fused.format) != 1)
        return Error{Errc::unsupported, fmt::format("tensor '{}' is stored in blocks", node.key())};
      const std::size_t row_bytes = fused.size_bytes / rows;
      std::size_t row = 0;
      for (const auto& [name, count] : {std::pair{"attn_q", q_rows}, std::pair{"attn_k", kv_rows},
                                        std::pair{"attn_v", kv_rows}}) {
        StoredTensor part = fused;
        part.shape[0] = count;
        part.bytes = fused.bytes + row * row_bytes;
        part.size_bytes = count * row_bytes;
        if (part.scales != nullptr) part.scales += row;
        row += count;
        tensors.insert_or_assign(fmt::format("blk.{}.{}.{}", layer, name, kind), std::move(part));
      }
    }
  return ok();
}

Status check_tensors(const TensorMap& tensors, ModelConfig& config) {
  const std::vector<Wanted> wanted = wanted_tensors(config);
  std::size_t found = 0;
  config.parameters = 0;
  for (const Wanted& want : wanted) {
    const auto at = tensors.find(want.name);
    if (at == tensors.end()) {
      if (!want.required) continue;
      return bad(
          fmt::format("tensor '{}' is missing; a {} model of this size needs it with shape "
                      "{}",
                      want.name, config.architecture, shape_text(want.shape)));
    }
    const StoredTensor& stored = at->second;
    if (stored.shape != want.shape)
      return bad(
          fmt::format("tensor '{}' has shape {}, where the model's configuration asks for "
                      "{}",
                      want.name, shape_text(stored.shape), shape_text(want.shape)));
    ++found;
    config.parameters += std::accumulate(stored.shape.begin(), stored.shape.end(), std::size_t{1},
                                         std::multiplies<>());
  }
  if (found == tensors.size()) return ok();
  // Ignoring a weight would give wrong text without a word.
  const auto unknown = std::ranges::find_if(tensors, [&](const auto& entry) {
    return std::ranges::find(wanted, entry.first, &Wanted::name) == wanted.end();
  });
  return Error{Errc::unsupported,
               fmt::format("the model has a tensor '{}' of shape {}, which Galley's {} has no "
                           "place for",
                           unknown->first, shape_text(unknown->second.shape), config.architecture)};
}

}  // namespace galley::inference
