#pragma once

// Plain types only: the per-instruction-set files include this and must pull in no inline code.
#include <cstddef>
#include <cstdint>

#include "tensor/kv_format.h"

namespace galley::tensor {

/// The largest head that the attention kernels take.
inline constexpr std::size_t kMaxHeadDim = 256;

/// Weights of one norm; bias is null where there is none.
struct NormWeights {
  const float* weight = nullptr;
  const float* bias = nullptr;
  float epsilon = 0;
};

/// cos and sin of one position's angles, rotated_dim / 2 of each.
struct Rotation {
  std::size_t rotated_dim = 0;
  bool adjacent_pairs = false;
  const float* cosines = nullptr;
  const float* sines = nullptr;
};

/// Rows of one sequence, at consecutive positions, that attend together: all query heads of one kv
/// head, so that a page is read once for all of them.
struct AttentionTile {
  KvFormat format = KvFormat::f16;
  std::size_t head_dim = 0;  // a multiple of 16, at most kMaxHeadDim
  const std::byte* blocks =
      nullptr;  // of this layer and kv head: page p at blocks + p * page_stride
  std::size_t page_stride = 0;
  const std::uint32_t* pages = nullptr;  // of the sequence, from position 0
  std::uint32_t first_position = 0;      // of the first row
  std::uint32_t window = 0;              // 0: all positions
  std::size_t rows = 0;
  std::size_t group = 0;           // query heads a row
  const float* queries = nullptr;  // [rows * group, head_dim], rotated and scaled
  float* out = nullptr;            // row r, head g at out + r * out_stride + g * head_dim
  std::size_t out_stride = 0;
};

/// Floats of work space for a tile of so many queries (rows * group).
constexpr std::size_t attention_scratch_floats(std::size_t head_dim, std::size_t queries) {
  const std::size_t padded = (queries + 15) / 16 * 16;
  return 2 * head_dim * kPageTokens + padded * (kPageTokens + head_dim + 3) + 16;
}

/// What a forward pass does beside its products, for one instruction set. All tables give
/// bit-identical results: sums run over sixteen lanes that are added in halves (8, 4, 2, 1), and
/// what is contracted is written as fma. exp is within 1 ulp; the tests hold every function to a
/// stated distance from an f64 reference. Pure functions, safe from any thread; x and y may be the
/// same memory.
struct ForwardKernels {
  const char* isa;

  void (*exp)(const float* x, std::size_t n, float* y);
  /// y = x / sqrt(mean(x^2) + epsilon) * weight + bias (arXiv:1910.07467).
  void (*rms_norm)(const float* x, std::size_t n, const NormWeights& norm, float* y);
  /// y = (x - mean) / sqrt(variance + epsilon) * weight + bias (arXiv:1607.06450).
  void (*layer_norm)(const float* x, std::size_t n, const NormWeights& norm, float* y);
  /// y = x / (1 + exp(-x)) * other (arXiv:2002.05202).
  void (*swiglu)(const float* x, const float* other, std::size_t n, float* y);
  /// The tanh form and the exact one (arXiv:1606.08415).
  void (*gelu)(const float* x, std::size_t n, float* y);
  void (*gelu_erf)(const float* x, std::size_t n, float* y);
  /// y += x.
  void (*add)(const float* x, std::size_t n, float* y);
  /// y = factor * x.
  void (*scale)(const float* x, float factor, std::size_t n, float* y);

  /// Turns the pairs of one head (arXiv:2104.09864), in place.
  void (*rotate)(const Rotation& rotation, float* head);
  /// Puts one token's key and value into slot [0, kPageTokens) of a block.
  void (*store_token)(KvFormat format, std::size_t head_dim, const float* key, const float* value,
                      std::size_t slot, std::byte* block);
  /// Softmax attention over pages in order of position, with a running maximum and sum (the online
  /// softmax of arXiv:2205.14135 over the pages of arXiv:2309.06180). A query's bits depend on
  /// itself and on the keys and values that it sees, not on the tile that it came in. `scratch` has
  /// attention_scratch_floats(), 64-byte aligned.
  void (*attend)(const AttentionTile& tile, float* scratch);
};

}  // namespace galley::tensor
