// How the block formats lie in memory: offsets inside one block, and small readers. Blocks have no
// alignment, so that every access goes through memcpy or bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "float_bits.h"

namespace galley::tensor {

struct Q8_0 {
  static constexpr std::size_t kD = 0, kQuants = 2, kBytes = 34;
};
struct Q4_0 {
  static constexpr std::size_t kD = 0, kQuants = 2, kBytes = 18;
};
struct Q4_1 {
  static constexpr std::size_t kD = 0, kMin = 2, kQuants = 4, kBytes = 20;
};
struct Q5_0 {
  static constexpr std::size_t kD = 0, kHigh = 2, kQuants = 6, kBytes = 22;
};
struct Q4_K {
  static constexpr std::size_t kD = 0, kDmin = 2, kScales = 4, kQuants = 16, kBytes = 144;
};
struct Q5_K {
  static constexpr std::size_t kD = 0, kDmin = 2, kScales = 4, kHigh = 16, kQuants = 48;
  static constexpr std::size_t kBytes = 176;
};
struct Q6_K {
  static constexpr std::size_t kLow = 0, kHigh = 128, kScales = 192, kD = 208, kBytes = 210;
};

inline constexpr std::size_t kSmallBlock = 32;
inline constexpr std::size_t kSuperBlock = 256;

inline std::uint16_t load_u16(const std::byte* p) {
  std::uint16_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}
inline void store_u16(std::byte* p, std::uint16_t bits) { std::memcpy(p, &bits, sizeof bits); }

inline unsigned byte_at(const std::byte* p, std::size_t i) {
  return std::to_integer<unsigned>(p[i]);
}
inline int signed_at(const std::byte* p, std::size_t i) {
  return static_cast<std::int8_t>(std::to_integer<std::uint8_t>(p[i]));
}

/// The 6-bit scale and minimum of sub-block j (0..7) of q4_k and q5_k.
struct ScaleMin {
  unsigned scale;
  unsigned min;
};
inline ScaleMin scale_min(const std::byte* scales, std::size_t j) {
  if (j < 4) return {byte_at(scales, j) & 63U, byte_at(scales, j + 4) & 63U};
  return {(byte_at(scales, j + 4) & 15U) | (byte_at(scales, j - 4) >> 6) << 4,
          (byte_at(scales, j + 4) >> 4) | (byte_at(scales, j) >> 6) << 4};
}

// The unsigned number of weight k in a block.

inline unsigned nibble_of_small(const std::byte* quants, std::size_t k) {
  return k < 16 ? byte_at(quants, k) & 15U : byte_at(quants, k - 16) >> 4;
}
inline unsigned nibble_of_super(const std::byte* quants, std::size_t k) {
  const unsigned pair = byte_at(quants, k / 64 * 32 + k % 32);
  return k % 64 < 32 ? pair & 15U : pair >> 4;
}
inline unsigned quant_q5_0(const std::byte* block, std::size_t k) {
  const unsigned high = byte_at(block + Q5_0::kHigh, k / 8) >> (k % 8) & 1U;
  return nibble_of_small(block + Q5_0::kQuants, k) | high << 4;
}
inline unsigned quant_q5_k(const std::byte* block, std::size_t k) {
  const unsigned high = byte_at(block + Q5_K::kHigh, k % 32) >> (k / 32) & 1U;
  return nibble_of_super(block + Q5_K::kQuants, k) | high << 4;
}
inline unsigned quant_q6_k(const std::byte* block, std::size_t k) {
  const std::size_t half = k / 128, quarter = k % 128 / 32, l = k % 32;
  const unsigned pair = byte_at(block + Q6_K::kLow, half * 64 + quarter % 2 * 32 + l);
  const unsigned low = quarter < 2 ? pair & 15U : pair >> 4;
  const unsigned high = byte_at(block + Q6_K::kHigh, half * 32 + l) >> (2 * quarter) & 3U;
  return low | high << 4;
}

}  // namespace galley::tensor
