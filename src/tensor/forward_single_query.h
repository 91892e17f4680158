// Attention of one query that has a kv head for itself, as in a step of generation: nobody shares
// the work of widening a page, and the sums of one page wait for each other. So keys and values are
// read as they lie, and the scores of several pages are summed side by side. The order of every sum
// is that of the other tiles.
#pragma once

#include "forward_running.h"

namespace galley::tensor {
namespace {

/// Pages whose scores are summed at once.
constexpr std::uint32_t kPagesAtOnce = 4;

template <class Lanes, KvFormat kFormat>
struct Block {
  const std::byte* bytes;
  size_t head_dim;
  Lanes key_scales;  // of int8

  Block(const std::byte* from, size_t dim) : bytes(from), head_dim(dim), key_scales(Lanes::all(1)) {
    if constexpr (kFormat == KvFormat::int8) key_scales = Lanes::load(scales());
  }

  const float* scales() const { return reinterpret_cast<const float*>(scales_of(bytes, head_dim)); }
  /// Sixteen numbers of the keys, which values follow.
  Lanes numbers(size_t i) const {
    if constexpr (kFormat == KvFormat::f32)
      return Lanes::load(reinterpret_cast<const float*>(bytes) + i);
    else if constexpr (kFormat == KvFormat::f16)
      return Lanes::load_f16(reinterpret_cast<const std::uint16_t*>(bytes) + i);
    else if constexpr (kFormat == KvFormat::bf16)
      return Lanes::load_bf16(reinterpret_cast<const std::uint16_t*>(bytes) + i);
    else
      return Lanes::load_i8(reinterpret_cast<const std::int8_t*>(bytes) + i);
  }
  /// Dimension d of all tokens.
  Lanes key(size_t d) const {
    const Lanes plain = numbers(d * kPageTokens);
    return kFormat == KvFormat::int8 ? plain * key_scales : plain;
  }
  /// Dimensions d .. d + 15 of one token.
  Lanes value(std::uint32_t token, size_t d) const {
    const Lanes plain = numbers((kPageTokens + token) * head_dim + d);
    return kFormat == KvFormat::int8 ? plain * Lanes::all(scales()[kPageTokens + token]) : plain;
  }
};

template <class Lanes, KvFormat kFormat>
void score_blocks(const float* query, size_t head_dim, const Block<Lanes, kFormat>* blocks,
                  float* scores) {
  Lanes sums[kPagesAtOnce];
#pragma GCC unroll 4
  for (size_t p = 0; p < kPagesAtOnce; ++p) sums[p] = Lanes::all(0);
  for (size_t d = 0; d < head_dim; ++d) {
    const Lanes x = Lanes::all(query[d]);
#pragma GCC unroll 4
    for (size_t p = 0; p < kPagesAtOnce; ++p) sums[p] = fma(x, blocks[p].key(d), sums[p]);
  }
#pragma GCC unroll 4
  for (size_t p = 0; p < kPagesAtOnce; ++p) sums[p].store(scores + p * kPageTokens);
}

/// outputs += weights * values for the tokens seen, in order, over kColumns vectors of the head.
template <class Lanes, size_t kColumns, KvFormat kFormat>
void gather_block(const float* weights, const Block<Lanes, kFormat>& block, size_t d, Seen seen,
                  float* outputs) {
  Lanes sums[kColumns];
#pragma GCC unroll 4
  for (size_t c = 0; c < kColumns; ++c) sums[c] = Lanes::load(outputs + d + 16 * c);
  for (std::uint32_t token = seen.begin; token < seen.end; ++token) {
    const Lanes weight = Lanes::all(weights[token]);
#pragma GCC unroll 4
    for (size_t c = 0; c < kColumns; ++c)
      sums[c] = fma(weight, block.value(token, d + 16 * c), sums[c]);
  }
#pragma GCC unroll 4
  for (size_t c = 0; c < kColumns; ++c) sums[c].store(outputs + d + 16 * c);
}

template <class Lanes, KvFormat kFormat>
void attend_one(const AttentionTile& tile, float* scratch) {
  constexpr size_t kColumns = Lanes::kValueColumns;
  const size_t dim = tile.head_dim;
  const std::uint32_t pages = tile.first_position / kPageTokens + 1;
  const auto block_of = [&](std::uint32_t page) {
    return tile.blocks + tile.pages[page < pages ? page : pages - 1] * tile.page_stride;
  };
  const auto prefetch = [&](std::uint32_t first) {
    for (std::uint32_t page = first; page < first + kPagesAtOnce && page < pages; ++page)
      prefetch_block(block_of(page), kv_block_bytes(kFormat, dim));
  };
  const std::uint32_t begin = first_page_start(tile) / kPageTokens;
  prefetch(begin);
  const Running run = begin_running<Lanes>(tile, scratch);
  alignas(64) float scores[kPagesAtOnce * kPageTokens];
  for (std::uint32_t first = begin; first < pages; first += kPagesAtOnce) {
    prefetch(first + kPagesAtOnce);
    // Past the end the last page is scored again, and its scores are left alone.
    const Block<Lanes, kFormat> blocks[kPagesAtOnce] = {{block_of(first), dim},
                                                        {block_of(first + 1), dim},
                                                        {block_of(first + 2), dim},
                                                        {block_of(first + 3), dim}};
    score_blocks<Lanes>(tile.queries, dim, blocks, scores);
    for (std::uint32_t p = 0; p < kPagesAtOnce && first + p < pages; ++p) {
      const std::uint32_t start = (first + p) * kPageTokens;
      Running own = run;
      own.scores = scores + p * kPageTokens;
      weigh_page<Lanes>(tile, 0, 1, start, own);
      const Seen seen = seen_by(tile, 0, start);
      size_t d = 0;
      for (; d + 16 * kColumns <= dim; d += 16 * kColumns)
        gather_block<Lanes, kColumns>(own.scores, blocks[p], d, seen, run.outputs);
      for (; d < dim; d += 16) gather_block<Lanes, 1>(own.scores, blocks[p], d, seen, run.outputs);
    }
  }
  end_running<Lanes>(tile, run);
}

}  // namespace
}  // namespace galley::tensor
