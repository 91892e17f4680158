// Keys and values in the blocks of the KV cache, written once over sixteen lanes that the including
// file supplies. Everything is in an unnamed namespace, as in kernel_loops.h, and for the same
// reason.
#pragma once

#include "forward_row_loops.h"

namespace galley::tensor {
namespace {

inline std::byte* values_of(std::byte* block, KvFormat format, size_t head_dim) {
  return block + head_dim * kPageTokens * kv_value_bytes(format);
}
template <class Byte>
Byte* scales_of(Byte* block, size_t head_dim) {
  return block + 2 * head_dim * kPageTokens;
}

/// The scale of a token's key or value as int8: its largest size becomes 127.
template <class Lanes>
float int8_scale(const float* x, size_t n) {
  Lanes most = Lanes::all(0);
  for (size_t i = 0; i < n; i += 16) most = larger(absolute(Lanes::load(x + i)), most);
  return most.largest() / 127;
}

template <class Lanes>
void round_to_int8(const float* x, float scale, size_t n, std::int8_t* out) {
  const Lanes inverse = Lanes::all(scale > 0 ? 1 / scale : 0);
  for (size_t i = 0; i < n; i += 16) {
    const Lanes scaled = Lanes::load(x + i) * inverse;
    larger(smaller(scaled, Lanes::all(127)), Lanes::all(-127)).store_i8(out + i);
  }
}

template <class Number>
void store_column(const Number* row, size_t n, size_t slot, std::byte* columns) {
  Number* to = reinterpret_cast<Number*>(columns) + slot;
  for (size_t i = 0; i < n; ++i) to[i * kPageTokens] = row[i];
}

template <class Lanes>
void store_token(KvFormat format, size_t head_dim, const float* key, const float* value,
                 size_t slot, std::byte* block) {
  std::byte* values = values_of(block, format, head_dim);
  std::byte* own_values = values + slot * head_dim * kv_value_bytes(format);
  if (format == KvFormat::f32) {
    store_column(key, head_dim, slot, block);
    for (size_t i = 0; i < head_dim; i += 16)
      Lanes::load(value + i).store(reinterpret_cast<float*>(own_values) + i);
  } else if (format == KvFormat::int8) {
    auto* scales = reinterpret_cast<float*>(scales_of(block, head_dim));
    alignas(64) std::int8_t row[kMaxHeadDim];
    scales[slot] = int8_scale<Lanes>(key, head_dim);
    round_to_int8<Lanes>(key, scales[slot], head_dim, row);
    store_column(row, head_dim, slot, block);
    float& value_scale = scales[kPageTokens + slot];
    value_scale = int8_scale<Lanes>(value, head_dim);
    round_to_int8<Lanes>(value, value_scale, head_dim, reinterpret_cast<std::int8_t*>(own_values));
  } else {
    const bool half = format == KvFormat::f16;
    alignas(64) std::uint16_t row[kMaxHeadDim];
    auto* to = reinterpret_cast<std::uint16_t*>(own_values);
    for (size_t i = 0; i < head_dim; i += 16) {
      const Lanes keys = Lanes::load(key + i);
      const Lanes rest = Lanes::load(value + i);
      half ? keys.store_f16(row + i) : keys.store_bf16(row + i);
      half ? rest.store_f16(to + i) : rest.store_bf16(to + i);
    }
    store_column(row, head_dim, slot, block);
  }
}

/// A page's keys [head_dim][16] and values [16][head_dim] as f32.
struct Page {
  const float* keys;
  const float* values;
};

/// Widens a block into `room` (2 * head_dim * 16 floats) unless it is f32 already.
template <class Lanes>
Page open_page(KvFormat format, size_t head_dim, const std::byte* block, float* room) {
  const size_t count = 2 * head_dim * kPageTokens;  // keys and values lie one after the other
  if (format == KvFormat::f32) {
    const auto* numbers = reinterpret_cast<const float*>(block);
    return {numbers, numbers + count / 2};
  }
  const auto* halves = reinterpret_cast<const std::uint16_t*>(block);
  if (format == KvFormat::f16) {
    for (size_t i = 0; i < count; i += 16) Lanes::load_f16(halves + i).store(room + i);
  } else if (format == KvFormat::bf16) {
    for (size_t i = 0; i < count; i += 16) Lanes::load_bf16(halves + i).store(room + i);
  } else {
    const auto* bytes = reinterpret_cast<const std::int8_t*>(block);
    const auto* scales = reinterpret_cast<const float*>(scales_of(block, head_dim));
    const Lanes key_scales = Lanes::load(scales);
    for (size_t i = 0; i < count / 2; i += 16)
      (Lanes::load_i8(bytes + i) * key_scales).store(room + i);
    for (size_t token = 0; token < kPageTokens; ++token) {
      const Lanes scale = Lanes::all(scales[kPageTokens + token]);
      const size_t start = count / 2 + token * head_dim;
      for (size_t i = start; i < start + head_dim; i += 16)
        (Lanes::load_i8(bytes + i) * scale).store(room + i);
    }
  }
  return {room, room + count / 2};
}

/// Into the L2 cache: a block is more lines than the L1 cache can wait for at once.
inline void prefetch_block(const std::byte* block, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(block + i, 0, 2);
}

}  // namespace
}  // namespace galley::tensor
