// Chunks of weights as f32 or bf16, and the tiles that multiply them with f32 or bf16 inputs.
#pragma once

#include "matmul_ahead.h"
#include "matmul_prepare.h"
#include "matmul_rows.h"
#include "matmul_unpack.h"

namespace galley::tensor {
namespace {

/// Column by column the sixteen weights, as dequantize_row() gives them: the products are exact,
/// so that fma rounds where the definition does.
template <class V>
void bytes_to_floats(const Chunk& chunk, bool by_16, size_t columns, float* out) {
  const auto zero_point = V::all(chunk.offsets == nullptr ? -kZeroPoint : 0);
  const auto byte = V::all_ints(0xff);
  for (size_t k = 0; k < columns; k += kGroupColumns) {
    const size_t sub = by_16 ? k / 16 : k / 32;
    const auto scale = V::load(chunk.scales + 16 * sub);
    const auto four =
        V::as_ints(V::load_bytes(chunk.weights + k / kActivationBlock * chunk.unit_stride +
                                 k % kActivationBlock / 4 * kGroupBytes));
    for (size_t j = 0; j < kGroupColumns && k + j < columns; ++j) {
      const auto own = V::and_ints(V::shift_right(four, static_cast<int>(8 * j)), byte);
      const auto number = V::add(V::to_floats(own), zero_point);
      V::store(chunk.offsets == nullptr ? V::multiply(number, scale)
                                        : V::fma(number, scale, V::load(chunk.offsets + 16 * sub)),
               out + 16 * (k + j));
    }
  }
}

// `to` may be `from`.

template <class V>
void floats_to_rounded(const float* from, size_t columns, float* to) {
  for (size_t k = 0; k < columns; ++k)
    V::store(V::bits(round_to_bf16<V>(V::load(from + 16 * k))), to + 16 * k);
}

/// Columns that are missing in the last kPairColumns become zero.
template <class V>
void floats_to_pairs(const float* from, size_t columns, float* to) {
  const auto rounded = [&](size_t k) {
    return round_to_bf16<V>(k < columns ? V::load(from + 16 * k) : V::zero());
  };
  for (size_t k = 0; k < round_up(columns, kPairColumns); k += 2) {
    const auto even = V::shift_right(rounded(k), 16);
    V::store(V::bits(V::or_ints(even, rounded(k + 1))), to + 8 * k);
  }
}

template <class V>
void pairs_to_floats(const uint8_t* pairs, size_t columns, float* out) {
  const auto upper = V::all_ints(static_cast<std::int32_t>(0xffff0000U));
  for (size_t k = 0; k < columns; k += 2, pairs += 64) {
    const auto both = V::as_ints(V::load_bytes(pairs));
    V::store(V::bits(V::shift_left(both, 16)), out + 16 * k);
    if (k + 1 < columns) V::store(V::bits(V::and_ints(both, upper)), out + 16 * (k + 1));
  }
}

/// Columns of one chunk.
constexpr size_t kFloatChunk = 256;

struct FloatMemory {
  alignas(64) float weights[kFloatChunk * kPanelRows];
};

/// Columns [first, first + columns) of a panel, [columns][16]; first is a multiple of a unit, and
/// of a super-block where the format has them.
template <class V>
const float* unpack_floats(Format format, const uint8_t* panel, size_t first, size_t columns,
                           ChunkMemory& bytes, FloatMemory& memory) {
  switch (format) {
    case Format::f32:
      return reinterpret_cast<const float*>(panel + 64 * first);
    case Format::f16:
      for (size_t k = 0; k < columns; ++k)
        V::store(V::load_f16(panel + 32 * (first + k)), memory.weights + 16 * k);
      return memory.weights;
    case Format::bf16:
      pairs_to_floats<V>(panel + 32 * first, columns, memory.weights);
      return memory.weights;
    default:
      break;
  }
  const size_t unit = first / kActivationBlock;
  const size_t units = round_up(columns, kActivationBlock) / kActivationBlock;
  const Chunk chunk = format == Format::i8 ? unpack_i8<V>(panel, unit, units, bytes)
                                           : with_source<V>(format, [&]<class Source>(Source) {
                                               return unpack<V, Source>(panel, unit, units, bytes);
                                             });
  bytes_to_floats<V>(chunk, format == Format::q6_k, columns, memory.weights);
  return memory.weights;
}

/// How an input row gives the value of one column, or of one pair.
template <class V>
struct FloatInput {
  static constexpr size_t kBytes = 4;
  static typename V::Floats at(const uint8_t* row, size_t k) {
    float x;
    __builtin_memcpy(&x, row + 4 * k, 4);
    return V::all(x);
  }
  static typename V::Floats add_product(typename V::Floats sum, typename V::Floats w,
                                        typename V::Floats x) {
    return V::fma(w, x, sum);
  }
};

template <class V>
struct RoundedInput : FloatInput<V> {
  static constexpr size_t kBytes = 2;
  static typename V::Floats at(const uint8_t* row, size_t k) {
    std::uint16_t bits;
    __builtin_memcpy(&bits, row + 2 * k, 2);
    return V::bits(V::all_ints(static_cast<std::int32_t>(std::uint32_t{bits} << 16)));
  }
};

template <class V>
struct PairInput {
  static constexpr size_t kBytes = 4;
  static typename V::Ints at(const uint8_t* row, size_t k) {
    std::int32_t pair;
    __builtin_memcpy(&pair, row + 4 * k, 4);
    return V::all_ints(pair);
  }
  static typename V::Floats add_product(typename V::Floats sum, typename V::Floats w,
                                        typename V::Ints x) {
    return V::dot_pairs(sum, V::bits(w), x);
  }
};

/// Columns or pairs that make a unit of Ahead.
constexpr size_t kStepsAhead = 16;

/// kRows input rows times V::kPanels panels over `steps` columns or pairs.
template <class V, class Input, size_t kRows>
void float_tile(const float* const* weights, size_t steps, const uint8_t* rows, size_t stride,
                const Ahead& ahead, float* totals) {
  constexpr size_t kPanels = V::kPanels;
  typename V::Floats sums[kRows][kPanels];
#pragma GCC unroll 8
  for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) sums[r][p] = V::load(totals + 16 * (r * kPanels + p));
  for (size_t piece = 0; piece < steps; piece += kStepsAhead) {
    ahead.fetch<V>(piece / kStepsAhead);
    const size_t end = steps - piece < kStepsAhead ? steps : piece + kStepsAhead;
    for (size_t k = piece; k < end; ++k) {
      typename V::Floats w[kPanels];
#pragma GCC unroll 2
      for (size_t p = 0; p < kPanels; ++p) w[p] = V::load(weights[p] + 16 * k);
#pragma GCC unroll 8
      for (size_t r = 0; r < kRows; ++r) {
        const auto x = Input::at(rows + r * stride, k);
#pragma GCC unroll 2
        for (size_t p = 0; p < kPanels; ++p) sums[r][p] = Input::add_product(sums[r][p], w[p], x);
      }
    }
  }
#pragma GCC unroll 8
  for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) V::store(sums[r][p], totals + 16 * (r * kPanels + p));
}

/// kRows rows times V::kPanels panels whose bytes are the weights, over `steps` columns or pairs:
/// put(r, p, sums) takes the results. A step reads few weights for its sums, so that they may come
/// from the L2 cache; no chunks, no totals between them. Lines are asked for one by one, a steady
/// distance ahead and on into the panels that follow: bursts before each chunk left a fifth of
/// memory's speed unused.
template <class V, class Input, size_t kRows, class Put>
[[gnu::noinline]] void whole_tile(const uint8_t* const* panels, size_t panel_bytes, size_t steps,
                                  const uint8_t* rows, size_t stride, const Put& put) {
  constexpr size_t kPanels = V::kPanels;
  constexpr size_t kLinesAhead = 64;
  typename V::Floats sums[kRows][kPanels];
#pragma GCC unroll 8
  for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) sums[r][p] = V::zero();
  const auto add = [&](size_t begin, size_t end, size_t bytes_ahead) {
    for (size_t k = begin; k < end; ++k) {
      typename V::Floats w[kPanels];
#pragma GCC unroll 2
      for (size_t p = 0; p < kPanels; ++p) {
        const uint8_t* line = panels[p] + 64 * k;
        fetch_line(line + bytes_ahead);
        w[p] = V::load(reinterpret_cast<const float*>(line));
      }
#pragma GCC unroll 8
      for (size_t r = 0; r < kRows; ++r) {
        const auto x = Input::at(rows + r * stride, k);
#pragma GCC unroll 2
        for (size_t p = 0; p < kPanels; ++p) sums[r][p] = Input::add_product(sums[r][p], w[p], x);
      }
    }
  };
  const size_t last = steps > kLinesAhead ? steps - kLinesAhead : 0;
  add(0, last, 64 * kLinesAhead);
  add(last, steps, 64 * kLinesAhead + (kPanels - 1) * panel_bytes);
#pragma GCC unroll 8
  for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) put(r, p, sums[r][p]);
}

template <class V, class Input>
void float_rows(const float* const* weights, size_t steps, const uint8_t* rows, size_t stride,
                size_t count, Ahead ahead, float* totals) {
  size_t row = 0;
  split_rows<V::kFloatRows>(count, [&]<size_t kRows>() {
    ahead.take(row, row + kRows, count);
    float_tile<V, Input, kRows>(weights, steps, rows, stride, ahead, totals);
    row += kRows;
    rows += kRows * stride;
    totals += kRows * V::kPanels * kPanelRows;
  });
}

}  // namespace
}  // namespace galley::tensor
