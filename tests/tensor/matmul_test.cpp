#include "matmul.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include "emulated_tiles.h"
#include "matmul_select.h"
#include "matmul_world.h"

namespace galley::tensor {
namespace {

constexpr std::array kQuantized{Format::i8,   Format::q8_0, Format::q4_0, Format::q4_1,
                                Format::q5_0, Format::q4_k, Format::q5_k, Format::q6_k};
constexpr std::array kAllFormats{Format::f32,  Format::f16,  Format::bf16, Format::i8,
                                 Format::q8_0, Format::q4_0, Format::q4_1, Format::q5_0,
                                 Format::q4_k, Format::q5_k, Format::q6_k};

const MatmulKernels& scalar() { return *supported_matmul_kernels().front(); }

/// This machine's tables, and the tiles' loops over tiles in plain C++.
std::vector<const MatmulKernels*> every_table() {
  const auto tables = supported_matmul_kernels();
  std::vector<const MatmulKernels*> all(tables.begin(), tables.end());
  all.push_back(&emulated_tiles());
  return all;
}

struct Shape {
  std::size_t outputs;
  std::size_t blocks;  // of 256 columns for the k-quants, 32 for small blocks, else columns * 13
  std::size_t rows;
};
constexpr Shape kShapes[] = {{1, 1, 1},  {16, 1, 2},  {17, 3, 5},
                             {48, 2, 7}, {35, 5, 33}, {32, 2, 67}};

std::size_t columns_of(Format format, const Shape& shape) {
  const std::size_t values = block_values(format);
  return values == 1 ? shape.blocks * 97 : shape.blocks * values * (values == 32 ? 3 : 1);
}

class Matmul : public ::testing::TestWithParam<const MatmulKernels*> {
 protected:
  const MatmulKernels& mine() const { return *GetParam(); }
};

TEST_P(Matmul, OfInt8InputsHasTheBitsOfTheDefinition) {
  for (const Format format : kQuantized)
    for (const Shape& shape : kShapes) {
      const Weights weights(format, shape.outputs, columns_of(format, shape), Activation::int8);
      const auto input = normal_inputs(shape.rows, weights.columns(), 11);
      const auto found = product(mine(), weights, input, shape.rows);
      ASSERT_EQ(found, int8_definition(weights, input, shape.rows))
          << name_of(format) << ' ' << shape.outputs << 'x' << weights.columns();
    }
}

TEST_P(Matmul, OfFloatInputsHasTheBitsOfTheDefinition) {
  for (const Format format : kAllFormats)
    for (const Shape& shape : kShapes) {
      const Weights weights(format, shape.outputs, columns_of(format, shape), Activation::f32);
      const auto input = normal_inputs(shape.rows, weights.columns(), 12);
      ASSERT_EQ(product(mine(), weights, input, shape.rows),
                float_definition(weights, input, shape.rows))
          << name_of(format) << ' ' << shape.outputs << 'x' << weights.columns();
    }
}

TEST_P(Matmul, OfBf16InputsIsNearTheTruth) {
  for (const Format format : {Format::bf16, Format::f32, Format::q8_0})
    for (const Shape& shape : kShapes) {
      const Weights weights(format, shape.outputs, columns_of(format, shape), Activation::bf16);
      const auto input = normal_inputs(shape.rows, weights.columns(), 13);
      const auto found = product(mine(), weights, input, shape.rows);
      for (std::size_t r = 0; r < shape.rows; ++r)
        for (std::size_t n = 0; n < shape.outputs; ++n) {
          const auto [sum, sizes] = exact_product(weights, input, r, n);
          ASSERT_NEAR(found[r * shape.outputs + n], sum,
                      2e-2 * sizes / std::sqrt(static_cast<double>(weights.columns())) + 1e-6);
        }
    }
}

TEST_P(Matmul, OfOneRowDoesNotDependOnItsCompany) {
  constexpr std::size_t kRows = 50, kOutputs = 24;
  for (const Format format : kAllFormats)
    for (const Activation activation : {Activation::int8, Activation::bf16, Activation::f32}) {
      if (!can_multiply(format, activation)) continue;
      // More than one chunk of columns.
      const Weights weights(format, kOutputs, block_values(format) == 1 ? 641 : 768, activation);
      const auto input = normal_inputs(kRows, weights.columns(), 17);
      const auto together = product(mine(), weights, input, kRows);
      for (const std::size_t first : {0, 1, 17, 49})
        for (const std::size_t count : {1, 2, 3, 5, 9, 17, 33}) {
          if (first + count > kRows) continue;
          const std::vector<float> some(
              input.begin() + static_cast<std::ptrdiff_t>(first * weights.columns()),
              input.begin() + static_cast<std::ptrdiff_t>((first + count) * weights.columns()));
          const auto found = product(mine(), weights, some, count);
          ASSERT_TRUE(std::equal(found.begin(), found.end(),
                                 together.begin() + static_cast<std::ptrdiff_t>(first * kOutputs)))
              << name_of(format) << " rows " << first << " + " << count;
        }
    }
}

TEST_P(Matmul, TakesManyRowsAndPanelsInAnyPieces) {
  constexpr std::size_t kRows = 530;  // more than are kept at once
  const Weights weights(Format::q4_0, 100, 64, Activation::int8);
  const auto input = normal_inputs(kRows, 64, 19);
  const auto together = product(mine(), weights, input, kRows);
  EXPECT_EQ(together, product(scalar(), weights, input, kRows));
  const Prepared prepared(mine(), weights, input, kRows);
  std::vector<float> pieces(kRows * 100, -1);
  const MatmulCall call{.matrix = &weights.packed(),
                        .input = &prepared.rows(),
                        .out = pieces.data(),
                        .out_stride = 100};
  for (std::size_t panel = 0; panel < 7; panel += 3)
    mine().multiply(call, panel, std::min<std::size_t>(panel + 3, 7), scratch());
  EXPECT_EQ(pieces, together);
}

TEST_P(Matmul, AddsBiasAndWhatWasThere) {
  const Weights weights(Format::q8_0, 21, 64, Activation::int8);
  const auto input = normal_inputs(3, 64, 23);
  const auto plain = product(mine(), weights, input, 3);
  const auto bias = normal_inputs(1, 21, 24);
  const Prepared prepared(mine(), weights, input, 3);
  constexpr std::size_t kStride = 30;
  std::vector<float> out(3 * kStride, 2);
  mine().multiply({.matrix = &weights.packed(),
                   .input = &prepared.rows(),
                   .out = out.data(),
                   .out_stride = kStride,
                   .bias = bias.data(),
                   .accumulate = true},
                  0, 2, scratch());
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t n = 0; n < kStride; ++n)
      ASSERT_EQ(out[r * kStride + n], n < 21 ? 2 + (plain[r * 21 + n] + bias[n]) : 2);
}

TEST_P(Matmul, UnpacksTheRowsOfTheFile) {
  for (const Format format : kAllFormats)
    for (const Shape& shape : kShapes) {
      const auto activation = format == Format::bf16 ? Activation::bf16 : Activation::f32;
      const Weights weights(format, shape.outputs, columns_of(format, shape), activation);
      for (std::size_t row = 0; row < weights.outputs(); row += 5) {
        std::vector<float> found(weights.columns());
        mine().unpack_row(weights.packed(), row, found.data(), scratch());
        ASSERT_EQ(found, weights.dequantized(row)) << name_of(format) << ", row " << row;
      }
    }
}

TEST_P(Matmul, PreparesTheSameBits) {
  for (const std::size_t columns : {1, 31, 64, 97, 320})
    for (const auto preparation :
         {Preparation::f32, Preparation::bf16, Preparation::int8_blocks, Preparation::int8_row}) {
      auto x = normal_inputs(1, columns, 29);
      if (columns > 64) std::fill(x.begin() + 64, x.end(), 0.0F);
      const std::size_t bytes = prepared_row_bytes(preparation, columns);
      std::vector<std::byte> expected(bytes), found(bytes);
      scalar().prepare(preparation, x.data(), columns, expected.data());
      mine().prepare(preparation, x.data(), columns, found.data());
      ASSERT_EQ(found, expected) << columns;
    }
}

TEST_P(Matmul, OfInputsThatAreZeroOrTinyIsZero) {
  const Weights weights(Format::q4_k, 16, 256, Activation::int8);
  for (const float x : {0.0F, 1e-38F, -1e-45F}) {
    const std::vector<float> input(256, x);
    for (const float found : product(mine(), weights, input, 1)) EXPECT_EQ(found, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, Matmul, ::testing::ValuesIn(every_table()),
                         [](const auto& test) { return std::string(test.param->isa); });

TEST(MatmulInput, Int8LosesLittle) {
  const Weights weights(Format::q8_0, 64, 2048, Activation::int8);
  const auto input = normal_inputs(4, 2048, 31);
  const auto found = product(*supported_matmul_kernels().back(), weights, input, 4);
  double wrong = 0, all = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double truth = exact_product(weights, input, i / 64, i % 64).sum;
    wrong += (found[i] - truth) * (found[i] - truth);
    all += truth * truth;
  }
  EXPECT_LT(std::sqrt(wrong / all), 0.007);
}

TEST(PackedMatrix, TakesHardlyMoreThanTheFile) {
  for (const Format format : kAllFormats) {
    const double file = static_cast<double>(row_bytes(format, 2048) * 256);
    EXPECT_LE(static_cast<double>(packed_bytes(format, 256, 2048)), 1.03 * file) << name_of(format);
  }
  EXPECT_FALSE(can_multiply(Format::f16, Activation::int8));
}

TEST(PackedMatrix, TakesAShardOfTheSource) {
  const Weights whole(Format::q4_k, 64, 1024, Activation::f32);
  const Weights shard =
      whole.shard({.first_row = 32, .rows = 20, .first_column = 512, .columns = 256});
  const auto input = normal_inputs(2, 256, 37);
  EXPECT_EQ(product(scalar(), shard, input, 2), float_definition(shard, input, 2));
}

TEST(FindMatmulKernels, KnowsNamesAndRefusesOthers) {
  EXPECT_STREQ((*find_matmul_kernels("scalar"))->isa, "scalar");
  const auto unknown = find_matmul_kernels("sse9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::invalid_argument);
  EXPECT_THAT(unknown.error().expected, ::testing::HasSubstr("scalar"));
  EXPECT_EQ(matmul_kernel_name(scalar(), Format::q4_0, Activation::int8), "q4_0 x int8, scalar");
}

}  // namespace
}  // namespace galley::tensor
