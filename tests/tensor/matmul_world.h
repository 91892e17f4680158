#pragma once

#include <cstddef>
#include <vector>

#include "matmul.h"
#include "tensor/device.h"

namespace galley::tensor {

/// Random weights in a file's form, and packed.
class Weights {
 public:
  Weights(Format format, std::size_t outputs, std::size_t columns, Activation activation);

  struct Part {
    std::size_t first_row, rows, first_column, columns;
  };
  /// A part of these, packed from the same bytes.
  Weights shard(const Part& part) const;

  const PackedMatrix& packed() const { return packed_; }
  std::size_t outputs() const { return source_.rows; }
  std::size_t columns() const { return source_.columns; }
  /// Row n of the part, as the file holds it.
  const std::byte* row(std::size_t n) const;
  float row_scale(std::size_t n) const;
  std::vector<float> dequantized(std::size_t n) const;

 private:
  Weights() = default;
  void pack(Activation activation);

  std::vector<std::byte> bytes_;
  std::vector<float> scales_;
  MatrixSource source_;
  std::vector<std::byte> memory_;
  PackedMatrix packed_;
};

std::vector<float> normal_inputs(std::size_t rows, std::size_t columns, unsigned seed);

/// Aligned scratch memory for one multiply() at a time.
std::byte* scratch();

/// Input rows prepared for some weights; they live as long as this does.
class Prepared {
 public:
  Prepared(const MatmulKernels& kernels, const Weights& weights, const std::vector<float>& input,
           std::size_t rows);
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  const PreparedRows& rows() const { return rows_; }

 private:
  std::vector<std::byte> memory_;
  PreparedRows rows_;
};

/// [rows, outputs], by the kernels.
std::vector<float> product(const MatmulKernels& kernels, const Weights& weights,
                           const std::vector<float>& input, std::size_t rows);

/// The same, value by value from the bytes of the file, as matmul.h defines it.
std::vector<float> int8_definition(const Weights& weights, const std::vector<float>& input,
                                   std::size_t rows);
std::vector<float> float_definition(const Weights& weights, const std::vector<float>& input,
                                    std::size_t rows);

/// One output in f64, and the sum of its products' sizes.
struct ExactProduct {
  double sum = 0;
  double sizes = 0;
};
ExactProduct exact_product(const Weights& weights, const std::vector<float>& input, std::size_t row,
                           std::size_t output);

}  // namespace galley::tensor
