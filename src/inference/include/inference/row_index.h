#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace galley::inference {

/// Which of a classifier's hash buckets have a row in its embedding, and which row that is.
///
/// Most buckets of a large hash space are never seen in training, or once only; giving rows to the
/// others alone lets the space be large (few collisions) and the model small. A bit a bucket, and a
/// running count every 64 bits: 2 bits of memory a bucket, one cache line touched a look-up.
class RowIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint32_t kMinBuckets = 1U << 10;
  static constexpr std::uint32_t kMaxBuckets = 1U << 24;

  RowIndex() = default;
  /// Bit i of bits[b] says that bucket 64 * b + i has a row. bits.size() * 64 must be a power of
  /// two from kMinBuckets to kMaxBuckets.
  explicit RowIndex(std::span<const std::uint64_t> bits);

  std::uint32_t bucket_count() const { return static_cast<std::uint32_t>(words_.size() * 64); }
  std::uint32_t row_count() const { return row_count_; }
  std::vector<std::uint64_t> bits() const;

  /// The row of the bucket that a 32-bit hash falls into, or kNone.
  std::uint32_t find(std::uint32_t hash) const {
    const std::uint32_t bucket = hash & mask_;
    const Word& word = words_[bucket >> 6U];
    const std::uint64_t bit = std::uint64_t{1} << (bucket & 63U);
    if ((word.bits & bit) == 0) return kNone;
    return word.rows_before + static_cast<std::uint32_t>(std::popcount(word.bits & (bit - 1)));
  }

 private:
  struct Word {
    std::uint64_t bits = 0;
    std::uint32_t rows_before = 0;
  };
  std::vector<Word> words_;
  std::uint32_t mask_ = 0;
  std::uint32_t row_count_ = 0;
};

}  // namespace galley::inference
