// Input rows made ready for the products; the same bits in every instruction set.
#pragma once

#include "matmul.h"
#include "panel_layout.h"

namespace galley::tensor {
namespace {

using std::size_t;

/// Blocks below this are taken as zero, since 127 / size could overflow.
constexpr float kSmallestSize = 1e-30F;

template <class V>
float largest_size(const float* x, size_t n) {
  auto most = V::zero();
  for (size_t k = 0; k < n; k += 16) most = V::max_size(most, V::load(x + k));
  return V::max(most);
}

/// Sixteen values to bytes; returns their sum.
template <class V>
std::int32_t round_16(const float* x, typename V::Floats factor, std::int8_t* out) {
  const auto numbers = V::to_ints(V::multiply(V::load(x), factor));
  V::store_low_bytes(numbers, out);
  return V::sum(numbers);
}

inline float factor_for(float size) { return size < kSmallestSize ? 0 : 127 / size; }
inline float scale_for(float size) { return size < kSmallestSize ? 0 : size / 127; }

/// Calls visit(first column, kActivationBlock values) for each unit; the last is filled with zeros.
template <class V, class Visit>
void for_each_unit(const float* x, size_t columns, Visit visit) {
  size_t k = 0;
  for (; k + kActivationBlock <= columns; k += kActivationBlock) visit(k, x + k);
  if (k == columns) return;
  float tail[kActivationBlock] = {};
  for (size_t i = 0; k + i < columns; ++i) tail[i] = x[k + i];
  visit(k, tail);
}

template <class V>
void prepare_blocks(const float* x, size_t columns, std::byte* out) {
  const PreparedLayout layout(columns);
  auto* bytes = reinterpret_cast<std::int8_t*>(out);
  auto* scales = reinterpret_cast<float*>(out + layout.scales);
  auto* corrections = reinterpret_cast<std::int32_t*>(out + layout.corrections);
  auto* sums = reinterpret_cast<float*>(out + layout.sums);
  auto* fine = reinterpret_cast<std::int32_t*>(out + layout.fine_corrections);
  for_each_unit<V>(x, columns, [&](size_t k, const float* values) {
    const float size = largest_size<V>(values, kActivationBlock);
    scales[k / kActivationBlock] = scale_for(size);
    const auto factor = V::all(factor_for(size));
    for (size_t i = 0; i < kActivationBlock; i += 32) {
      const std::int32_t low = round_16<V>(values + i, factor, bytes + k + i);
      const std::int32_t high = round_16<V>(values + i + 16, factor, bytes + k + i + 16);
      fine[(k + i) / 16] = -kZeroPoint * low;
      fine[(k + i) / 16 + 1] = -kZeroPoint * high;
      corrections[(k + i) / 32] = -kZeroPoint * (low + high);
      sums[(k + i) / 32] = static_cast<float>(low + high);
    }
  });
}

template <class V>
void prepare_whole(const float* x, size_t columns, std::byte* out) {
  const PreparedRowLayout layout(columns);
  auto* bytes = reinterpret_cast<std::int8_t*>(out);
  float size = 0;
  for_each_unit<V>(x, columns, [&](size_t, const float* values) {
    const float own = largest_size<V>(values, kActivationBlock);
    if (own > size) size = own;
  });
  const auto factor = V::all(factor_for(size));
  std::int32_t sum = 0;
  for_each_unit<V>(x, columns, [&](size_t k, const float* values) {
    for (size_t i = 0; i < kActivationBlock; i += 16)
      sum += round_16<V>(values + i, factor, bytes + k + i);
  });
  *reinterpret_cast<float*>(out + layout.scale) = scale_for(size);
  *reinterpret_cast<std::int32_t*>(out + layout.correction) = -kZeroPoint * sum;
}

/// To nearest even, left in the upper half; values are finite.
template <class V>
typename V::Ints round_to_bf16(typename V::Floats x) {
  const auto bits = V::bits(x);
  const auto odd = V::and_ints(V::shift_right(bits, 16), V::all_ints(1));
  const auto rounded = V::add(bits, V::add(odd, V::all_ints(0x7fff)));
  return V::and_ints(rounded, V::all_ints(static_cast<std::int32_t>(0xffff0000U)));
}

template <class V>
void prepare_bf16(const float* x, size_t columns, std::byte* out) {
  auto* to = reinterpret_cast<std::uint16_t*>(out);
  for (size_t k = 0; k < round_up(columns, kPairColumns); k += kPanelRows) {
    const size_t left = columns < k ? 0 : columns - k;
    const auto values = left < kPanelRows ? V::load_first(x + k, left) : V::load(x + k);
    V::store_low_words(V::shift_right(round_to_bf16<V>(values), 16), to + k);
  }
}

template <class V>
void prepare(Preparation preparation, const float* x, size_t columns, std::byte* out) {
  switch (preparation) {
    case Preparation::f32:
      __builtin_memcpy(out, x, columns * sizeof(float));
      return;
    case Preparation::bf16:
      prepare_bf16<V>(x, columns, out);
      return;
    case Preparation::int8_blocks:
      prepare_blocks<V>(x, columns, out);
      return;
    case Preparation::int8_row:
      prepare_whole<V>(x, columns, out);
      return;
  }
}

}  // namespace
}  // namespace galley::tensor
