#include "quantize.h"

#include <algorithm>
#include <cmath>

#include "base/result.h"
#include "blocks.h"
#include "tensor/format.h"

namespace galley::tensor {
namespace {

/// 1 / d for a d as it is stored, so that the numbers fit it; 0 where 1 / d could overflow.
float inverse(float d) { return std::fabs(d) < 1e-30F ? 0.0F : 1.0F / d; }

float rounded(float x, float low, float high) { return std::clamp(std::nearbyint(x), low, high); }

std::byte as_byte(float n) { return static_cast<std::byte>(static_cast<int>(n) & 0xff); }

float largest(const float* x, std::size_t n) {
  float most = 0;
  for (std::size_t k = 0; k < n; ++k) most = std::max(most, std::fabs(x[k]));
  return most;
}

/// The value farthest from zero, with its sign.
float extreme(const float* x, std::size_t n) {
  return *std::max_element(x, x + n, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

float store_scale(std::byte* at, float d) {
  const std::uint16_t bits = f32_to_f16_bits(std::clamp(d, -65504.0F, 65504.0F));
  store_u16(at, bits);
  return f16_bits_to_f32(bits);
}

void store_nibbles(const float* n, std::byte* out) {
  for (std::size_t k = 0; k < 16; ++k)
    out[k] = static_cast<std::byte>(static_cast<int>(n[k]) | static_cast<int>(n[k + 16]) << 4);
}

void block_q8_0(const float* x, std::byte* out) {
  const float factor = inverse(store_scale(out + Q8_0::kD, largest(x, kSmallBlock) / 127));
  for (std::size_t k = 0; k < kSmallBlock; ++k)
    out[Q8_0::kQuants + k] = as_byte(rounded(x[k] * factor, -127, 127));
}

// The extreme value takes the number with no counterpart of the other sign (0, which stands for
// -8 or -16): one step more on its side.

void block_q4_0(const float* x, std::byte* out) {
  const float factor = inverse(store_scale(out + Q4_0::kD, extreme(x, kSmallBlock) / -8));
  float n[kSmallBlock];
  for (std::size_t k = 0; k < kSmallBlock; ++k) n[k] = rounded(x[k] * factor, -8, 7) + 8;
  store_nibbles(n, out + Q4_0::kQuants);
}

void block_q4_1(const float* x, std::byte* out) {
  const auto [low, high] = std::minmax_element(x, x + kSmallBlock);
  const float factor = inverse(store_scale(out + Q4_1::kD, (*high - *low) / 15));
  const float min = store_scale(out + Q4_1::kMin, *low);
  float n[kSmallBlock];
  for (std::size_t k = 0; k < kSmallBlock; ++k) n[k] = rounded((x[k] - min) * factor, 0, 15);
  store_nibbles(n, out + Q4_1::kQuants);
}

void block_q5_0(const float* x, std::byte* out) {
  const float factor = inverse(store_scale(out + Q5_0::kD, extreme(x, kSmallBlock) / -16));
  float low[kSmallBlock];
  std::uint32_t high = 0;
  for (std::size_t k = 0; k < kSmallBlock; ++k) {
    const float n = rounded(x[k] * factor, -16, 15) + 16;
    if (n >= 16) high |= 1U << k;
    low[k] = n >= 16 ? n - 16 : n;
  }
  for (std::size_t i = 0; i < 4; ++i)
    out[Q5_0::kHigh + i] = static_cast<std::byte>(high >> (8 * i) & 0xffU);
  store_nibbles(low, out + Q5_0::kQuants);
}

using Block = void (*)(const float*, std::byte*);

Block block_of(Format format) {
  switch (format) {
    case Format::q8_0:
      return block_q8_0;
    case Format::q4_0:
      return block_q4_0;
    case Format::q4_1:
      return block_q4_1;
    case Format::q5_0:
      return block_q5_0;
    case Format::q4_k:
      return quantize_q4_k;
    case Format::q5_k:
      return quantize_q5_k;
    case Format::q6_k:
      return quantize_q6_k;
    default:
      return nullptr;
  }
}

float quantize_i8(std::span<const float> row, std::byte* out) {
  const float scale = largest(row.data(), row.size()) / 127;
  const float factor = inverse(scale);
  for (std::size_t k = 0; k < row.size(); ++k)
    out[k] = as_byte(rounded(row[k] * factor, -127, 127));
  return scale;
}

}  // namespace

float quantize_row(Format format, std::span<const float> row, std::byte* out) {
  switch (format) {
    case Format::f32:
      std::memcpy(out, row.data(), row.size_bytes());
      return 1;
    case Format::f16:
      for (std::size_t k = 0; k < row.size(); ++k) store_u16(out + 2 * k, f32_to_f16_bits(row[k]));
      return 1;
    case Format::bf16:
      for (std::size_t k = 0; k < row.size(); ++k) store_u16(out + 2 * k, f32_to_bf16_bits(row[k]));
      return 1;
    case Format::i8:
      return quantize_i8(row, out);
    default:
      break;
  }
  const Block block = block_of(format);
  GALLEY_CHECK(block != nullptr, "every format has a quantiser");
  const std::size_t values = block_values(format);
  GALLEY_CHECK(row.size() % values == 0, "a row is whole blocks");
  for (std::size_t k = 0; k < row.size(); k += values, out += block_bytes(format))
    block(row.data() + k, out);
  return 1;
}

}  // namespace galley::tensor
