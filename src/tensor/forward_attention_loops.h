// Attention over pages of the KV cache, written once over sixteen lanes that the including file
// supplies. Everything is in an unnamed namespace, as in kernel_loops.h, and for the same reason.
#pragma once

#include "forward_row_loops.h"

namespace galley::tensor {
namespace {

constexpr float kInfinity = __builtin_inff();

inline std::byte* values_of(std::byte* block, KvFormat format, size_t head_dim) {
  return block + head_dim * kPageTokens * kv_value_bytes(format);
}
inline std::byte* scales_of(std::byte* block, size_t head_dim) {
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
    const auto* scales = reinterpret_cast<const float*>(block + count);
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

/// What is known of each query so far.
struct Running {
  float* scores;       // [queries][16]: first q . k, then weights
  float* most;         // largest score
  float* sums;         // of the weights
  float* corrections;  // of sums and outputs when a larger score is found
  float* outputs;      // [queries][head_dim]
};

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

/// Into the L2 cache: a block is more lines than the L1 cache can wait for at once.
inline void prefetch_block(const std::byte* block, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(block + i, 0, 2);
}

template <class Lanes>
void attend(const AttentionTile& tile, float* scratch) {
  const size_t dim = tile.head_dim;
  const size_t queries = tile.rows * tile.group;
  const size_t padded = (queries + 15) / 16 * 16;
  float* room = scratch;
  Running run{};
  run.scores = room + 2 * dim * kPageTokens;
  run.outputs = run.scores + padded * kPageTokens;
  run.most = run.outputs + padded * dim;
  run.sums = run.most + padded;
  run.corrections = run.sums + padded;  // and 16 more, since vectors start at any query
  for (size_t q = 0; q < padded; ++q) {
    run.most[q] = -kInfinity;
    run.sums[q] = 0;
  }
  for (size_t q = 0; q < padded + 16; ++q) run.corrections[q] = 0;
  for (size_t i = 0; i < queries * dim; i += 16) Lanes::all(0).store(run.outputs + i);

  const auto rows = static_cast<std::uint32_t>(tile.rows);
  const std::uint32_t end = tile.first_position + rows;  // of what the last row sees
  const std::uint32_t seen = tile.first_position + 1;    // by the first row
  const std::uint32_t begin = tile.window > 0 && seen > tile.window ? seen - tile.window : 0;
  const size_t block_bytes = kv_block_bytes(tile.format, dim);
  for (std::uint32_t start = begin / kPageTokens * kPageTokens; start < end; start += kPageTokens) {
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
  for (size_t q = 0; q < queries; ++q) {
    const Lanes share = Lanes::all(1 / run.sums[q]);
    float* out = tile.out + q / tile.group * tile.out_stride + q % tile.group * dim;
    for (size_t d = 0; d < dim; d += 16)
      (Lanes::load(run.outputs + q * dim + d) * share).store(out + d);
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
