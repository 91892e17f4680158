#include "tensor/kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace galley::tensor {
namespace {

/// Random inputs of one size, unaligned on purpose: every vector starts one element into its
/// memory.
struct Inputs {
  std::size_t width;
  std::size_t table_rows = 300;
  std::vector<float> a, b, table, squares, scales;
  std::vector<std::int8_t> table_i8;
  std::vector<std::uint32_t> rows;

  explicit Inputs(std::size_t width_, std::size_t row_count, unsigned seed = 7) : width(width_) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>& v, std::size_t n) {
      v.resize(n + 1);
      for (float& x : v) x = normal(random);
    };
    fill(a, width);
    fill(b, width);
    fill(table, table_rows * width);
    fill(squares, table_rows);
    for (float& x : squares) x *= x;
    fill(scales, table_rows);
    table_i8.resize(table_rows * width + 1);
    for (auto& x : table_i8) x = static_cast<std::int8_t>(random() % 255 - 127);
    for (std::size_t i = 0; i < row_count; ++i)
      rows.push_back(static_cast<std::uint32_t>(random() % table_rows));
  }
};

class Kernels : public ::testing::TestWithParam<const KernelTable*> {
 protected:
  const KernelTable& mine() const { return *GetParam(); }
  const KernelTable& scalar() const { return *supported_kernels().front(); }
};

constexpr std::size_t kWidths[] = {16, 32, 48, 64, 256};
constexpr std::size_t kRowCounts[] = {0, 1, 2, 13, 200};

TEST_P(Kernels, DotEqualsScalarAndIsNearTheTruth) {
  for (const std::size_t width : kWidths) {
    const Inputs in(width, 0);
    const float dot = mine().dot(in.a.data() + 1, in.b.data() + 1, width);
    EXPECT_EQ(dot, scalar().dot(in.a.data() + 1, in.b.data() + 1, width));
    double truth = 0;
    for (std::size_t i = 1; i <= width; ++i) truth += double{in.a[i]} * double{in.b[i]};
    EXPECT_NEAR(dot, truth, 1e-5 * static_cast<double>(width));
  }
}

TEST_P(Kernels, AxpyEqualsScalar) {
  for (const std::size_t width : kWidths) {
    const Inputs in(width, 0);
    std::vector<float> expected = in.b;
    std::vector<float> found = in.b;
    scalar().axpy(0.37F, in.a.data() + 1, expected.data() + 1, width);
    mine().axpy(0.37F, in.a.data() + 1, found.data() + 1, width);
    EXPECT_EQ(found, expected);
    EXPECT_EQ(found[1], in.b[1] + 0.37F * in.a[1]);
  }
}

TEST_P(Kernels, SumRowsEqualsScalarAndIsNearTheTruth) {
  for (const std::size_t width : kWidths)
    for (const std::size_t count : kRowCounts) {
      const Inputs in(width, count);
      std::vector<float> expected(width, -1);
      std::vector<float> found(width, -2);
      scalar().sum_rows(in.table.data() + 1, width, in.rows.data(), count, expected.data());
      mine().sum_rows(in.table.data() + 1, width, in.rows.data(), count, found.data());
      EXPECT_EQ(found, expected);
      double truth = 0;
      for (const std::uint32_t row : in.rows) truth += double{in.table[1 + row * width + 5]};
      EXPECT_NEAR(found[5], truth, 1e-4);
    }
}

TEST_P(Kernels, SumRowsOfInt8EqualsScalarAndIsNearTheTruth) {
  for (const std::size_t width : kWidths)
    for (const std::size_t count : kRowCounts) {
      const Inputs in(width, count);
      std::vector<float> expected(width, -1);
      std::vector<float> found(width, -2);
      scalar().sum_rows_i8(in.table_i8.data() + 1, in.scales.data(), width, in.rows.data(), count,
                           expected.data());
      mine().sum_rows_i8(in.table_i8.data() + 1, in.scales.data(), width, in.rows.data(), count,
                         found.data());
      EXPECT_EQ(found, expected);
      double truth = 0;
      for (const std::uint32_t row : in.rows)
        truth += double{in.scales[row]} * in.table_i8[1 + row * width + 5];
      EXPECT_NEAR(found[5], truth, 0.02);
    }
}

TEST_P(Kernels, AdagradEqualsScalarAndItsFormula) {
  for (const std::size_t width : kWidths)
    for (const std::size_t count : kRowCounts) {
      const Inputs in(width, count);
      std::vector<float> table = in.table, expected_table = in.table;
      std::vector<float> squares = in.squares, expected_squares = in.squares;
      scalar().adagrad_rows(expected_table.data() + 1, expected_squares.data(), width,
                            in.rows.data(), count, in.a.data() + 1, 0.25F, 0.1F);
      mine().adagrad_rows(table.data() + 1, squares.data(), width, in.rows.data(), count,
                          in.a.data() + 1, 0.25F, 0.1F);
      EXPECT_EQ(table, expected_table);
      EXPECT_EQ(squares, expected_squares);
      if (count != 1) continue;
      const std::uint32_t row = in.rows[0];
      EXPECT_FLOAT_EQ(squares[row], in.squares[row] + 0.25F);
      EXPECT_FLOAT_EQ(table[1 + row * width + 3],
                      in.table[1 + row * width + 3] - 0.1F / std::sqrt(squares[row]) * in.a[4]);
    }
}

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, Kernels,
                         ::testing::ValuesIn(supported_kernels().begin(),
                                             supported_kernels().end()),
                         [](const auto& test) { return std::string(test.param->isa); });

TEST(FindKernels, KnowsNamesAndRefusesOthers) {
  EXPECT_STREQ((*find_kernels("scalar"))->isa, "scalar");
  EXPECT_EQ(*find_kernels(""), supported_kernels().back());
  const auto unknown = find_kernels("sse9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::invalid_argument);
  EXPECT_THAT(unknown.error().expected, ::testing::HasSubstr("scalar"));
}

}  // namespace
}  // namespace galley::tensor
