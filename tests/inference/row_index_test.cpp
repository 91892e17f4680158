#include "inference/row_index.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace galley::inference {
namespace {

TEST(RowIndex, NumbersTheMarkedBucketsInOrder) {
  std::mt19937_64 random(3);
  std::vector<std::uint64_t> bits(64);
  for (auto& word : bits) word = random() & random();
  bits[5] = 0;
  bits[6] = ~std::uint64_t{0};

  const RowIndex index(bits);

  std::uint32_t next = 0;
  for (std::uint32_t bucket = 0; bucket < index.bucket_count(); ++bucket) {
    const bool marked = (bits[bucket / 64] >> (bucket % 64) & 1U) != 0;
    EXPECT_EQ(index.find(bucket), marked ? next : RowIndex::kNone);
    EXPECT_EQ(index.find(bucket + 0x10000U), index.find(bucket)) << "upper bits do not matter";
    next += marked ? 1 : 0;
  }
  EXPECT_EQ(index.row_count(), next);
  EXPECT_EQ(index.bits(), bits);
}

TEST(RowIndex, MayHoldNothing) {
  const RowIndex index(std::vector<std::uint64_t>(RowIndex::kMinBuckets / 64));
  EXPECT_EQ(index.row_count(), 0U);
  EXPECT_EQ(index.find(12345), RowIndex::kNone);
}

}  // namespace
}  // namespace galley::inference
