#include <algorithm>

#include "base/result.h"
#include "blocks.h"
#include "tensor/format.h"

// Built without contraction: "d * n - m" must round where the format's definition rounds.
namespace galley::tensor {
namespace {

float load_f16(const std::byte* p) { return f16_bits_to_f32(load_u16(p)); }
float number(unsigned n) { return static_cast<float>(n); }

void block_q8_0(const std::byte* block, float* out) {
  const float d = load_f16(block + Q8_0::kD);
  for (std::size_t k = 0; k < kSmallBlock; ++k)
    out[k] = d * static_cast<float>(signed_at(block + Q8_0::kQuants, k));
}

void block_q4_0(const std::byte* block, float* out) {
  const float d = load_f16(block + Q4_0::kD);
  for (std::size_t k = 0; k < kSmallBlock; ++k)
    out[k] = d * (number(nibble_of_small(block + Q4_0::kQuants, k)) - 8.0F);
}

void block_q4_1(const std::byte* block, float* out) {
  const float d = load_f16(block + Q4_1::kD);
  const float m = load_f16(block + Q4_1::kMin);
  for (std::size_t k = 0; k < kSmallBlock; ++k)
    out[k] = d * number(nibble_of_small(block + Q4_1::kQuants, k)) + m;
}

void block_q5_0(const std::byte* block, float* out) {
  const float d = load_f16(block + Q5_0::kD);
  for (std::size_t k = 0; k < kSmallBlock; ++k) out[k] = d * (number(quant_q5_0(block, k)) - 16.0F);
}

void block_q4_k(const std::byte* block, float* out) {
  const float d = load_f16(block + Q4_K::kD);
  const float dmin = load_f16(block + Q4_K::kDmin);
  for (std::size_t j = 0; j < 8; ++j) {
    const ScaleMin sub = scale_min(block + Q4_K::kScales, j);
    const float scale = d * number(sub.scale);
    const float min = dmin * number(sub.min);
    for (std::size_t k = 32 * j; k < 32 * (j + 1); ++k)
      out[k] = scale * number(nibble_of_super(block + Q4_K::kQuants, k)) - min;
  }
}

void block_q5_k(const std::byte* block, float* out) {
  const float d = load_f16(block + Q5_K::kD);
  const float dmin = load_f16(block + Q5_K::kDmin);
  for (std::size_t j = 0; j < 8; ++j) {
    const ScaleMin sub = scale_min(block + Q5_K::kScales, j);
    const float scale = d * number(sub.scale);
    const float min = dmin * number(sub.min);
    for (std::size_t k = 32 * j; k < 32 * (j + 1); ++k)
      out[k] = scale * number(quant_q5_k(block, k)) - min;
  }
}

void block_q6_k(const std::byte* block, float* out) {
  const float d = load_f16(block + Q6_K::kD);
  for (std::size_t k = 0; k < kSuperBlock; ++k) {
    const float scale = d * static_cast<float>(signed_at(block + Q6_K::kScales, k / 16));
    out[k] = scale * (number(quant_q6_k(block, k)) - 32.0F);
  }
}

using Block = void (*)(const std::byte*, float*);

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
      return block_q4_k;
    case Format::q5_k:
      return block_q5_k;
    case Format::q6_k:
      return block_q6_k;
    default:
      return nullptr;
  }
}

}  // namespace

void dequantize_row(Format format, const std::byte* row, float scale, std::span<float> out) {
  switch (format) {
    case Format::f32:
      std::memcpy(out.data(), row, out.size_bytes());
      return;
    case Format::f16:
      for (std::size_t k = 0; k < out.size(); ++k) out[k] = load_f16(row + 2 * k);
      return;
    case Format::bf16:
      for (std::size_t k = 0; k < out.size(); ++k) out[k] = bf16_bits_to_f32(load_u16(row + 2 * k));
      return;
    case Format::i8:
      for (std::size_t k = 0; k < out.size(); ++k)
        out[k] = scale * static_cast<float>(signed_at(row, k));
      return;
    default:
      break;
  }
  const Block block = block_of(format);
  GALLEY_CHECK(block != nullptr, "every format has a definition");
  const std::size_t values = block_values(format);
  GALLEY_CHECK(out.size() % values == 0, "a row is whole blocks");
  for (std::size_t k = 0; k < out.size(); k += values, row += block_bytes(format))
    block(row, out.data() + k);
}

}  // namespace galley::tensor
