#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tensor/format_id.h"

namespace galley::tensor {

/// "f32", "q4_k", ...; what people write and metrics show.
std::string_view name_of(Format format);
std::optional<Format> format_of(std::string_view name);

/// Weights in one block, and the bytes it takes; 1 for the formats without blocks. The columns of a
/// row are a multiple of the former.
std::size_t block_values(Format format);
std::size_t block_bytes(Format format);
/// `columns` must be whole blocks.
std::size_t row_bytes(Format format, std::size_t columns);

/// One row to f32, exactly as the format defines it: every engine that reads the file gets these
/// numbers. `row` has row_bytes(format, out.size()) bytes without alignment; `scale` is the row's
/// scale of i8 and 1 elsewhere. Pure.
void dequantize_row(Format format, const std::byte* row, float scale, std::span<float> out);

/// The nearest block values that we find: round to nearest for f16, bf16, i8, q8_0 and q4_0; for
/// the k-quants a search over scales that minimises the squared error (weights count equally).
/// Returns the row's scale (i8; else 1). NaN and infinity must not occur. Pure.
float quantize_row(Format format, std::span<const float> row, std::byte* out);

float f16_to_f32(std::uint16_t bits);
/// Round to nearest even; overflow gives infinity.
std::uint16_t f32_to_f16(float value);
float bf16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_bf16(float value);

}  // namespace galley::tensor
