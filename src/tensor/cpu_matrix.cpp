#include "cpu_matrix.h"

#include <algorithm>
#include <cstring>

#include "matmul_select.h"

namespace galley::tensor {
namespace {

// Enough for a stream of memory to get going, little enough to share out a small matrix.
constexpr std::size_t kTilePanels = 4;
constexpr std::size_t kTileRows = 64;

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

Status check_cut(const MatrixSource& source) {
  const std::size_t block = block_values(source.format);
  if (source.first_column % block == 0 && source.columns % block == 0) return ok();
  return Error{Errc::unsupported, "columns " + std::to_string(source.first_column) + " to " +
                                      std::to_string(source.first_column + source.columns) +
                                      " of a " + std::string(name_of(source.format)) +
                                      " matrix cut through its blocks of " + std::to_string(block)};
}

}  // namespace

Result<std::unique_ptr<CpuMatrix>> CpuMatrix::pack(const MatrixSource& source,
                                                   Activation activation,
                                                   const MatmulKernels& kernels, ThreadPool& pool) {
  GALLEY_TRY_STATUS(check_cut(source));
  if (!can_multiply(source.format, activation))
    return Error{Errc::unsupported, "weights in " + std::string(name_of(source.format)) +
                                        " cannot be multiplied with int8 inputs"};
  GALLEY_TRY(HostMemory memory,
             map_memory(packed_bytes(source.format, source.rows, source.columns)));
  const PackedMatrix packed = packed_matrix(source, activation, memory.get());
  const std::size_t panels = panel_count(source.rows);
  pool.run(divide_up(panels, kTilePanels), [&](std::size_t tile, std::uint32_t) {
    const std::size_t begin = tile * kTilePanels;
    pack_panels(source, packed, begin, std::min(begin + kTilePanels, panels));
  });
  return std::unique_ptr<CpuMatrix>(new CpuMatrix(
      packed, std::move(memory), matmul_kernel_name(kernels, source.format, activation)));
}

std::size_t CpuMatrix::bytes() const {
  return packed_bytes(packed_.format, packed_.rows, packed_.columns);
}

Result<std::unique_ptr<CpuTable>> CpuTable::copy(const MatrixSource& source, ThreadPool& pool) {
  GALLEY_TRY_STATUS(check_cut(source));
  const std::size_t bytes = row_bytes(source.format, source.columns);
  const std::size_t scale_bytes = source.scales != nullptr ? source.rows * sizeof(float) : 0;
  // Scales lie behind the rows on a border of their own.
  const std::size_t scales_at = divide_up(source.rows * bytes, 64) * 64;
  GALLEY_TRY(HostMemory memory, map_memory(scales_at + scale_bytes));
  const std::byte* from = source.bytes + source.first_row * source.row_stride +
                          row_bytes(source.format, source.first_column);
  std::byte* to = memory.get();
  pool.run(divide_up(source.rows, kTileRows), [&](std::size_t tile, std::uint32_t) {
    const std::size_t end = std::min((tile + 1) * kTileRows, source.rows);
    for (std::size_t row = tile * kTileRows; row < end; ++row)
      std::memcpy(to + row * bytes, from + row * source.row_stride, bytes);
  });
  if (scale_bytes > 0) std::memcpy(to + scales_at, source.scales + source.first_row, scale_bytes);
  return std::unique_ptr<CpuTable>(new CpuTable(source, std::move(memory)));
}

CpuTable::CpuTable(const MatrixSource& source, HostMemory memory)
    : format_(source.format),
      rows_(source.rows),
      columns_(source.columns),
      row_bytes_(tensor::row_bytes(source.format, source.columns)),
      memory_(std::move(memory)) {}

std::size_t CpuTable::bytes() const {
  return rows_ * (row_bytes_ + (format_ == Format::i8 ? sizeof(float) : 0));
}

std::string CpuTable::kernel() const { return std::string(name_of(format_)) + " rows"; }

void CpuTable::read_row(std::size_t row, std::span<float> out) const {
  float scale = 1;
  if (format_ == Format::i8) {
    const std::size_t scales_at = divide_up(rows_ * row_bytes_, 64) * 64;
    std::memcpy(&scale, memory_.get() + scales_at + row * sizeof(float), sizeof scale);
  }
  dequantize_row(format_, memory_.get() + row * row_bytes_, scale, out);
}

}  // namespace galley::tensor
