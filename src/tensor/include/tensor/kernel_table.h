#pragma once

// Plain types only: the per-instruction-set files include this and must pull in no inline code.
#include <cstddef>
#include <cstdint>

namespace galley::tensor {

/// Every length and row width below is a multiple of this: one cache line of floats.
inline constexpr std::size_t kLanes = 16;

/// One instruction set's kernels. All tables give bit-identical results: sums run over kLanes
/// partial sums that are then added in halves (8, 4, 2, 1), products are rounded before they are
/// added. Pointers need no alignment. Pure functions of their arguments, safe from any thread.
///
/// The two f32 row kernels may run on one table from several threads at once (Hogwild: Niu et al.
/// 2011, arXiv:1106.5730): an update may then be lost, which stochastic gradient descent bears.
struct KernelTable {
  const char* isa;
  /// sum of a[i] * b[i] over n.
  float (*dot)(const float* a, const float* b, std::size_t n);
  /// y[i] += scale * x[i] over n.
  void (*axpy)(float scale, const float* x, float* y, std::size_t n);
  /// out[j] = sum over k of table[rows[k] * width + j]; repeated rows count each time.
  void (*sum_rows)(const float* table, std::size_t width, const std::uint32_t* rows,
                   std::size_t row_count, float* out);
  /// out[j] = sum over k of scales[rows[k]] * table[rows[k] * width + j].
  void (*sum_rows_i8)(const std::int8_t* table, const float* scales, std::size_t width,
                      const std::uint32_t* rows, std::size_t row_count, float* out);
  /// Row-wise Adagrad (Duchi et al. 2011, one accumulator a row): for each k in order, with
  /// r = rows[k]: squares[r] += square; table[r] -= rate / sqrt(squares[r] + 1e-12) * gradient.
  void (*adagrad_rows)(float* table, float* squares, std::size_t width, const std::uint32_t* rows,
                       std::size_t row_count, const float* gradient, float square, float rate);
};

}  // namespace galley::tensor
