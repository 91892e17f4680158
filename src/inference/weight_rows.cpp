#include "weight_rows.h"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace galley::inference {
namespace {

/// (-1, name) outside the layers, (layer, name) inside.
std::pair<long, std::string_view> place_of(std::string_view name) {
  constexpr std::string_view kLayer = "blk.";
  long layer = -1;
  if (name.starts_with(kLayer))
    std::from_chars(name.data() + kLayer.size(), name.data() + name.size(), layer);
  return {layer, name};
}

/// For each row as it will be, the row it is now.
std::vector<std::uint32_t> pair_order(const ModelConfig& config, std::size_t rows,
                                      PairOrder order) {
  const std::size_t half = config.rotated_dim / 2;
  std::vector<std::uint32_t> source(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t at = row % config.head_dim;
    std::size_t from = at;
    if (at < config.rotated_dim)
      from = order == PairOrder::to_adjacent ? at % 2 * half + at / 2 : at % half * 2 + at / half;
    source[row] = static_cast<std::uint32_t>(row - at + from);
  }
  return source;
}

bool is_rotated(std::string_view name) {
  return name.find(".attn_q.") != std::string_view::npos ||
         name.find(".attn_k.") != std::string_view::npos;
}

/// Replaces "….attn_q.x" and its k and v by "….attn_qkv.x".
void fuse(std::vector<WeightRows>& all) {
  for (WeightRows& q : all) {
    const std::size_t at = q.name.find(".attn_q.");
    if (at == std::string::npos) continue;
    const auto take = [&](std::string_view other) {
      std::string name = q.name;
      name.replace(at, std::string_view(".attn_q.").size(), other);
      const auto found = std::ranges::find(all, name, &WeightRows::name);
      q.parts.push_back(found->parts.front());
      q.shape[0] += found->shape[0];
      found->name.clear();
    };
    take(".attn_k.");
    take(".attn_v.");
    q.name.replace(at, std::string_view(".attn_q.").size(), ".attn_qkv.");
  }
  std::erase_if(all, [](const WeightRows& weights) { return weights.name.empty(); });
}

struct RowAt {
  const StoredTensor* tensor = nullptr;
  std::size_t row = 0;
};

RowAt find_row(const WeightRows& weights, std::size_t row) {
  if (!weights.order.empty()) row = weights.order[row];
  for (const StoredTensor* part : weights.parts) {
    if (row < part->shape[0]) return {part, row};
    row -= part->shape[0];
  }
  return {};
}

const std::byte* bytes_at(const RowAt& at) {
  return at.tensor->bytes + at.row * tensor::row_bytes(at.tensor->format, at.tensor->shape[1]);
}

void read_vector(const WeightRows& weights, std::span<float> values) {
  std::vector<float> all(values.size());
  std::size_t at = 0;
  for (const StoredTensor* part : weights.parts) {
    const std::size_t size = part->shape[0];
    tensor::dequantize_row(part->format, part->bytes, 1, std::span(all).subspan(at, size));
    at += size;
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    values[i] = all[weights.order.empty() ? i : weights.order[i]];
}

}  // namespace

std::vector<WeightRows> weight_rows(const ModelParts& model, PairOrder order, bool fuse_qkv) {
  std::vector<WeightRows> all;
  for (const auto& [name, stored] : model.tensors) {
    WeightRows weights{.name = name, .parts = {&stored}, .shape = stored.shape, .order = {}};
    if (order != PairOrder::keep && is_rotated(name))
      weights.order = pair_order(model.config, stored.shape[0], order);
    all.push_back(std::move(weights));
  }
  if (fuse_qkv) fuse(all);
  std::ranges::sort(all, {}, [](const WeightRows& weights) { return place_of(weights.name); });
  return all;
}

PlannedTensor plan_of(const WeightRows& weights, tensor::Format format) {
  const bool is_vector = weights.shape.size() == 1;
  PlannedTensor plan{.name = weights.name,
                     .format = format,
                     .rows = is_vector ? 1 : weights.shape[0],
                     .columns = weights.shape.back()};
  if (is_vector) {
    plan.values = [&weights](std::size_t, std::span<float> values) {
      read_vector(weights, values);
    };
    return plan;
  }
  const bool same = std::ranges::all_of(
      weights.parts, [&](const StoredTensor* part) { return part->format == format; });
  if (same && format != tensor::Format::i8) {
    plan.stored = [&weights](std::size_t row) { return bytes_at(find_row(weights, row)); };
    return plan;
  }
  plan.values = [&weights](std::size_t row, std::span<float> values) {
    const RowAt at = find_row(weights, row);
    const float scale = at.tensor->scales == nullptr ? 1 : at.tensor->scales[at.row];
    tensor::dequantize_row(at.tensor->format, bytes_at(at), scale, values);
  };
  return plan;
}

}  // namespace galley::inference
