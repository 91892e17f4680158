// Products by matrix tiles (AMX), written over a `Tile` that is the hardware or an emulation:
// 2 x 2 accumulators, two blocks of at most 16 input rows times two panels.
//
//   configure(rows0, rows1, quads)  shapes: rows of the two blocks, 4-byte columns of an input tile
//   zero(), load(c, stride), store(c, stride)   the accumulators; c[2 * block + panel]
//   multiply_signed / multiply_unsigned / multiply_pairs(a0, a1, a_stride, b0, b1)
//     input bytes are signed; weights signed, unsigned, or pairs of bf16 (with bf16 inputs)
//   release()
// With rows1 == 0 the second block is left alone.
#pragma once

#include "matmul_loops.h"

namespace galley::tensor {
namespace {

constexpr size_t kTileRows = 16;
constexpr size_t kTileValues = kTileRows * kPanelRows;

/// Fewer rows than these leave most of a tile idle; the vector loops give the same bits.
constexpr size_t kTileRowPair = 2 * kTileRows;

template <class Tile>
struct Tiles {
  static constexpr bool kUsed = true;
  using Scratch = Work<Tiles>;

  /// Dots of one unit: up to four sub-blocks of four tiles; two of them, so that the tiles of one
  /// unit are multiplied while the vector registers scale those of the unit before.
  struct Memory {
    alignas(64) std::int32_t dots[2][4][4][kTileValues];
  };

  template <class V, class Kind>
  static void blocks(const Chunk* chunks, size_t units, Int8Rows x, size_t count, Ahead ahead,
                     Scratch& work) {
    const size_t tiled = count / kTileRowPair * kTileRowPair;
    Int8Rows rest = x;
    rest.advance(tiled);
    int8_rows<V, Kind>(chunks, units, rest, count - tiled, ahead,
                       work.totals + tiled * kPanelStep * kPanelRows);
    if (tiled == 0) return;

    Chunk ready[2] = {chunks[0], chunks[1]};
    if constexpr (!Kind::kOffsets)
      for (size_t p = 0; p < 2; ++p) ready[p] = with_signs<V>(chunks[p], units, work.chunks[p]);
    Tile::configure(kTileRows, kTileRows, kUnitGroups / Kind::kSubBlocks);
    for (size_t r = 0; r < tiled; r += kTileRowPair, x.advance(kTileRowPair)) {
      float* totals = work.totals + r * kPanelStep * kPanelRows;
      multiply_unit<Kind>(ready, 0, x, work.tiles.dots[0]);
      ahead.take(r, r + kTileRowPair, tiled);
      for (size_t u = 0; u < units; ++u) {
        ahead.fetch<V>(u);
        if (u + 1 < units) multiply_unit<Kind>(ready, u + 1, x, work.tiles.dots[(u + 1) % 2]);
        scale_unit<V, Kind>(ready, u, x, work.tiles.dots[u % 2], totals);
      }
    }
    Tile::release();
  }

  template <class V>
  static void channels(const Chunk* chunks, size_t units, const uint8_t* rows, size_t stride,
                       size_t count, Scratch& work) {
    const size_t tiled = count / kTileRowPair * kTileRowPair;
    auto* totals = reinterpret_cast<std::int32_t*>(work.totals);
    channel_rows<V>(chunks, units, rows + tiled * stride, stride, count - tiled,
                    totals + tiled * kPanelStep * kPanelRows);
    if (tiled == 0) return;
    Tile::configure(kTileRows, kTileRows, kUnitGroups);
    for (size_t r = 0; r < tiled; r += kTileRowPair) {
      load_totals(work.totals, r);
      for (size_t u = 0; u < units; ++u) {
        const uint8_t* a = rows + r * stride + 64 * u;
        Tile::multiply_unsigned(a, a + kTileRows * stride, stride,
                                chunks[0].weights + u * chunks[0].unit_stride,
                                chunks[1].weights + u * chunks[1].unit_stride);
      }
      store_totals(work.totals, r);
    }
    Tile::release();
  }

  template <class V>
  static void pairs(const float* const* weights, size_t columns, const uint8_t* rows, size_t stride,
                    size_t count, Scratch& work) {
    size_t shape = 0;
    for (size_t r = 0; r < count; r += kTileRowPair) {
      const size_t some = count - r < kTileRowPair ? count - r : kTileRowPair;
      const size_t upper = some < kTileRows ? some : kTileRows;
      if (some != shape) Tile::configure(upper, some - upper, kTileRows);
      shape = some;
      load_totals(work.totals, r);
      for (size_t k = 0; k < columns; k += kPairColumns) {
        const uint8_t* a = rows + r * stride + 2 * k;
        Tile::multiply_pairs(a, a + kTileRows * stride, stride, weights[0] + 8 * k,
                             weights[1] + 8 * k);
      }
      store_totals(work.totals, r);
    }
    Tile::release();
  }

 private:
  static constexpr size_t kTotalStride = kPanelStep * kPanelRows * sizeof(float);

  static void load_totals(const float* totals, size_t r) {
    const float* c = totals + r * kPanelStep * kPanelRows;
    const float* lower = c + kTileRows * kPanelStep * kPanelRows;
    const void* const tiles[4] = {c, c + kPanelRows, lower, lower + kPanelRows};
    Tile::load(tiles, kTotalStride);
  }
  static void store_totals(float* totals, size_t r) {
    float* c = totals + r * kPanelStep * kPanelRows;
    float* lower = c + kTileRows * kPanelStep * kPanelRows;
    void* const tiles[4] = {c, c + kPanelRows, lower, lower + kPanelRows};
    Tile::store(tiles, kTotalStride);
  }

  /// Weights minus the zero point, so that the tiles need no correction.
  template <class V>
  static Chunk with_signs(const Chunk& chunk, size_t units, ChunkMemory& memory) {
    const auto flip = V::all_bytes(kZeroPoint);
    for (size_t u = 0; u < units; ++u)
      for (size_t i = 0; i < kUnitBytes; i += kGroupBytes)
        V::store_bytes(V::add_bytes(V::load_bytes(chunk.weights + u * chunk.unit_stride + i), flip),
                       memory.weights + u * kUnitBytes + i);
    return {memory.weights, kUnitBytes, chunk.scales, chunk.offsets};
  }

  template <class Kind>
  static void multiply_unit(const Chunk* chunks, size_t u, const Int8Rows& x,
                            std::int32_t (*dots)[4][kTileValues]) {
    constexpr size_t kSubBytes = kUnitBytes / Kind::kSubBlocks;
    for (size_t s = 0; s < Kind::kSubBlocks; ++s) {
      const uint8_t* a = x.bytes + 64 * u + kActivationBlock / Kind::kSubBlocks * s;
      Tile::zero();
      Tile::multiply_signed(a, a + kTileRows * x.stride, x.stride,
                            chunks[0].weights + u * chunks[0].unit_stride + s * kSubBytes,
                            chunks[1].weights + u * chunks[1].unit_stride + s * kSubBytes);
      void* const tiles[4] = {dots[s][0], dots[s][1], dots[s][2], dots[s][3]};
      Tile::store(tiles, kPanelRows * sizeof(std::int32_t));
    }
  }

  template <class V, class Kind>
  static void scale_unit(const Chunk* chunks, size_t u, const Int8Rows& x,
                         const std::int32_t (*dots)[4][kTileValues], float* totals) {
    constexpr size_t kSub = Kind::kSubBlocks;
    for (size_t p = 0; p < 2; ++p) {
      typename V::Floats scales[kSub], offsets[kSub];
      for (size_t s = 0; s < kSub; ++s) {
        scales[s] = V::load(chunks[p].scales + 16 * (u * kSub + s));
        if constexpr (Kind::kOffsets) offsets[s] = V::load(chunks[p].offsets + 16 * (u * kSub + s));
      }
      for (size_t r = 0; r < kTileRowPair; ++r) {
        const size_t tile = r / kTileRows * 2 + p, row = r % kTileRows * kPanelRows;
        auto block = V::zero();
#pragma GCC unroll 4
        for (size_t s = 0; s < kSub; ++s) {
          block = V::fma(V::to_floats(V::load_ints(dots[s][tile] + row)), scales[s], block);
          if constexpr (Kind::kOffsets)
            block = V::fma(V::all(float_at(x.sums + r * x.stride + 4 * (u * kSub + s))), offsets[s],
                           block);
        }
        float* total = totals + 16 * (r * kPanelStep + p);
        const auto scale = V::all(float_at(x.scales + r * x.stride + 4 * u));
        V::store(V::fma(block, scale, V::load(total)), total);
      }
    }
  }
};

}  // namespace
}  // namespace galley::tensor
