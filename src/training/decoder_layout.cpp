#include "training/decoder_layout.h"

#include <cmath>
#include <numbers>

#include "random.h"

namespace galley::training {
namespace {

constexpr float kTokenDeviation = 0.02F;

Error refuse(std::string field, std::string message) {
  return {Errc::invalid_argument, std::move(message), std::move(field)};
}

/// Uniform in [0, 1).
double uniform(Random& random) { return static_cast<double>(random.next() >> 11U) * 0x1p-53; }

/// Standard normal by Box and Muller, of which one of the two values is used.
float normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(random)));
  return static_cast<float>(radius * std::cos(2 * std::numbers::pi * uniform(random)));
}

}  // namespace

Status check(const DecoderShape& shape) {
  if (shape.vocabulary < 300 || shape.vocabulary > 65'536)
    return refuse("vocab", "a vocabulary of " + std::to_string(shape.vocabulary) +
                               " tokens is outside 300 to 65536");
  if (shape.layers < 1 || shape.layers > 64)
    return refuse("layers", std::to_string(shape.layers) + " layers are outside 1 to 64");
  if (shape.width < 32 || shape.width > 4096 || shape.width % 32 != 0)
    return refuse("width", "a width of " + std::to_string(shape.width) +
                               " is not a multiple of 32 from 32 to 4096");
  if (shape.feed_forward < 32 || shape.feed_forward > 16'384 || shape.feed_forward % 32 != 0)
    return refuse("ffn", "a feed-forward width of " + std::to_string(shape.feed_forward) +
                             " is not a multiple of 32 from 32 to 16384");
  if (shape.heads < 1 || shape.width % shape.heads != 0 || shape.head_dim() % 16 != 0)
    return refuse("heads", "a width of " + std::to_string(shape.width) + " does not split into " +
                               std::to_string(shape.heads) + " heads of a multiple of 16");
  if (shape.kv_heads < 1 || shape.heads % shape.kv_heads != 0)
    return refuse("kv_heads", std::to_string(shape.heads) + " heads cannot share " +
                                  std::to_string(shape.kv_heads) + " heads of keys and values");
  if (shape.context < 16 || shape.context > 4096)
    return refuse("context", "a context of " + std::to_string(shape.context) +
                                 " tokens is outside 16 to 4096");
  return ok();
}

DecoderLayout::DecoderLayout(const DecoderShape& shape) : shape_(shape) {
  const std::size_t width = shape.width;
  const std::size_t kv_width = std::size_t{shape.kv_heads} * shape.head_dim();
  add("model.embed_tokens.weight", {shape.vocabulary, width});
  for (std::uint32_t layer = 0; layer < shape.layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    add(prefix + "input_layernorm.weight", {width});
    add(prefix + "self_attn.q_proj.weight", {width, width});
    add(prefix + "self_attn.k_proj.weight", {kv_width, width});
    add(prefix + "self_attn.v_proj.weight", {kv_width, width});
    add(prefix + "self_attn.o_proj.weight", {width, width});
    add(prefix + "post_attention_layernorm.weight", {width});
    add(prefix + "mlp.gate_proj.weight", {shape.feed_forward, width});
    add(prefix + "mlp.up_proj.weight", {shape.feed_forward, width});
    add(prefix + "mlp.down_proj.weight", {width, shape.feed_forward});
  }
  add("model.norm.weight", {width});
}

void DecoderLayout::add(std::string name, std::vector<std::size_t> shape) {
  std::size_t count = 1;
  for (const std::size_t side : shape) count *= side;
  const bool is_matrix = shape.size() > 1;
  slots_.push_back({std::move(name), std::move(shape), size_, count, is_matrix});
  size_ += count;
}

std::vector<float> DecoderLayout::initial_parameters(std::uint64_t seed) const {
  std::vector<float> values(size_, 1.0F);
  Random random(seed);
  for (const ParameterSlot& slot : slots_) {
    if (slot.shape.size() == 1) continue;
    const bool writes_residual =
        slot.name.ends_with("o_proj.weight") || slot.name.ends_with("down_proj.weight");
    float deviation = 1 / std::sqrt(static_cast<float>(slot.shape[1]));
    if (writes_residual) deviation /= std::sqrt(2 * static_cast<float>(shape_.layers));
    if (slot.offset == 0) deviation = kTokenDeviation;
    for (std::size_t i = 0; i < slot.count; ++i)
      values[slot.offset + i] = deviation * normal(random);
  }
  return values;
}

}  // namespace galley::training
