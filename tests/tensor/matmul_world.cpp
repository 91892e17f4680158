#include "matmul_world.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>

#include "blocks.h"

namespace galley::tensor {
namespace {

std::byte* aligned(std::vector<std::byte>& memory, std::size_t bytes) {
  memory.resize(bytes + 64);
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  return memory.data() + (64 - address % 64) % 64;
}

float f16_at(const std::byte* p) { return f16_to_f32(load_u16(p)); }

/// Weight k of a row: number * scale, plus an offset.
struct Parts {
  int number;
  float scale;
  float offset;
};

Parts parts(Format format, const std::byte* row, float row_scale, std::size_t k) {
  const std::byte* block = row + k / block_values(format) * block_bytes(format);
  const std::size_t i = k % block_values(format);
  const auto super = [&](const std::byte* scales, unsigned n) {
    const ScaleMin sub = scale_min(scales, i / 32);
    return Parts{static_cast<int>(n), f16_at(block) * static_cast<float>(sub.scale),
                 -(f16_at(block + 2) * static_cast<float>(sub.min))};
  };
  switch (format) {
    case Format::i8:
      return {signed_at(row, k), row_scale, 0};
    case Format::q8_0:
      return {signed_at(block + 2, i), f16_at(block), 0};
    case Format::q4_0:
      return {static_cast<int>(nibble_of_small(block + 2, i)) - 8, f16_at(block), 0};
    case Format::q4_1:
      return {static_cast<int>(nibble_of_small(block + 4, i)), f16_at(block), f16_at(block + 2)};
    case Format::q5_0:
      return {static_cast<int>(quant_q5_0(block, i)) - 16, f16_at(block), 0};
    case Format::q4_k:
      return super(block + Q4_K::kScales, nibble_of_super(block + 16, i));
    case Format::q5_k:
      return super(block + Q5_K::kScales, quant_q5_k(block, i));
    default:
      return {
          static_cast<int>(quant_q6_k(block, i)) - 32,
          f16_at(block + Q6_K::kD) * static_cast<float>(signed_at(block + Q6_K::kScales, i / 16)),
          0};
  }
}

/// One value of x in 8 bits, given the largest size beside it.
int rounded(float x, float size) {
  return size < 1e-30F ? 0 : static_cast<int>(std::nearbyint(x * (127 / size)));
}
float input_scale(float size) { return size < 1e-30F ? 0 : size / 127; }

float largest(const float* x, std::size_t n) {
  float most = 0;
  for (std::size_t i = 0; i < n; ++i) most = std::max(most, std::fabs(x[i]));
  return most;
}

float channel_element(const Weights& weights, std::size_t n, const float* x) {
  const float size = largest(x, weights.columns());
  std::int64_t dot = 0;
  for (std::size_t k = 0; k < weights.columns(); ++k)
    dot += std::int64_t{signed_at(weights.row(n), k)} * rounded(x[k], size);
  return static_cast<float>(dot) * weights.row_scale(n) * input_scale(size);
}

float block_element(const Weights& weights, std::size_t n, const float* x) {
  const Format format = weights.packed().format;
  const bool offsets = format == Format::q4_1 || format == Format::q4_k || format == Format::q5_k;
  const std::size_t step = format == Format::q6_k ? 16 : 32;
  float total = 0;
  for (std::size_t k = 0; k < weights.columns(); k += kActivationBlock) {
    const std::size_t end = std::min(weights.columns(), k + kActivationBlock);
    const float size = largest(x + k, end - k);
    float block = 0;
    for (std::size_t first = k; first < end; first += step) {
      int dot = 0, sum = 0;
      for (std::size_t i = first; i < std::min(end, first + step); ++i) {
        dot += parts(format, weights.row(n), 1, i).number * rounded(x[i], size);
        sum += rounded(x[i], size);
      }
      const Parts own = parts(format, weights.row(n), 1, first);
      block = std::fma(static_cast<float>(dot), own.scale, block);
      if (offsets) block = std::fma(static_cast<float>(sum), own.offset, block);
    }
    total = std::fma(block, input_scale(size), total);
  }
  return total;
}

template <class Element>
std::vector<float> each_element(const Weights& weights, const std::vector<float>& input,
                                std::size_t rows, Element element) {
  std::vector<float> out;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t n = 0; n < weights.outputs(); ++n)
      out.push_back(element(n, input.data() + r * weights.columns()));
  return out;
}

}  // namespace

Weights::Weights(Format format, std::size_t outputs, std::size_t columns, Activation activation) {
  std::mt19937 random(static_cast<unsigned>(outputs * 1000 + columns));
  std::normal_distribution<float> normal;
  std::vector<float> row(columns);
  const std::size_t stride = row_bytes(format, columns) + 3;  // rows need no alignment
  bytes_.resize(stride * outputs);
  for (std::size_t n = 0; n < outputs; ++n) {
    for (float& x : row) x = normal(random);
    scales_.push_back(quantize_row(format, row, bytes_.data() + n * stride));
  }
  // Files may hold the byte that our quantiser never gives.
  if (format == Format::q8_0) bytes_[Q8_0::kQuants] = std::byte{0x80};
  if (format == Format::i8) bytes_[0] = std::byte{0x80};
  source_ = {.format = format,
             .bytes = bytes_.data(),
             .row_stride = stride,
             .scales = scales_.data(),
             .rows = outputs,
             .columns = columns};
  pack(activation);
}

Weights Weights::shard(const Part& part) const {
  Weights out;
  out.bytes_ = bytes_;
  out.scales_ = scales_;
  out.source_ = source_;
  out.source_.bytes = out.bytes_.data();
  out.source_.scales = out.scales_.data();
  out.source_.first_row = part.first_row;
  out.source_.rows = part.rows;
  out.source_.first_column = part.first_column;
  out.source_.columns = part.columns;
  out.pack(packed_.activation);
  return out;
}

void Weights::pack(Activation activation) {
  const std::size_t bytes = packed_bytes(source_.format, source_.rows, source_.columns);
  packed_ = packed_matrix(source_, activation, aligned(memory_, bytes));
  pack_panels(source_, packed_, 0, panel_count(source_.rows));
}

const std::byte* Weights::row(std::size_t n) const {
  return source_.bytes + (source_.first_row + n) * source_.row_stride +
         source_.first_column / block_values(source_.format) * block_bytes(source_.format);
}

float Weights::row_scale(std::size_t n) const { return scales_[source_.first_row + n]; }

std::vector<float> Weights::dequantized(std::size_t n) const {
  std::vector<float> out(columns());
  dequantize_row(source_.format, row(n), row_scale(n), out);
  return out;
}

std::vector<float> normal_inputs(std::size_t rows, std::size_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(rows * columns);
  for (float& x : values) x = normal(random);
  return values;
}

std::byte* scratch() {
  static std::vector<std::byte> memory;
  static std::byte* const start = aligned(memory, kMatmulScratchBytes);
  return start;
}

Prepared::Prepared(const MatmulKernels& kernels, const Weights& weights,
                   const std::vector<float>& input, std::size_t rows) {
  const PackedMatrix& matrix = weights.packed();
  const Preparation preparation = preparation_of(matrix.format, matrix.activation);
  const std::size_t stride = prepared_row_bytes(preparation, matrix.columns);
  std::byte* data = aligned(memory_, stride * rows);
  for (std::size_t r = 0; r < rows; ++r)
    kernels.prepare(preparation, input.data() + r * matrix.columns, matrix.columns,
                    data + r * stride);
  rows_ = {preparation, rows, matrix.columns, data, stride};
}

std::vector<float> product(const MatmulKernels& kernels, const Weights& weights,
                           const std::vector<float>& input, std::size_t rows) {
  const Prepared prepared(kernels, weights, input, rows);
  std::vector<float> out(rows * weights.outputs(), -7);
  kernels.multiply({.matrix = &weights.packed(),
                    .input = &prepared.rows(),
                    .out = out.data(),
                    .out_stride = weights.outputs()},
                   0, panel_count(weights.outputs()), scratch());
  return out;
}

std::vector<float> int8_definition(const Weights& weights, const std::vector<float>& input,
                                   std::size_t rows) {
  return each_element(weights, input, rows, [&](std::size_t n, const float* x) {
    return weights.packed().format == Format::i8 ? channel_element(weights, n, x)
                                                 : block_element(weights, n, x);
  });
}

std::vector<float> float_definition(const Weights& weights, const std::vector<float>& input,
                                    std::size_t rows) {
  std::vector<std::vector<float>> values;
  for (std::size_t n = 0; n < weights.outputs(); ++n) values.push_back(weights.dequantized(n));
  return each_element(weights, input, rows, [&](std::size_t n, const float* x) {
    float total = 0;
    for (std::size_t k = 0; k < weights.columns(); ++k) total = std::fma(values[n][k], x[k], total);
    return total;
  });
}

ExactProduct exact_product(const Weights& weights, const std::vector<float>& input, std::size_t row,
                           std::size_t output) {
  ExactProduct out;
  const auto values = weights.dequantized(output);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double product = double{values[k]} * input[row * weights.columns() + k];
    out.sum += product;
    out.sizes += std::fabs(product);
  }
  return out;
}

}  // namespace galley::tensor
