// Conversions of short floats, for loops of this module that run on any machine.
#pragma once

#include <bit>
#include <cstdint>

namespace galley::tensor {

inline float f16_bits_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 31U;
  const std::uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0) {  // zero, or a multiple of 2^-24
    const float value = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
  }
  const std::uint32_t wide = exponent == 31 ? 0x7f800000U : (exponent + 112) << 23;
  return std::bit_cast<float>(sign | wide | mantissa << 13);
}

inline std::uint16_t f32_to_f16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  std::uint32_t size = bits & 0x7fffffffU;
  if (size >= 0x47800000U) {  // from 2^16 on, infinity and NaN
    const bool nan = size > 0x7f800000U;
    return static_cast<std::uint16_t>(sign | (nan ? 0x7e00U | (size >> 13 & 0x3ffU) : 0x7c00U));
  }
  if (size < 0x38800000U) {
    // Below 2^-14: adding one half leaves the multiple of 2^-24, rounded to even, in the low bits.
    const float shifted = std::bit_cast<float>(size) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
  }
  size += (size >> 13 & 1U) + 0xfffU;
  return static_cast<std::uint16_t>(sign | ((size >> 13) - (112U << 10)));
}

inline float bf16_bits_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

inline std::uint16_t f32_to_bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

}  // namespace galley::tensor
