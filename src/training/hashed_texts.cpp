#include "hashed_texts.h"

#include <algorithm>
#include <bit>
#include <mutex>
#include <optional>
#include <utility>

#include "workers.h"

namespace galley::training {
namespace {

using inference::RowIndex;

constexpr std::size_t kHashedTexts = 1024;

/// The n-grams of kChunkTexts texts: what one worker makes at a time.
struct HashedChunk {
  std::vector<std::uint32_t> hashes;  // later: rows
  std::vector<std::uint32_t> sizes;   // of each text
};

Result<std::vector<HashedChunk>> hash_chunks(const LabelledTexts& texts,
                                             const HashingOptions& options) {
  std::vector<HashedChunk> chunks((texts.size() + kHashedTexts - 1) / kHashedTexts);
  ChunkCounter counter(texts.size(), kHashedTexts);
  std::mutex error_mutex;  // guards first_error
  std::optional<Error> first_error;
  run_workers(options.threads, [&](std::uint32_t) {
    text::NgramScratch scratch;
    std::vector<std::uint32_t> hashes;
    for (ChunkCounter::Chunk range; counter.next(range);) {
      HashedChunk& chunk = chunks[range.begin / kHashedTexts];
      for (std::size_t i = range.begin; i < range.end; ++i) {
        if (auto status = text::hash_ngrams(texts.text(i), options.ngrams, scratch, hashes);
            !status) {
          const std::scoped_lock lock(error_mutex);
          if (!first_error) first_error = std::move(status).error();
          return;
        }
        chunk.hashes.insert(chunk.hashes.end(), hashes.begin(), hashes.end());
        chunk.sizes.push_back(static_cast<std::uint32_t>(hashes.size()));
      }
    }
  });
  if (first_error) return *std::move(first_error);
  return chunks;
}

/// Occurrences of each bucket of the largest hash space over the train texts; they stop at 255.
std::vector<std::uint8_t> count_buckets(const std::vector<HashedChunk>& chunks,
                                        const std::vector<bool>& held_out) {
  std::vector<std::uint8_t> counts(RowIndex::kMaxBuckets);
  std::size_t text = 0;
  for (const HashedChunk& chunk : chunks) {
    const std::uint32_t* hash = chunk.hashes.data();
    for (const std::uint32_t size : chunk.sizes) {
      if (!held_out[text++])
        for (std::uint32_t k = 0; k < size; ++k) {
          std::uint8_t& count = counts[hash[k] & (RowIndex::kMaxBuckets - 1)];
          count = static_cast<std::uint8_t>(count + (count < UINT8_MAX ? 1 : 0));
        }
      hash += size;
    }
  }
  return counts;
}

/// Adds up the counts of the buckets that a smaller space makes one: those with equal low bits.
void fold_counts(std::vector<std::uint8_t>& counts, std::uint32_t buckets) {
  while (counts.size() > buckets) {
    const std::size_t half = counts.size() / 2;
    for (std::size_t i = 0; i < half; ++i)
      counts[i] = static_cast<std::uint8_t>(std::min(UINT8_MAX, counts[i] + counts[half + i]));
    counts.resize(half);
  }
}

RowIndex choose_rows(const std::vector<HashedChunk>& chunks, const std::vector<bool>& held_out,
                     const HashingOptions& options) {
  std::vector<std::uint8_t> counts = count_buckets(chunks, held_out);
  std::uint32_t buckets = options.buckets;
  if (buckets == 0) {
    const auto distinct = counts.size() - static_cast<std::size_t>(std::ranges::count(counts, 0));
    buckets = std::clamp(static_cast<std::uint32_t>(std::bit_ceil(distinct)), RowIndex::kMinBuckets,
                         RowIndex::kMaxBuckets);
  }
  fold_counts(counts, buckets);
  std::vector<std::uint64_t> bits(buckets / 64);
  for (std::size_t bucket = 0; bucket < buckets; ++bucket)
    if (counts[bucket] >= options.min_count) bits[bucket / 64] |= std::uint64_t{1} << (bucket % 64);
  return RowIndex(bits);
}

/// Hashes become rows; those without one go.
void map_to_rows(std::vector<HashedChunk>& chunks, const RowIndex& index, std::uint32_t threads) {
  ChunkCounter counter(chunks.size(), 1);
  run_workers(threads, [&](std::uint32_t) {
    for (ChunkCounter::Chunk one; counter.next(one);) {
      HashedChunk& chunk = chunks[one.begin];
      std::size_t from = 0;
      std::size_t to = 0;
      for (std::uint32_t& size : chunk.sizes) {
        const std::size_t first = to;
        for (const std::size_t end = from + size; from < end; ++from) {
          const std::uint32_t row = index.find(chunk.hashes[from]);
          chunk.hashes[to] = row;
          to += row != RowIndex::kNone ? 1 : 0;
        }
        size = static_cast<std::uint32_t>(to - first);
      }
      chunk.hashes.resize(to);
    }
  });
}

void join(std::vector<HashedChunk>& chunks, HashedTexts& result) {
  std::size_t total = 0;
  for (const HashedChunk& chunk : chunks) total += chunk.hashes.size();
  result.rows.reserve(total);
  result.offsets.push_back(0);
  for (HashedChunk& chunk : chunks) {
    result.rows.insert(result.rows.end(), chunk.hashes.begin(), chunk.hashes.end());
    for (const std::uint32_t size : chunk.sizes)
      result.offsets.push_back(result.offsets.back() + size);
    chunk = {};
  }
}

}  // namespace

Result<HashedTexts> hash_texts(const LabelledTexts& texts, const HashingOptions& options) {
  GALLEY_TRY(auto chunks, hash_chunks(texts, options));
  std::vector<bool> held_out(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    held_out[i] = is_held_out(texts.text(i), options.hold_out);
  // A handful of texts may all fall on one side; then all are learnt from and none is held out.
  if (std::ranges::count(held_out, false) == 0) held_out.assign(texts.size(), false);

  HashedTexts result;
  result.index = choose_rows(chunks, held_out, options);
  map_to_rows(chunks, result.index, options.threads);
  join(chunks, result);
  for (std::uint32_t i = 0; i < texts.size(); ++i) {
    (held_out[i] ? result.dev : result.train).push_back(i);
    if (!held_out[i]) result.train_occurrences += result.of(i).size();
  }
  return result;
}

}  // namespace galley::training
