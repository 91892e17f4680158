// The running softmax of a tile's queries, page after page.
#pragma once

#include "forward_pages.h"

namespace galley::tensor {
namespace {

constexpr float kInfinity = __builtin_inff();

/// What a query sees of a page: tokens [begin, end).
struct Seen {
  std::uint32_t begin;
  std::uint32_t end;
};

inline Seen seen_by(const AttentionTile& tile, size_t row, std::uint32_t page_start) {
  const std::uint32_t position = tile.first_position + static_cast<std::uint32_t>(row);
  const std::uint32_t end = position + 1;
  const std::uint32_t begin = tile.window > 0 && end > tile.window ? end - tile.window : 0;
  const std::uint32_t page_end = page_start + kPageTokens;
  return {begin > page_start ? begin - page_start : 0,
          end < page_end ? end - page_start : kPageTokens};
}

/// What the first row of a tile sees first, down to its page's begin.
inline std::uint32_t first_page_start(const AttentionTile& tile) {
  const std::uint32_t seen = tile.first_position + 1;
  const std::uint32_t begin = tile.window > 0 && seen > tile.window ? seen - tile.window : 0;
  return begin / kPageTokens * kPageTokens;
}

/// What is known of each query so far.
struct Running {
  float* scores;       // [queries][16]: first q . k, then weights
  float* most;         // largest score
  float* sums;         // of the weights
  float* corrections;  // of sums and outputs when a larger score is found
  float* outputs;      // [queries][head_dim]
};

template <class Lanes>
Running begin_running(const AttentionTile& tile, float* scratch) {
  const size_t queries = tile.rows * tile.group;
  const size_t padded = (queries + 15) / 16 * 16;
  Running run{};
  run.scores = scratch;
  run.outputs = run.scores + padded * kPageTokens;
  run.most = run.outputs + padded * tile.head_dim;
  run.sums = run.most + padded;
  run.corrections = run.sums + padded;  // and 16 more, since vectors start at any query
  for (size_t q = 0; q < padded; ++q) {
    run.most[q] = -kInfinity;
    run.sums[q] = 0;
  }
  for (size_t q = 0; q < padded + 16; ++q) run.corrections[q] = 0;
  for (size_t i = 0; i < queries * tile.head_dim; i += 16) Lanes::all(0).store(run.outputs + i);
  return run;
}

/// Scores become weights, and what was summed so far is brought to the new maximum.
template <class Lanes>
void weigh_page(const AttentionTile& tile, size_t row_begin, size_t row_end,
                std::uint32_t page_start, const Running& run) {
  for (size_t row = row_begin; row < row_end; ++row) {
    const Seen seen = seen_by(tile, row, page_start);
    for (size_t q = row * tile.group; q < (row + 1) * tile.group; ++q) {
      Lanes scores = Lanes::load(run.scores + q * kPageTokens);
      if (seen.begin > 0 || seen.end < kPageTokens) {
        scores = scores.keep(seen.begin, seen.end, -kInfinity);
        scores.store(run.scores + q * kPageTokens);
      }
      const float here = scores.largest();
      const float most = run.most[q] > here ? run.most[q] : here;
      run.corrections[q] = run.most[q] - most;
      run.most[q] = most;
    }
  }
  const size_t begin = row_begin * tile.group;
  const size_t end = row_end * tile.group;
  for (size_t q = begin; q < end; q += 16)
    exp(Lanes::load(run.corrections + q)).store(run.corrections + q);
  for (size_t q = begin; q < end; ++q) {
    const Lanes weights = exp(Lanes::load(run.scores + q * kPageTokens) - Lanes::all(run.most[q]));
    weights.store(run.scores + q * kPageTokens);
    run.sums[q] = run.sums[q] * run.corrections[q] + weights.total();
    if (run.corrections[q] == 1) continue;
    const Lanes correction = Lanes::all(run.corrections[q]);
    float* output = run.outputs + q * tile.head_dim;
    for (size_t d = 0; d < tile.head_dim; d += 16)
      (Lanes::load(output + d) * correction).store(output + d);
  }
}

/// Outputs to their places, divided by the sums.
template <class Lanes>
void end_running(const AttentionTile& tile, const Running& run) {
  const size_t dim = tile.head_dim;
  for (size_t q = 0; q < tile.rows * tile.group; ++q) {
    const Lanes share = Lanes::all(1 / run.sums[q]);
    float* out = tile.out + q / tile.group * tile.out_stride + q % tile.group * dim;
    for (size_t d = 0; d < dim; d += 16)
      (Lanes::load(run.outputs + q * dim + d) * share).store(out + d);
  }
}

}  // namespace
}  // namespace galley::tensor
