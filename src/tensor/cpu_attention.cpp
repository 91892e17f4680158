// Attention of the processor's device: who attends to what, and where keys and values are kept.
#include <algorithm>
#include <cstring>

#include "cpu_device.h"

namespace galley::tensor {
namespace {

/// Queries of a tile times head_dim: so many leave room for a page in the first-level cache.
constexpr std::size_t kTileQueryValues = 2048;

std::size_t pages_written(const StepSequence& sequence) {
  if (sequence.row_count == 0) return 0;
  const std::uint32_t last = sequence.first_position + sequence.row_count - 1;
  return last / kPageTokens - sequence.first_position / kPageTokens + 1;
}

}  // namespace

std::size_t CpuDevice::attention_work_bytes(std::size_t columns) {
  // For every head_dim, queries * head_dim is at most `values` here, and padding adds 16 queries.
  const std::size_t values = std::max(columns, kTileQueryValues);
  const std::size_t floats = 2 * values + 2 * kMaxHeadDim * kPageTokens + 16 * kMaxHeadDim +
                             (values / 16 + 16) * (kPageTokens + 3) + 16;
  return (floats * sizeof(float) + 63) / 64 * 64;
}

/// One call of attend(), with what follows from it.
struct CpuDevice::AttentionPlan {
  const Attention& call;
  const CpuKvCache& cache;
  std::size_t group;    // query heads of a kv head
  std::uint32_t rows;   // of a tile
  std::size_t queries;  // of a tile
};

void CpuDevice::rotate_and_keep(const AttentionPlan& plan, const StepSequence& sequence,
                                std::size_t kv_head, std::uint32_t begin, std::uint32_t end,
                                float* buffer) {
  const Attention& call = plan.call;
  const std::size_t dim = call.head_dim;
  std::byte* blocks = plan.cache.blocks(call.layer, kv_head);
  for (std::uint32_t i = begin; i < end; ++i) {
    const std::size_t row = sequence.first_row + i;
    const std::uint32_t position = sequence.first_position + i;
    const float* key = row_of(*call.k, row) + kv_head * dim;
    if (call.k_norm != nullptr)
      apply_norm(*call.k_norm, key, dim, buffer);
    else
      std::memcpy(buffer, key, dim * sizeof(float));
    if (call.rope.rotated_dim > 0) forward_.rotate(rotations_.at(row), buffer);
    const std::uint32_t page = sequence.pages[position / kPageTokens];
    GALLEY_CHECK(page < plan.cache.shape().pages, "a KV page is one of the cache's");
    forward_.store_token(plan.cache.shape().format, dim, buffer,
                         row_of(*call.v, row) + kv_head * dim, position % kPageTokens,
                         blocks + page * plan.cache.page_stride());
  }
}

void CpuDevice::attend_tile(const AttentionPlan& plan, const StepSequence& sequence,
                            std::size_t kv_head, std::uint32_t begin, std::uint32_t end,
                            float* buffer) {
  const Attention& call = plan.call;
  const std::size_t dim = call.head_dim;
  float* queries = buffer;
  for (std::uint32_t i = begin; i < end; ++i) {
    const std::size_t row = sequence.first_row + i;
    const float* q = row_of(*call.q, row) + kv_head * plan.group * dim;
    float* to = queries + (i - begin) * plan.group * dim;
    for (std::size_t head = 0; head < plan.group; ++head) {
      float* mine = to + head * dim;
      if (call.q_norm != nullptr)
        apply_norm(*call.q_norm, q + head * dim, dim, mine);
      else
        std::memcpy(mine, q + head * dim, dim * sizeof(float));
      if (call.rope.rotated_dim > 0) forward_.rotate(rotations_.at(row), mine);
    }
    forward_.scale(to, call.scale, plan.group * dim, to);
  }
  AttentionTile tile;
  tile.format = plan.cache.shape().format;
  tile.head_dim = dim;
  tile.blocks = plan.cache.blocks(call.layer, kv_head);
  tile.page_stride = plan.cache.page_stride();
  tile.pages = sequence.pages.data();
  tile.first_position = sequence.first_position + begin;
  tile.window = call.window;
  tile.rows = end - begin;
  tile.group = plan.group;
  tile.queries = queries;
  tile.out = row_of(*call.out, sequence.first_row + begin) + kv_head * plan.group * dim;
  tile.out_stride = call.out->columns();
  forward_.attend(tile, queries + plan.queries * dim);
}

void CpuDevice::attend(const Attention& call, std::span<const StepSequence> sequences) {
  const auto* cache = dynamic_cast<const CpuKvCache*>(call.cache);
  GALLEY_CHECK(cache != nullptr && cache->shape().kv_heads == call.kv_heads &&
                   cache->shape().head_dim == call.head_dim && call.layer < cache->shape().layers,
               "attention and its cache have one shape");
  GALLEY_CHECK(call.kv_heads > 0 && call.heads % call.kv_heads == 0,
               "each kv head serves as many heads");
  const std::size_t group = call.heads / call.kv_heads;
  const std::size_t rows = std::max<std::size_t>(1, kTileQueryValues / (call.head_dim * group));
  const AttentionPlan plan{call, *cache, group, static_cast<std::uint32_t>(rows), rows * group};
  ensure_kernel_work(
      (plan.queries * call.head_dim + attention_scratch_floats(call.head_dim, plan.queries)) *
      sizeof(float));
  rotations_.prepare(call.rope, sequences, pool_);

  bool one_tile_each = true;
  std::size_t tiles = 0;
  tile_ends_.clear();
  for (const StepSequence& sequence : sequences) {
    GALLEY_CHECK(sequence.row_count == 0 ||
                     (sequence.first_position + sequence.row_count - 1) / kPageTokens <
                         sequence.pages.size(),
                 "a sequence's pages reach past its last row");
    one_tile_each = one_tile_each && sequence.row_count <= plan.rows;
    tiles += (sequence.row_count + plan.rows - 1) / plan.rows * call.kv_heads;
    tile_ends_.push_back(tiles);
  }

  // Where no tile needs what another keeps, one loop does both.
  if (!one_tile_each) {
    // By pages, so that no two threads write to one line of a page.
    std::size_t pages = 0;
    for (const StepSequence& sequence : sequences) pages += pages_written(sequence);
    pool_.run(pages * call.kv_heads, [&](std::size_t tile, std::uint32_t thread) {
      const std::size_t kv_head = tile % call.kv_heads;
      std::size_t page = tile / call.kv_heads;
      std::size_t index = 0;
      for (; page >= pages_written(sequences[index]); ++index)
        page -= pages_written(sequences[index]);
      const StepSequence& sequence = sequences[index];
      const auto first =
          static_cast<std::uint32_t>((sequence.first_position / kPageTokens + page) * kPageTokens);
      const std::uint32_t begin =
          std::max(first, sequence.first_position) - sequence.first_position;
      const std::uint32_t end =
          std::min(first + kPageTokens - sequence.first_position, sequence.row_count);
      rotate_and_keep(plan, sequence, kv_head, begin, end,
                      reinterpret_cast<float*>(work_of(thread).kernel));
    });
  }
  pool_.run(tiles, [&](std::size_t number, std::uint32_t thread) {
    const std::size_t tile = tiles - 1 - number;  // the last rows of a prompt see most: first
    const auto index =
        static_cast<std::size_t>(std::ranges::upper_bound(tile_ends_, tile) - tile_ends_.begin());
    const StepSequence& sequence = sequences[index];
    const std::size_t mine = tile - (index > 0 ? tile_ends_[index - 1] : 0);
    const std::size_t kv_head = mine % call.kv_heads;
    const auto begin = static_cast<std::uint32_t>(mine / call.kv_heads * plan.rows);
    const std::uint32_t end = std::min(begin + plan.rows, sequence.row_count);
    auto* buffer = reinterpret_cast<float*>(work_of(thread).kernel);
    if (one_tile_each) rotate_and_keep(plan, sequence, kv_head, begin, end, buffer);
    attend_tile(plan, sequence, kv_head, begin, end, buffer);
  });
}

}  // namespace galley::tensor
