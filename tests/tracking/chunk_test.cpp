#include "tracking/chunk.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace galley::tracking {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

bool same(const std::vector<Point>& a, const std::vector<Point>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Point& x, const Point& y) {
    return x.step == y.step && x.at_ms == y.at_ms &&
           std::bit_cast<std::uint64_t>(x.value) == std::bit_cast<std::uint64_t>(y.value);
  });
}

std::vector<Point> curve(std::size_t count) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < count; ++i)
    points.push_back({static_cast<std::int64_t>(i * 10), 1.0 / (1.0 + static_cast<double>(i)),
                      1'700'000'000'000 + static_cast<std::int64_t>(i * 137 % 1000)});
  return points;
}

TEST(Chunk, KeepsEveryPointBitForBit) {
  const double odd_nan = std::bit_cast<double>(0x7ff8'0000'dead'beefULL);
  const std::vector<Point> hard{{0, 0.0, 0},
                                {std::numeric_limits<std::int64_t>::max(), -0.0, -1},
                                {0, kInf, std::numeric_limits<std::int64_t>::min()},
                                {7, -kInf, std::numeric_limits<std::int64_t>::max()},
                                {7, odd_nan, 5},
                                {3, std::numeric_limits<double>::denorm_min(), 4}};
  for (const auto& points : {hard, curve(1), curve(511), curve(kChunkPoints)})
    for (const auto form : {ChunkForm::growing, ChunkForm::sealed}) {
      const auto back = decode_chunk(encode_chunk(points, form));
      ASSERT_TRUE(back) << describe(back.error());
      EXPECT_TRUE(same(*back, points));
    }
}

TEST(Chunk, SealingMakesItSmaller) {
  const auto points = curve(kChunkPoints);
  const auto raw = encode_chunk(points, ChunkForm::growing);
  const auto sealed = encode_chunk(points, ChunkForm::sealed);
  EXPECT_EQ(raw.size(), 16 + kChunkPoints * 24);
  EXPECT_LT(sealed.size() * 2, raw.size());
}

TEST(Chunk, EveryFlippedByteIsNoticed) {
  for (const auto form : {ChunkForm::growing, ChunkForm::sealed}) {
    const auto bytes = encode_chunk(curve(40), form);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      auto damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      EXPECT_FALSE(decode_chunk(damaged)) << at;
    }
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{15}, std::size_t{16}, bytes.size() - 1})
      EXPECT_FALSE(decode_chunk(bytes.substr(0, length))) << length;
    EXPECT_FALSE(decode_chunk(bytes + "x"));
  }
}

TEST(Chunk, ANewerVersionIsUnsupported) {
  auto bytes = encode_chunk(curve(3), ChunkForm::growing);
  bytes[4] = 2;
  EXPECT_EQ(decode_chunk(bytes).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace galley::tracking
