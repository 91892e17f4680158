// Products of packed weights with prepared inputs: one table of kernels for each instruction set.
// Plain types only: the files of the instruction sets include this.
#pragma once

#include <cstddef>
#include <cstdint>

#include "packed_matrix.h"

namespace galley::tensor {

/// How one input row is kept while it is multiplied.
///   f32          as it is
///   bf16         rounded to nearest even, padded with zeros
///   int8_blocks  signed bytes with one f32 scale for each kActivationBlock columns
///   int8_row     signed bytes with one f32 scale for the row (weights with a scale per channel)
enum class Preparation : std::uint8_t { f32, bf16, int8_blocks, int8_row };

/// What a product of these weights needs. Products of one input may need different ones.
Preparation preparation_of(Format format, Activation activation);

/// Bytes of one prepared row, a multiple of 64; rows lie one after the other at a 64-byte border.
std::size_t prepared_row_bytes(Preparation preparation, std::size_t columns);

/// Input rows, prepared: row r starts at data + r * stride bytes. With Preparation::f32 the caller
/// may also point to plain f32 rows of its own, at any stride that is a multiple of 4.
struct PreparedRows {
  Preparation preparation = Preparation::f32;
  std::size_t rows = 0;
  std::size_t columns = 0;
  const std::byte* data = nullptr;
  std::size_t stride = 0;  // bytes
};

/// out[r * out_stride + n] = sum over k of input[r, k] * weight[n, k], + bias[n], + what out held.
struct MatmulCall {
  const PackedMatrix* matrix = nullptr;
  const PreparedRows* input = nullptr;
  float* out = nullptr;
  std::size_t out_stride = 0;   // floats
  const float* bias = nullptr;  // [matrix rows]; none where null
  bool accumulate = false;      // out is added to
};

/// Memory that one running multiply() needs, 64-byte aligned, the calling thread's own.
inline constexpr std::size_t kMatmulScratchBytes = 192 * 1024;

/// Panels that a kernel takes together: ranges of panels are best cut at multiples of it.
inline constexpr std::size_t kPanelStep = 2;

/// One instruction set's kernels. Pure functions of their arguments, safe from any thread.
///
/// Exact. With int8 inputs every table gives the same bits: for each output element the integer dot
/// of every 32 columns (16 with q6_k) is exact; converted to f32 it enters, in order of columns,
///     block  = fma(dot, weight scale, block)   and, where the format has an offset,
///     block  = fma(sum of the input's bytes, weight offset, block);
/// at the end of every kActivationBlock columns
///     total  = fma(block, input scale, total), block = 0.
/// i8 weights: one integer dot over all columns, times weight scale, times input scale.
/// With f32 inputs total = fma(weight, input, total) in order of columns, also the same bits in
/// every table. With bf16 inputs the weights are rounded to bf16 too; tables without bf16
/// instructions then do as with f32, the others add in pairs: within 2e-2 of the sum of absolute
/// products over sqrt(columns); in one table a row's bits never depend on the other rows.
/// Last, bias is added, then what out held.
struct MatmulKernels {
  const char* isa;
  /// Which instructions serve a preparation: "avx512_vnni", "amx", ...
  const char* (*instructions)(Preparation preparation);
  /// One row x[columns] into prepared_row_bytes() at `out`. Values are finite.
  void (*prepare)(Preparation preparation, const float* x, std::size_t columns, std::byte* out);
  /// Panels [panel_begin, panel_end), that is outputs [16 * panel_begin, 16 * panel_end).
  void (*multiply)(const MatmulCall& call, std::size_t panel_begin, std::size_t panel_end,
                   std::byte* scratch);
  /// One row of weights to out[columns], as dequantize_row() gives it.
  void (*unpack_row)(const PackedMatrix& matrix, std::size_t row, float* out, std::byte* scratch);
};

}  // namespace galley::tensor
