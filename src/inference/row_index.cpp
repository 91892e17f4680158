#include "inference/row_index.h"

#include <algorithm>

#include "base/result.h"

namespace galley::inference {

RowIndex::RowIndex(std::span<const std::uint64_t> bits) {
  GALLEY_CHECK(std::has_single_bit(bits.size()) && bits.size() >= kMinBuckets / 64 &&
                   bits.size() <= kMaxBuckets / 64,
               "bucket counts are powers of two within the limits");
  words_.reserve(bits.size());
  for (const std::uint64_t word : bits) {
    words_.push_back({word, row_count_});
    row_count_ += static_cast<std::uint32_t>(std::popcount(word));
  }
  mask_ = bucket_count() - 1;
}

std::vector<std::uint64_t> RowIndex::bits() const {
  std::vector<std::uint64_t> bits(words_.size());
  std::ranges::transform(words_, bits.begin(), &Word::bits);
  return bits;
}

}  // namespace galley::inference
