#pragma once

#include <string>

#include "host_memory.h"
#include "matmul.h"
#include "tensor/device.h"
#include "tensor/thread_pool.h"

namespace galley::tensor {

/// Weights as panels, for products.
class CpuMatrix final : public Matrix {
 public:
  /// Errors: unsupported (no kernels for the pair, or a cut through a block), exhausted.
  static Result<std::unique_ptr<CpuMatrix>> pack(const MatrixSource& source, Activation activation,
                                                 const MatmulKernels& kernels, ThreadPool& pool);

  std::size_t rows() const override { return packed_.rows; }
  std::size_t columns() const override { return packed_.columns; }
  Format format() const override { return packed_.format; }
  Activation activation() const override { return packed_.activation; }
  std::size_t bytes() const override;
  std::string kernel() const override { return kernel_; }

  const PackedMatrix& packed() const { return packed_; }
  Preparation preparation() const { return preparation_of(format(), activation()); }

 private:
  CpuMatrix(const PackedMatrix& packed, HostMemory memory, std::string kernel)
      : packed_(packed), memory_(std::move(memory)), kernel_(std::move(kernel)) {}

  PackedMatrix packed_;
  HostMemory memory_;
  std::string kernel_;
};

/// Rows as they are in the file, for embedding.
class CpuTable final : public Matrix {
 public:
  /// Errors: unsupported (a cut through a block), exhausted.
  static Result<std::unique_ptr<CpuTable>> copy(const MatrixSource& source, ThreadPool& pool);

  std::size_t rows() const override { return rows_; }
  std::size_t columns() const override { return columns_; }
  Format format() const override { return format_; }
  Activation activation() const override { return Activation::f32; }
  std::size_t bytes() const override;
  std::string kernel() const override;

  /// One row to f32.
  void read_row(std::size_t row, std::span<float> out) const;

 private:
  CpuTable(const MatrixSource& source, HostMemory memory);

  Format format_;
  std::size_t rows_;
  std::size_t columns_;
  std::size_t row_bytes_;
  HostMemory memory_;  // the rows, then the scales of i8
};

}  // namespace galley::tensor
