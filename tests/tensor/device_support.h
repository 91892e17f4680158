#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tensor/device_group.h"
#include "tensor/format.h"

namespace galley::tensor {

inline std::vector<float> normals(std::size_t n, unsigned seed, float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(n);
  for (float& x : values) x = normal(random);
  return values;
}

inline std::unique_ptr<DeviceGroup> cpu_group(const CpuGroupOptions& options) {
  auto group = make_cpu_group(options);
  GALLEY_CHECK(group, "a group of processors for a test");
  return *std::move(group);
}

/// The instruction sets that this machine has.
inline std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const char* name : {"scalar", "avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx"})
    if (make_cpu_group({.threads = 1, .isa = name})) names.emplace_back(name);
  return names;
}

inline Tensor tensor_of(Device& device, std::size_t rows, std::size_t columns,
                        const std::vector<float>& values) {
  auto tensor = device.make_tensor(rows, columns);
  GALLEY_CHECK(tensor, "a small tensor");
  device.upload(values, *tensor);
  return *std::move(tensor);
}

inline std::vector<float> values_of(Device& device, const Tensor& tensor, std::size_t rows) {
  std::vector<float> values(rows * tensor.columns());
  device.download(tensor, 0, values);
  return values;
}

/// A matrix in a format, kept with what a product should see of it.
struct Weights {
  Format format;
  std::size_t rows, columns;
  std::vector<std::byte> bytes;
  std::vector<float> scales;
  std::vector<float> exact;  // dequantised

  Weights(Format format_, std::size_t rows_, std::size_t columns_, unsigned seed)
      : format(format_),
        rows(rows_),
        columns(columns_),
        bytes(rows_ * row_bytes(format_, columns_)),
        scales(rows_),
        exact(rows_ * columns_) {
    const std::vector<float> values = normals(rows * columns, seed, 0.1F);
    const std::size_t row = row_bytes(format, columns);
    for (std::size_t i = 0; i < rows; ++i) {
      scales[i] =
          quantize_row(format, {values.data() + i * columns, columns}, bytes.data() + i * row);
      dequantize_row(format, bytes.data() + i * row, scales[i],
                     {exact.data() + i * columns, columns});
    }
  }
  MatrixSource source() const {
    MatrixSource all;
    all.format = format;
    all.bytes = bytes.data();
    all.row_stride = row_bytes(format, columns);
    all.scales = format == Format::i8 ? scales.data() : nullptr;
    all.rows = rows;
    all.columns = columns;
    return all;
  }
};

inline ::testing::AssertionResult same_bits(const std::vector<float>& a,
                                            const std::vector<float>& b) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " values";
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0)
      return ::testing::AssertionFailure() << "[" << i << "]: " << a[i] << " and " << b[i];
  return ::testing::AssertionSuccess();
}

}  // namespace galley::tensor
