// The tiles that multiply chunks of weights with int8 inputs.
#pragma once

#include "matmul_ahead.h"
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
template <class V, class Kind, size_t kRows>
void int8_tile(const Chunk* chunks, size_t units, Int8Rows x, const Ahead& ahead, float* totals) {
  constexpr size_t kPanels = V::kPanels;
  constexpr size_t kSub = Kind::kSubBlocks;
  constexpr size_t kGroups = kUnitGroups / kSub;
  for (size_t u = 0; u < units; ++u) {
    // Twelve totals do not fit the registers beside the rest: they stay in memory.
    __asm__ volatile("" : "+r"(totals) : : "memory");
    ahead.fetch<V>(u);
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
      for (size_t p = 0; p < kPanels; ++p) {
        float* total = totals + 16 * (r * kPanels + p);
        V::store(V::fma(blocks[r][p], scale, V::load(total)), total);
      }
    }
  }
}

/// How far direct_row() fetches ahead: a page of 4 KiB, where the processor's own prefetch stops.
constexpr size_t kDirectAhead = 4096;

/// One row straight from the packed panels, since memory's speed is the limit then and a chunk
/// would not pay.
template <class V, class Source>
void direct_row(const uint8_t* const* panels, size_t units, Int8Rows x, float* out) {
  constexpr size_t kPanels = V::kPanels;
  constexpr size_t kSub = Source::Kind::kSubBlocks;
  constexpr size_t kPairs = kUnitGroups / kSub / 2;
  constexpr size_t kSubBytes = Source::kBytes / Source::kUnits / kSub;
  typename V::Floats totals[kPanels];
#pragma GCC unroll 2
  for (size_t p = 0; p < kPanels; ++p) totals[p] = V::zero();
  for (size_t u = 0; u < units; ++u) {
    const auto scale = V::all(float_at(x.scales + 4 * u));
#pragma GCC unroll 2
    for (size_t p = 0; p < kPanels; ++p) {
      auto block = V::zero();
#pragma GCC unroll 4
      for (size_t s = 0; s < kSub; ++s) {
        const SubBlock at = Source::at(panels[p], u, s);
        const uint8_t* ahead = panels[p] + (u * kSub + s) * kSubBytes + kDirectAhead;
        for (size_t i = 0; i < kSubBytes; i += 64) fetch_line(ahead + i);
        auto dot =
            V::all_ints(Source::Kind::kOffsets ? 0 : int_at(x.corrections + 4 * (u * kSub + s)));
#pragma GCC unroll 4
        for (size_t i = 0; i < kPairs; ++i) {
          const TwoGroups<V> two = Source::groups(at, i);
          const auto* bytes =
              reinterpret_cast<const std::int8_t*>(x.bytes) + 64 * u + 8 * (s * kPairs + i);
          dot = V::dot(dot, V::weights(two.first), V::input(bytes));
          dot = V::dot(dot, V::weights(two.second), V::input(bytes + 4));
        }
        block = V::fma(V::to_floats(dot), Source::scale(at), block);
        if constexpr (Source::Kind::kOffsets)
          block = V::fma(V::all(float_at(x.sums + 4 * (u * kSub + s))), Source::offset(at), block);
      }
      totals[p] = V::fma(block, scale, totals[p]);
    }
  }
#pragma GCC unroll 2
  for (size_t p = 0; p < kPanels; ++p) V::store(totals[p], out + 16 * p);
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
  const auto tile = [&]<size_t kRows>() {
    if constexpr (kRows <= V::kInt8Rows)
      for (; row + kRows <= count;
           row += kRows, x.advance(kRows), totals += kRows * V::kPanels * kPanelRows) {
        ahead.take(row, row + kRows, count);
        int8_tile<V, Kind, kRows>(chunks, units, x, ahead, totals);
      }
  };
  tile.template operator()<6>();
  tile.template operator()<4>();
  tile.template operator()<2>();
  tile.template operator()<1>();
}

template <class V>
void channel_rows(const Chunk* chunks, size_t units, const uint8_t* rows, size_t stride,
                  size_t count, std::int32_t* totals) {
  const auto tile = [&]<size_t kRows>() {
    if constexpr (kRows <= V::kInt8Rows)
      for (; count >= kRows;
           count -= kRows, rows += kRows * stride, totals += kRows * V::kPanels * kPanelRows)
        channel_tile<V, kRows>(chunks, units, rows, stride, totals);
  };
  tile.template operator()<6>();
  tile.template operator()<4>();
  tile.template operator()<2>();
  tile.template operator()<1>();
}

}  // namespace
}  // namespace galley::tensor
