// The tiles that multiply chunks of weights with int8 inputs.
#pragma once

#include "matmul_ahead.h"
#include "matmul_rows.h"
#include "matmul_unpack.h"

namespace galley::tensor {
namespace {

/// Input rows of int8_blocks: pointers to what row 0 has at the chunk's first unit; the other rows
/// follow at `stride` bytes.
struct Int8Rows {
  const uint8_t* bytes;
  const uint8_t* scales;
  const uint8_t* corrections;  // of 32 columns, or of 16 where the format has scales for 16
  const uint8_t* sums;
  size_t stride;

  Int8Rows from_unit(size_t unit, size_t sub_blocks) const {
    return {bytes + kActivationBlock * unit, scales + 4 * unit, corrections + 4 * sub_blocks * unit,
            sums + 8 * unit, stride};
  }
  void advance(size_t rows) {
    bytes += rows * stride;
    scales += rows * stride;
    corrections += rows * stride;
    sums += rows * stride;
  }
};

inline float float_at(const uint8_t* p) {
  float x;
  __builtin_memcpy(&x, p, 4);
  return x;
}
inline std::int32_t int_at(const uint8_t* p) {
  std::int32_t x;
  __builtin_memcpy(&x, p, 4);
  return x;
}

/// dots[r][p] += kGroups groups of weights times the rows' bytes.
template <class V, size_t kRows, size_t kGroups>
[[gnu::always_inline]] inline void add_groups(const uint8_t* const* weights, const uint8_t* rows,
                                              size_t stride,
                                              typename V::Ints (&dots)[kRows][V::kPanels]) {
#pragma GCC unroll 16
  for (size_t g = 0; g < kGroups; ++g) {
    typename V::Weights w[V::kPanels];
#pragma GCC unroll 2
    for (size_t p = 0; p < V::kPanels; ++p)
      w[p] = V::weights(V::load_bytes(weights[p] + g * kGroupBytes));
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) {
      const auto x = V::input(reinterpret_cast<const std::int8_t*>(rows + r * stride + 4 * g));
#pragma GCC unroll 2
      for (size_t p = 0; p < V::kPanels; ++p) dots[r][p] = V::dot(dots[r][p], w[p], x);
    }
  }
}

/// kRows input rows times V::kPanels panels over `units` units, in the order that matmul.h states.
/// Asks for the next rows' bytes: too short pieces for the processor to see a stream in them.
template <class V, class Kind, size_t kRows>
void int8_tile(const Chunk* chunks, size_t units, Int8Rows x, const Ahead& ahead, float* totals) {
  constexpr size_t kPanels = V::kPanels;
  constexpr size_t kSub = Kind::kSubBlocks;
  constexpr size_t kGroups = kUnitGroups / kSub;
  typename V::Floats sums[kRows][kPanels];
#pragma GCC unroll 8
  for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) sums[r][p] = V::load(totals + 16 * (r * kPanels + p));
  for (size_t u = 0; u < units; ++u) {
    ahead.fetch<V>(u);
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) fetch_near(x.bytes + (kRows + r) * x.stride + 64 * u);
    typename V::Floats blocks[kRows][kPanels];
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
      for (size_t p = 0; p < kPanels; ++p) blocks[r][p] = V::zero();

#pragma GCC unroll 1
    for (size_t s = 0; s < kSub; ++s) {
      const uint8_t* weights[kPanels];
      typename V::Ints dots[kRows][kPanels];
#pragma GCC unroll 2
      for (size_t p = 0; p < kPanels; ++p)
        weights[p] = chunks[p].weights + u * chunks[p].unit_stride + s * kGroups * kGroupBytes;
#pragma GCC unroll 8
      for (size_t r = 0; r < kRows; ++r) {
        // The zero point's share of the dot product, so that it costs no instruction of its own.
        const auto start = V::all_ints(
            Kind::kOffsets ? 0 : int_at(x.corrections + r * x.stride + 4 * (u * kSub + s)));
#pragma GCC unroll 2
        for (size_t p = 0; p < kPanels; ++p) dots[r][p] = start;
      }
      add_groups<V, kRows, kGroups>(weights, x.bytes + 64 * u + 4 * kGroups * s, x.stride, dots);
#pragma GCC unroll 2
      for (size_t p = 0; p < kPanels; ++p) {
        const auto scale = V::load(chunks[p].scales + 16 * (u * kSub + s));
#pragma GCC unroll 8
        for (size_t r = 0; r < kRows; ++r)
          blocks[r][p] = V::fma(V::to_floats(dots[r][p]), scale, blocks[r][p]);
        if constexpr (Kind::kOffsets) {
          const auto offset = V::load(chunks[p].offsets + 16 * (u * kSub + s));
#pragma GCC unroll 8
          for (size_t r = 0; r < kRows; ++r)
            blocks[r][p] = V::fma(V::all(float_at(x.sums + r * x.stride + 4 * (u * kSub + s))),
                                  offset, blocks[r][p]);
        }
      }
    }

#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) {
      const auto scale = V::all(float_at(x.scales + r * x.stride + 4 * u));
#pragma GCC unroll 2
      for (size_t p = 0; p < kPanels; ++p) sums[r][p] = V::fma(blocks[r][p], scale, sums[r][p]);
    }
  }
#pragma GCC unroll 8
  for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) V::store(sums[r][p], totals + 16 * (r * kPanels + p));
}

/// A few rows times one panel straight from the packed bytes, since memory's speed is the limit
/// then and a chunk would not pay. One stream without prefetches: the processor's own is as fast
/// as plain reading; both two panels by turns and asking ahead were a quarter slower. Not inlined,
/// for g++ 12 may then read a panel's lines out of their order, which costs as much again.
template <class V, class Source, size_t kRows>
[[gnu::noinline]] void direct_rows(const uint8_t* panel, size_t units, Int8Rows x, float* out) {
  constexpr size_t kSub = Source::Kind::kSubBlocks;
  constexpr size_t kPairs = kUnitGroups / kSub / 2;
  typename V::Floats sums[kRows];
#pragma GCC unroll 4
  for (size_t r = 0; r < kRows; ++r) sums[r] = V::zero();
  for (size_t u = 0; u < units; ++u) {
    typename V::Floats blocks[kRows];
#pragma GCC unroll 4
    for (size_t r = 0; r < kRows; ++r) blocks[r] = V::zero();
#pragma GCC unroll 4
    for (size_t s = 0; s < kSub; ++s) {
      const SubBlock at = Source::at(panel, u, s);
      typename V::Ints dots[kRows];
#pragma GCC unroll 4
      for (size_t r = 0; r < kRows; ++r)
        dots[r] = V::all_ints(
            Source::Kind::kOffsets ? 0 : int_at(x.corrections + r * x.stride + 4 * (u * kSub + s)));
#pragma GCC unroll 4
      for (size_t i = 0; i < kPairs; ++i) {
        const TwoGroups<V> two = Source::groups(at, i);
        const auto first = V::weights(two.first);
        const auto second = V::weights(two.second);
#pragma GCC unroll 4
        for (size_t r = 0; r < kRows; ++r) {
          const auto* bytes = reinterpret_cast<const std::int8_t*>(x.bytes) + r * x.stride +
                              64 * u + 8 * (s * kPairs + i);
          dots[r] = V::dot(dots[r], first, V::input(bytes));
          dots[r] = V::dot(dots[r], second, V::input(bytes + 4));
        }
      }
      const auto scale = Source::scale(at);
#pragma GCC unroll 4
      for (size_t r = 0; r < kRows; ++r)
        blocks[r] = V::fma(V::to_floats(dots[r]), scale, blocks[r]);
      if constexpr (Source::Kind::kOffsets) {
        const auto offset = Source::offset(at);
#pragma GCC unroll 4
        for (size_t r = 0; r < kRows; ++r)
          blocks[r] = V::fma(V::all(float_at(x.sums + r * x.stride + 4 * (u * kSub + s))), offset,
                             blocks[r]);
      }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < kRows; ++r)
      sums[r] = V::fma(blocks[r], V::all(float_at(x.scales + r * x.stride + 4 * u)), sums[r]);
  }
#pragma GCC unroll 4
  for (size_t r = 0; r < kRows; ++r) V::store(sums[r], out + r * V::kPanels * kPanelRows);
}

/// The same with one sum over all columns, kept as int32 in `totals`.
template <class V, size_t kRows>
void channel_tile(const Chunk* chunks, size_t units, const uint8_t* rows, size_t stride,
                  std::int32_t* totals) {
  constexpr size_t kPanels = V::kPanels;
  typename V::Ints dots[kRows][kPanels];
#pragma GCC unroll 8
  for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) dots[r][p] = V::load_ints(totals + 16 * (r * kPanels + p));
  for (size_t u = 0; u < units; ++u) {
    const uint8_t* weights[kPanels];
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) weights[p] = chunks[p].weights + u * chunks[p].unit_stride;
    add_groups<V, kRows, kUnitGroups>(weights, rows + 64 * u, stride, dots);
  }
#pragma GCC unroll 8
  for (size_t r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) V::store_ints(dots[r][p], totals + 16 * (r * kPanels + p));
}

template <class V, class Kind>
void int8_rows(const Chunk* chunks, size_t units, Int8Rows x, size_t count, Ahead ahead,
               float* totals) {
  size_t row = 0;
  split_rows<V::kInt8Rows>(count, [&]<size_t kRows>() {
    ahead.take(row, row + kRows, count);
    int8_tile<V, Kind, kRows>(chunks, units, x, ahead, totals);
    row += kRows;
    x.advance(kRows);
    totals += kRows * V::kPanels * kPanelRows;
  });
}

template <class V>
void channel_rows(const Chunk* chunks, size_t units, const uint8_t* rows, size_t stride,
                  size_t count, std::int32_t* totals) {
  split_rows<V::kChannelRows>(count, [&]<size_t kRows>() {
    channel_tile<V, kRows>(chunks, units, rows, stride, totals);
    rows += kRows * stride;
    totals += kRows * V::kPanels * kPanelRows;
  });
}

}  // namespace
}  // namespace galley::tensor
