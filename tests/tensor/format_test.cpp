#include "tensor/format.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace galley::tensor {
namespace {

constexpr std::array kAll{Format::f32,  Format::f16,  Format::bf16, Format::i8,
                          Format::q8_0, Format::q4_0, Format::q4_1, Format::q5_0,
                          Format::q4_k, Format::q5_k, Format::q6_k};

std::vector<float> normal_values(std::size_t n, unsigned seed, float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(n);
  for (float& x : values) x = normal(random);
  return values;
}

/// Bytes of blocks written by hand, field by field.
class Bytes {
 public:
  Bytes& u8(unsigned value) {
    bytes_.push_back(static_cast<std::byte>(value));
    return *this;
  }
  Bytes& f16(float value) {
    const std::uint16_t bits = f32_to_f16(value);
    return u8(bits & 0xffU).u8(bits >> 8U);
  }
  Bytes& repeat(std::size_t n, unsigned value) {
    for (std::size_t i = 0; i < n; ++i) u8(value);
    return *this;
  }
  const std::byte* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
};

std::vector<float> dequantized(Format format, const Bytes& bytes) {
  std::vector<float> out(bytes.size() / block_bytes(format) * block_values(format));
  dequantize_row(format, bytes.data(), 1, out);
  return out;
}

TEST(Formats, HaveNamesAndSizes) {
  for (const Format format : kAll) EXPECT_EQ(format_of(name_of(format)), format);
  EXPECT_EQ(format_of("q3_k"), std::nullopt);
  EXPECT_EQ(row_bytes(Format::q8_0, 64), 68U);
  EXPECT_EQ(row_bytes(Format::q4_0, 64), 36U);
  EXPECT_EQ(row_bytes(Format::q4_1, 64), 40U);
  EXPECT_EQ(row_bytes(Format::q5_0, 64), 44U);
  EXPECT_EQ(row_bytes(Format::q4_k, 512), 288U);
  EXPECT_EQ(row_bytes(Format::q5_k, 512), 352U);
  EXPECT_EQ(row_bytes(Format::q6_k, 512), 420U);
  EXPECT_EQ(row_bytes(Format::bf16, 5), 10U);
}

TEST(HalfFloats, ConvertEveryNumberThereAndBack) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = f16_to_f32(static_cast<std::uint16_t>(bits));
    const unsigned exponent = bits >> 10U & 31U;
    const auto mantissa = static_cast<float>(bits & 1023U);
    if (exponent == 31) {
      EXPECT_EQ(std::isinf(value), mantissa == 0);
      EXPECT_EQ(std::isnan(value), mantissa != 0);
    } else {
      const float size = exponent == 0
                             ? std::ldexp(mantissa, -24)
                             : std::ldexp(1 + mantissa / 1024, static_cast<int>(exponent) - 15);
      ASSERT_EQ(value, bits >= 0x8000U ? -size : size) << bits;
    }
    if (!std::isnan(value)) {
      ASSERT_EQ(f32_to_f16(value), bits);
    }
  }
}

TEST(HalfFloats, RoundToNearestEven) {
  EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F), 0x3c00U);      // a tie goes to the even one below
  EXPECT_EQ(f32_to_f16(1.0F + 3 * 0x1p-11F), 0x3c02U);  // and here to the one above
  EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F + 0x1p-20F), 0x3c01U);
  EXPECT_EQ(f32_to_f16(65519.0F), 0x7bffU);
  EXPECT_EQ(f32_to_f16(65520.0F), 0x7c00U);
  EXPECT_EQ(f32_to_f16(0x1p-25F), 0U);
  EXPECT_EQ(f32_to_f16(-0x1.8p-24F), 0x8002U);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::infinity()), 0x7c00U);
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808000U)), 0x3f80U);
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f818000U)), 0x3f82U);
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001U)))));
}

TEST(Dequantize, ReadsSmallBlocks) {
  Bytes q8_0;
  q8_0.f16(0.5F).u8(0x80).u8(0xff).u8(3).repeat(29, 0);
  const auto eight = dequantized(Format::q8_0, q8_0);
  EXPECT_EQ(eight[0], -64);
  EXPECT_EQ(eight[1], -0.5F);
  EXPECT_EQ(eight[2], 1.5F);

  Bytes q4_0;
  q4_0.f16(2).u8(0xf0).u8(0x19).repeat(14, 0x88);
  const auto four = dequantized(Format::q4_0, q4_0);
  EXPECT_EQ(four[0], -16);
  EXPECT_EQ(four[16], 14);
  EXPECT_EQ(four[1], 2);
  EXPECT_EQ(four[17], -14);
  EXPECT_EQ(four[2], 0);

  Bytes q4_1;
  q4_1.f16(0.25F).f16(-1).u8(0xf0).repeat(15, 0x04);
  const auto with_min = dequantized(Format::q4_1, q4_1);
  EXPECT_EQ(with_min[0], -1);
  EXPECT_EQ(with_min[16], 2.75F);
  EXPECT_EQ(with_min[1], 0);

  Bytes q5_0;  // fifth bits of values 0 and 17
  q5_0.f16(1).u8(1).u8(0).u8(2).u8(0).u8(0x0f).u8(0xf0).repeat(14, 0);
  const auto five = dequantized(Format::q5_0, q5_0);
  EXPECT_EQ(five[0], 15);
  EXPECT_EQ(five[16], -16);
  EXPECT_EQ(five[17], 15);
  EXPECT_EQ(five[1], -16);
}

/// Scales 1..8 + 40 and minima 11..18 + 30 in the twelve bytes of q4_k and q5_k.
Bytes& packed_scales(Bytes& bytes) {
  std::array<unsigned, 8> scale, min;
  for (unsigned j = 0; j < 8; ++j) {
    scale[j] = 41 + j;
    min[j] = 41 + 2 * j;
  }
  for (unsigned j = 0; j < 4; ++j) bytes.u8(scale[j] | scale[j + 4] >> 4U << 6U);
  for (unsigned j = 0; j < 4; ++j) bytes.u8(min[j] | min[j + 4] >> 4U << 6U);
  for (unsigned j = 4; j < 8; ++j) bytes.u8((scale[j] & 15U) | (min[j] & 15U) << 4U);
  return bytes;
}

TEST(Dequantize, ReadsQ4K) {
  Bytes bytes;
  bytes.f16(0.5F).f16(0.125F);
  packed_scales(bytes);
  for (unsigned i = 0; i < 128; ++i) bytes.u8(i % 16 | (15 - i % 16) << 4U);
  const auto values = dequantized(Format::q4_k, bytes);
  for (unsigned k = 0; k < 256; ++k) {
    const unsigned j = k / 32, i = k % 32;
    const unsigned n = j % 2 == 0 ? i % 16 : 15 - i % 16;
    EXPECT_EQ(values[k],
              0.5F * static_cast<float>((41 + j) * n) - 0.125F * static_cast<float>(41 + 2 * j))
        << k;
  }
}

TEST(Dequantize, ReadsQ5K) {
  Bytes bytes;
  bytes.f16(0.5F).f16(0.125F);
  packed_scales(bytes);
  for (unsigned l = 0; l < 32; ++l) bytes.u8(l * 7 & 0xffU);
  for (unsigned i = 0; i < 128; ++i) bytes.u8(i % 16 | (15 - i % 16) << 4U);
  const auto values = dequantized(Format::q5_k, bytes);
  for (unsigned k = 0; k < 256; ++k) {
    const unsigned j = k / 32, i = k % 32;
    const unsigned n = (j % 2 == 0 ? i % 16 : 15 - i % 16) + ((i * 7 & 0xffU) >> j & 1U) * 16;
    EXPECT_EQ(values[k],
              0.5F * static_cast<float>((41 + j) * n) - 0.125F * static_cast<float>(41 + 2 * j))
        << k;
  }
}

TEST(Dequantize, ReadsQ6K) {
  Bytes bytes;
  for (unsigned i = 0; i < 128; ++i) bytes.u8(i * 5 & 0xffU);
  for (unsigned i = 0; i < 64; ++i) bytes.u8(i * 11 & 0xffU);
  for (unsigned j = 0; j < 16; ++j) bytes.u8((j * 16 - 120) & 0xffU);
  bytes.f16(0.25F);
  const auto values = dequantized(Format::q6_k, bytes);
  for (unsigned k = 0; k < 256; ++k) {
    const unsigned half = k / 128, quarter = k % 128 / 32, l = k % 32;
    const unsigned low = (half * 64 + quarter % 2 * 32 + l) * 5 & 0xffU;
    const unsigned high = (half * 32 + l) * 11 & 0xffU;
    const unsigned n = (quarter < 2 ? low & 15U : low >> 4U) | (high >> 2 * quarter & 3U) << 4U;
    const int scale = static_cast<int>(k / 16 * 16) - 120;
    EXPECT_EQ(values[k], 0.25F * static_cast<float>(scale * (static_cast<int>(n) - 32))) << k;
  }
}

struct Bound {
  Format format;
  double error;  // root mean square, of values with deviation 1
};

class Quantize : public ::testing::TestWithParam<Bound> {};

TEST_P(Quantize, IsNearTheValuesAndStaysWhereItIs) {
  const auto [format, bound] = GetParam();
  const auto values = normal_values(256 * 40, 3);
  std::vector<std::byte> bytes(row_bytes(format, values.size()));
  const float scale = quantize_row(format, values, bytes.data());
  std::vector<float> found(values.size());
  dequantize_row(format, bytes.data(), scale, found);
  double squares = 0;
  for (std::size_t k = 0; k < values.size(); ++k)
    squares += (double{found[k]} - values[k]) * (double{found[k]} - values[k]);
  const double error = std::sqrt(squares / static_cast<double>(values.size()));
  EXPECT_LT(error, bound);
  EXPECT_GT(error, bound * 0.5) << "the bound no longer says anything";
}

TEST_P(Quantize, TakesBlocksOfZerosOfOneSignAndOfTinyAndHugeValues) {
  const Format format = GetParam().format;
  for (const float unit : {0.0F, 1.0F, -1.0F, 1e-20F, 1e-39F, 30000.0F}) {
    auto values = normal_values(256, 5);
    for (float& x : values) x = unit < 0 ? -std::fabs(x) : std::fabs(x) * unit;
    std::vector<std::byte> bytes(row_bytes(format, values.size()));
    const float scale = quantize_row(format, values, bytes.data());
    std::vector<float> found(values.size());
    dequantize_row(format, bytes.data(), scale, found);
    for (std::size_t k = 0; k < values.size(); ++k)
      ASSERT_NEAR(found[k], values[k], 0.35 * std::fabs(unit) + 1e-7) << unit << " at " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryFormat, Quantize,
                         ::testing::Values(Bound{Format::i8, 0.011}, Bound{Format::q8_0, 0.0065},
                                           Bound{Format::q4_0, 0.1}, Bound{Format::q4_1, 0.09},
                                           Bound{Format::q5_0, 0.05}, Bound{Format::q4_k, 0.077},
                                           Bound{Format::q5_k, 0.039}, Bound{Format::q6_k, 0.019}),
                         [](const auto& test) { return std::string(name_of(test.param.format)); });

TEST(Quantize, KeepsWhatTheFloatFormatsHold) {
  const auto values = normal_values(100, 9);
  for (const Format format : {Format::f32, Format::f16, Format::bf16}) {
    std::vector<std::byte> bytes(row_bytes(format, values.size()) + 1);
    quantize_row(format, values, bytes.data() + 1);
    std::vector<float> found(values.size());
    dequantize_row(format, bytes.data() + 1, 1, found);
    const float step = format == Format::f32 ? 0 : format == Format::f16 ? 0x1p-11F : 0x1p-8F;
    for (std::size_t k = 0; k < values.size(); ++k)
      ASSERT_LE(std::fabs(found[k] - values[k]), step * std::fabs(values[k]));
  }
}

}  // namespace
}  // namespace galley::tensor
