#include <fmt/format.h>

#include <numeric>

#include "model_share.h"

namespace galley::inference {
namespace {

/// Splits `count` units over the devices, the first ones one larger where it does not divide.
Part part_of(std::size_t count, std::size_t devices, std::size_t device) {
  const std::size_t base = count / devices;
  const std::size_t larger = count % devices;
  return {.first = device * base + std::min(device, larger),
          .count = base + (device < larger ? 1 : 0)};
}

Part times(Part part, std::size_t unit) { return {part.first * unit, part.count * unit}; }

/// Weights that must stay together along the inputs of this kind of layer.
std::size_t input_unit(const ModelFile& file, std::string_view name) {
  std::size_t unit = 1;
  for (std::size_t layer = 0; layer < file.config().layers; ++layer)
    if (const StoredTensor* tensor = file.find(fmt::format("blk.{}.{}.weight", layer, name)))
      unit = std::lcm(unit, tensor::block_values(tensor->format));
  return unit;
}

}  // namespace

Result<std::vector<ShardPlan>> plan_shards(const ModelFile& file, std::size_t devices) {
  const ModelConfig& config = file.config();
  if (devices == 0 || config.heads % devices != 0 || config.kv_heads % devices != 0)
    return Error{
        .code = Errc::invalid_argument,
        .message = fmt::format("{} heads and {} KV heads cannot be split over {} devices",
                               config.heads, config.kv_heads, devices),
        .field = "devices",
        .expected = fmt::format("a divisor of {}", std::gcd(config.heads, config.kv_heads))};
  const std::size_t head_unit = input_unit(file, "attn_output");
  const std::size_t share = config.heads / devices * config.head_dim;
  if (devices > 1 && share % head_unit != 0)
    return Error{.code = Errc::invalid_argument,
                 .message = fmt::format("{} attention inputs a device do not end on a block of {} "
                                        "weights of attn_output",
                                        share, head_unit),
                 .field = "devices",
                 .expected = "fewer devices, or a format of smaller blocks"};
  const std::size_t ffn_unit = input_unit(file, "ffn_down");
  if (config.feed_forward % ffn_unit != 0 || config.feed_forward / ffn_unit < devices)
    return Error{.code = Errc::invalid_argument,
                 .message = fmt::format("{} feed-forward inputs in blocks of {} cannot be split "
                                        "over {} devices",
                                        config.feed_forward, ffn_unit, devices),
                 .field = "devices",
                 .expected = "fewer devices, or a format of smaller blocks"};

  std::vector<ShardPlan> plans(devices);
  for (std::size_t i = 0; i < devices; ++i)
    plans[i] = {
        .heads = part_of(config.heads, devices, i),
        .kv_heads = part_of(config.kv_heads, devices, i),
        .feed_forward = times(part_of(config.feed_forward / ffn_unit, devices, i), ffn_unit),
        .vocabulary = part_of(config.vocabulary, devices, i),
        .first = i == 0};
  return plans;
}

}  // namespace galley::inference
