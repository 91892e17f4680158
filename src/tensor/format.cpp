#include "tensor/format.h"

#include <array>

#include "base/result.h"
#include "blocks.h"

namespace galley::tensor {
namespace {

struct Description {
  Format format;
  std::string_view name;
  std::size_t values;
  std::size_t bytes;
};

constexpr std::array<Description, 11> kFormats{{
    {Format::f32, "f32", 1, 4},
    {Format::f16, "f16", 1, 2},
    {Format::bf16, "bf16", 1, 2},
    {Format::i8, "i8", 1, 1},
    {Format::q8_0, "q8_0", kSmallBlock, Q8_0::kBytes},
    {Format::q4_0, "q4_0", kSmallBlock, Q4_0::kBytes},
    {Format::q4_1, "q4_1", kSmallBlock, Q4_1::kBytes},
    {Format::q5_0, "q5_0", kSmallBlock, Q5_0::kBytes},
    {Format::q4_k, "q4_k", kSuperBlock, Q4_K::kBytes},
    {Format::q5_k, "q5_k", kSuperBlock, Q5_K::kBytes},
    {Format::q6_k, "q6_k", kSuperBlock, Q6_K::kBytes},
}};

const Description& describe_format(Format format) {
  const auto index = static_cast<std::size_t>(format);
  GALLEY_CHECK(index < kFormats.size() && kFormats[index].format == format, "a known format");
  return kFormats[index];
}

}  // namespace

std::string_view name_of(Format format) { return describe_format(format).name; }

std::optional<Format> format_of(std::string_view name) {
  for (const Description& known : kFormats)
    if (known.name == name) return known.format;
  return std::nullopt;
}

std::size_t block_values(Format format) { return describe_format(format).values; }
std::size_t block_bytes(Format format) { return describe_format(format).bytes; }

std::size_t row_bytes(Format format, std::size_t columns) {
  const Description& known = describe_format(format);
  GALLEY_CHECK(columns % known.values == 0, "a row is whole blocks");
  return columns / known.values * known.bytes;
}

float f16_to_f32(std::uint16_t bits) { return f16_bits_to_f32(bits); }
std::uint16_t f32_to_f16(float value) { return f32_to_f16_bits(value); }
float bf16_to_f32(std::uint16_t bits) { return bf16_bits_to_f32(bits); }
std::uint16_t f32_to_bf16(float value) { return f32_to_bf16_bits(value); }

}  // namespace galley::tensor
