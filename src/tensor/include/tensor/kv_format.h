#pragma once

// Plain types only: the per-instruction-set files include this and must pull in no inline code.
#include <cstddef>
#include <cstdint>

namespace galley::tensor {

/// Tokens in one page of the KV cache; pages hold positions [n * kPageTokens, (n + 1) *
/// kPageTokens).
inline constexpr std::uint32_t kPageTokens = 16;

/// How keys and values are kept. int8 has one f32 scale for each token and head.
enum class KvFormat : std::uint8_t { f32, f16, bf16, int8 };

constexpr std::size_t kv_value_bytes(KvFormat format) {
  return format == KvFormat::f32 ? 4 : format == KvFormat::int8 ? 1 : 2;
}

/// One page of one kv head in one layer, a multiple of 64 bytes: keys as [head_dim][kPageTokens],
/// so that sixteen scores are one vector; then values as [kPageTokens][head_dim]; then, with int8,
/// the scales of sixteen keys and of sixteen values.
constexpr std::size_t kv_block_bytes(KvFormat format, std::size_t head_dim) {
  return 2 * head_dim * kPageTokens * kv_value_bytes(format) +
         (format == KvFormat::int8 ? 2 * kPageTokens * sizeof(float) : 0);
}

}  // namespace galley::tensor
