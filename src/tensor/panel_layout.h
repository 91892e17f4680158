// Where things lie inside a panel of packed weights and inside a prepared row. Plain constants:
// the files of the instruction sets include this.
//
// A group is 4 columns x 16 rows of bytes, 64 bytes: byte 4 * row + column. Nibbles come as pairs
// of groups, the even group in the low half of each byte. A unit is kActivationBlock columns. Bits
// above the nibble lie in a plane right before the nibbles they belong to, so that memory is read
// in order: for each 32 columns of q5_0 and q5_k 64 bytes with bit g of each byte belonging to
// group g; for each 16 of q6_k 64 bytes with two bits a group.
//
//   i8    16 f32 scales, then all groups (weight + 128)
//   q8_0  a unit: 2 x 16 f16 scales; 16 groups (weight + 128)
//   q4_0  a unit: 2 x 16 f16 scales; 16 groups of nibbles
//   q4_1  a unit: 2 x 16 f16 scales; 2 x 16 f16 minima; nibbles
//   q5_0  a unit: 2 x 16 f16 scales; 2 x (high bits; nibbles)
//   q4_k  256 columns: 16 f16 d, 16 f16 dmin; 8 x 16 scales; 8 x 16 minima; nibbles
//   q5_k  the same head; 8 x (high bits; nibbles)
//   q6_k  256 columns: 16 f16 d, 32 unused bytes; 16 x 16 signed scales; 16 x (high bits; nibbles)
//   f32, f16  a column: 16 values
//   bf16      two columns: 16 pairs; columns padded to kPairColumns
#pragma once

#include <cstddef>
#include <cstdint>

#include "packed_matrix.h"

namespace galley::tensor {

inline constexpr std::size_t kGroupBytes = 64;
inline constexpr std::size_t kGroupColumns = 4;
inline constexpr std::size_t kUnitGroups = kActivationBlock / kGroupColumns;
inline constexpr std::size_t kUnitBytes = kUnitGroups * kGroupBytes;  // one byte a weight
inline constexpr std::size_t kUnitNibbles = kUnitBytes / 2;

inline constexpr std::size_t kQ8Unit = 64 + kUnitBytes;
inline constexpr std::size_t kQ40Unit = 64 + kUnitNibbles;
inline constexpr std::size_t kQ41Unit = 128 + kUnitNibbles;

/// A plane and its nibbles: 32 columns of 5 bits, 16 columns of 6 bits.
inline constexpr std::size_t kPlane = 64, kFive = kPlane + 256, kSix = kPlane + 128;
inline constexpr std::size_t kQ50Unit = 64 + 2 * kFive;

inline constexpr std::size_t kSuperUnits = 256 / kActivationBlock;
inline constexpr std::size_t kSuperNibbles = kSuperUnits * kUnitNibbles;
inline constexpr std::size_t kQ4KScales = 64, kQ4KMins = kQ4KScales + 128,
                             kQ4KHead = kQ4KMins + 128;
inline constexpr std::size_t kQ6KScales = 64, kQ6KHead = kQ6KScales + 256;
inline constexpr std::size_t kQ4KSuper = kQ4KHead + kSuperNibbles;
inline constexpr std::size_t kQ5KSuper = kQ4KHead + 8 * kFive;
inline constexpr std::size_t kQ6KSuper = kQ6KHead + 16 * kSix;

// In an unnamed namespace, so that the linker cannot keep a copy that was built for AVX-512.
namespace {

constexpr std::size_t round_up(std::size_t n, std::size_t step) {
  return (n + step - 1) / step * step;
}

/// A prepared row of int8_blocks: bytes; for each unit an f32 scale; for each 32 columns the sum of
/// the bytes times -128 as int32, and the sum as f32; for each 16 columns the former again.
struct PreparedLayout {
  std::size_t padded;  // columns, whole units
  std::size_t scales, corrections, sums, fine_corrections, bytes;

  explicit constexpr PreparedLayout(std::size_t columns)
      : padded(round_up(columns, kActivationBlock)),
        scales(padded),
        corrections(scales + padded / kActivationBlock * 4),
        sums(corrections + padded / 32 * 4),
        fine_corrections(sums + padded / 32 * 4),
        bytes(round_up(fine_corrections + padded / 16 * 4, 64)) {}
};

/// A prepared row of int8_row: bytes, an f32 scale, the sum of the bytes times -128.
struct PreparedRowLayout {
  std::size_t padded, scale, correction, bytes;

  explicit constexpr PreparedRowLayout(std::size_t columns)
      : padded(round_up(columns, kActivationBlock)),
        scale(padded),
        correction(padded + 4),
        bytes(padded + 64) {}
};

}  // namespace

/// Columns in one AMX tile of bf16; bf16 weights and inputs are padded to a multiple of it.
inline constexpr std::size_t kPairColumns = 32;

/// Weights are kept unsigned; those of symmetric formats enter the products as weight + 128.
inline constexpr int kZeroPoint = 128;

}  // namespace galley::tensor
