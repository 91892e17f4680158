// Attention over pages of the KV cache, and the table of one instruction set.
#pragma once

#include "forward_single_query.h"

namespace galley::tensor {
namespace {

/// scores = query . keys for `Count` queries, the dimensions in order.
template <class Lanes, size_t Count>
void score_some(const float* queries, size_t head_dim, const float* keys, float* scores) {
  Lanes sums[Count];
  for (size_t q = 0; q < Count; ++q) sums[q] = Lanes::all(0);
  for (size_t d = 0; d < head_dim; ++d) {
    const Lanes key = Lanes::load(keys + d * kPageTokens);
    for (size_t q = 0; q < Count; ++q)
      sums[q] = fma(Lanes::all(queries[q * head_dim + d]), key, sums[q]);
  }
  for (size_t q = 0; q < Count; ++q) sums[q].store(scores + q * kPageTokens);
}

template <class Lanes, size_t Count = Lanes::kScoreQueries>
void score(const float* queries, size_t count, size_t head_dim, const float* keys, float* scores) {
  size_t q = 0;
  for (; q + Count <= count; q += Count)
    score_some<Lanes, Count>(queries + q * head_dim, head_dim, keys, scores + q * kPageTokens);
  if constexpr (Count > 1)
    score<Lanes, Count / 2>(queries + q * head_dim, count - q, head_dim, keys,
                            scores + q * kPageTokens);
}

/// outputs += weights * values for tokens [begin, end) in order, over `Columns` vectors of the
/// head.
template <class Lanes, size_t Count, size_t Columns>
void gather_values(const float* weights, const float* values, size_t head_dim, std::uint32_t begin,
                   std::uint32_t end, float* outputs) {
  Lanes sums[Count][Columns];
  for (size_t q = 0; q < Count; ++q)
    for (size_t c = 0; c < Columns; ++c) sums[q][c] = Lanes::load(outputs + q * head_dim + 16 * c);
  for (std::uint32_t token = begin; token < end; ++token) {
    Lanes value[Columns];
    for (size_t c = 0; c < Columns; ++c) value[c] = Lanes::load(values + token * head_dim + 16 * c);
    for (size_t q = 0; q < Count; ++q) {
      const Lanes weight = Lanes::all(weights[q * kPageTokens + token]);
      for (size_t c = 0; c < Columns; ++c) sums[q][c] = fma(weight, value[c], sums[q][c]);
    }
  }
  for (size_t q = 0; q < Count; ++q)
    for (size_t c = 0; c < Columns; ++c) sums[q][c].store(outputs + q * head_dim + 16 * c);
}

template <class Lanes, size_t Count>
void gather_all_values(const float* weights, const float* values, size_t head_dim, Seen seen,
                       float* outputs) {
  constexpr size_t kColumns = Lanes::kValueColumns;
  size_t d = 0;
  for (; d + 16 * kColumns <= head_dim; d += 16 * kColumns)
    gather_values<Lanes, Count, kColumns>(weights, values + d, head_dim, seen.begin, seen.end,
                                          outputs + d);
  for (; d < head_dim; d += 16)
    gather_values<Lanes, Count, 1>(weights, values + d, head_dim, seen.begin, seen.end,
                                   outputs + d);
}

/// Tokens that a query does not see are left out, not multiplied by zero: what lies there may be
/// another request's, and NaN times zero is NaN.
template <class Lanes>
void gather_page(const AttentionTile& tile, size_t row_begin, size_t row_end,
                 std::uint32_t page_start, const float* values, const Running& run) {
  constexpr size_t kMany = Lanes::kValueQueries;
  const size_t dim = tile.head_dim;
  const size_t end = row_end * tile.group;
  const auto gather_one = [&](size_t q, std::uint32_t from, std::uint32_t to) {
    if (from < to)
      gather_all_values<Lanes, 1>(run.scores + q * kPageTokens, values, dim, {from, to},
                                  run.outputs + q * dim);
  };
  size_t q = row_begin * tile.group;
  for (; q + kMany <= end; q += kMany) {
    // Both ends of what is seen grow with the row.
    const Seen first = seen_by(tile, q / tile.group, page_start);
    const Seen last = seen_by(tile, (q + kMany - 1) / tile.group, page_start);
    const Seen common{last.begin, first.end};
    const bool any = common.begin < common.end;
    for (size_t one = q; one < q + kMany; ++one) {
      const Seen own = seen_by(tile, one / tile.group, page_start);
      gather_one(one, own.begin, any ? common.begin : own.end);
    }
    if (!any) continue;
    gather_all_values<Lanes, kMany>(run.scores + q * kPageTokens, values, dim, common,
                                    run.outputs + q * dim);
    for (size_t one = q; one < q + kMany; ++one)
      gather_one(one, common.end, seen_by(tile, one / tile.group, page_start).end);
  }
  for (; q < end; ++q) {
    const Seen own = seen_by(tile, q / tile.group, page_start);
    gather_one(q, own.begin, own.end);
  }
}

template <class Lanes>
void attend_many(const AttentionTile& tile, float* scratch) {
  const size_t dim = tile.head_dim;
  float* room = scratch;
  const Running run = begin_running<Lanes>(tile, room + 2 * dim * kPageTokens);
  const auto rows = static_cast<std::uint32_t>(tile.rows);
  const std::uint32_t end = tile.first_position + rows;  // of what the last row sees
  const size_t block_bytes = kv_block_bytes(tile.format, dim);
  for (std::uint32_t start = first_page_start(tile); start < end; start += kPageTokens) {
    const std::uint32_t* number = tile.pages + start / kPageTokens;
    if (start + kPageTokens < end)
      prefetch_block(tile.blocks + number[1] * tile.page_stride, block_bytes);
    const Page page =
        open_page<Lanes>(tile.format, dim, tile.blocks + number[0] * tile.page_stride, room);
    // Rows from the first whose position lies in the page or after it, to the last whose window
    // reaches it.
    const std::uint32_t row_begin = start > tile.first_position ? start - tile.first_position : 0;
    std::uint32_t row_end = rows;
    if (tile.window > 0 && start + kPageTokens + tile.window <= tile.first_position + rows)
      row_end = start + kPageTokens + tile.window - tile.first_position - 1;
    const size_t first = row_begin * tile.group;
    score<Lanes>(tile.queries + first * dim, (row_end - row_begin) * tile.group, dim, page.keys,
                 run.scores + first * kPageTokens);
    weigh_page<Lanes>(tile, row_begin, row_end, start, run);
    gather_page<Lanes>(tile, row_begin, row_end, start, page.values, run);
  }
  end_running<Lanes>(tile, run);
}

template <class Lanes>
void attend(const AttentionTile& tile, float* scratch) {
  if (tile.rows * tile.group > 1) return attend_many<Lanes>(tile, scratch);
  switch (tile.format) {
    case KvFormat::f32:
      return attend_one<Lanes, KvFormat::f32>(tile, scratch);
    case KvFormat::f16:
      return attend_one<Lanes, KvFormat::f16>(tile, scratch);
    case KvFormat::bf16:
      return attend_one<Lanes, KvFormat::bf16>(tile, scratch);
    case KvFormat::int8:
      return attend_one<Lanes, KvFormat::int8>(tile, scratch);
  }
}

template <class Lanes>
constexpr ForwardKernels make_forward_kernels(const char* isa) {
  return {isa,
          exp_row<Lanes>,
          rms_norm_row<Lanes>,
          layer_norm_row<Lanes>,
          swiglu_row<Lanes>,
          gelu_row<Lanes>,
          gelu_erf_row<Lanes>,
          add_row<Lanes>,
          scale_row<Lanes>,
          rotate_head,
          store_token<Lanes>,
          attend<Lanes>};
}

}  // namespace
}  // namespace galley::tensor
