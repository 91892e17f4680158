#include "tensor/forward_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "device_support.h"
#include "tensor/format.h"
#include "tensor/forward_select.h"

namespace galley::tensor {
namespace {

/// Every float of a range, in steps that miss none of its exponents.
std::vector<float> sweep(float from, float to, std::size_t n) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i)
    values[i] = from + (to - from) * static_cast<float>(i) / static_cast<float>(n);
  return values;
}

class Forward : public ::testing::TestWithParam<const ForwardKernels*> {
 protected:
  const ForwardKernels& mine() const { return *GetParam(); }
  const ForwardKernels& scalar() const { return *supported_forward_kernels().front(); }
};

constexpr std::size_t kWidths[] = {1, 15, 16, 17, 64, 100, 2048, 2051};

TEST_P(Forward, ExpIsWithinTwoUlpsAndEqualsScalar) {
  std::vector<float> x = sweep(-103, 88.7F, 400000);
  for (const float special :
       {0.0F, -0.0F, -INFINITY, INFINITY, -1e30F, 1e30F, 1e-40F, 88.73F, -103.9F, -87.5F})
    x.push_back(special);
  std::vector<float> found(x.size()), expected(x.size());
  mine().exp(x.data(), x.size(), found.data());
  scalar().exp(x.data(), x.size(), expected.data());
  EXPECT_TRUE(same_bits(found, expected));
  double worst = 0;
  for (std::size_t i = 0; i < 400000; ++i) {
    const double truth = std::exp(double{x[i]});
    const float near = static_cast<float>(truth);
    const double ulp = double{std::nextafter(near, INFINITY)} - double{near};
    worst = std::max(worst, std::abs(double{found[i]} - truth) / ulp);
  }
  EXPECT_LT(worst, 2) << "ulps";
  const std::size_t special = 400000;
  EXPECT_EQ(found[special], 1);
  EXPECT_EQ(found[special + 1], 1);
  EXPECT_EQ(found[special + 2], 0);
  EXPECT_EQ(found[special + 3], INFINITY);
  EXPECT_EQ(found[special + 4], 0);
  EXPECT_EQ(found[special + 5], INFINITY);
  const float nan = NAN;
  float kept = 0;
  mine().exp(&nan, 1, &kept);
  EXPECT_TRUE(std::isnan(kept));
}

TEST_P(Forward, ActivationsEqualScalarAndAreNearTheTruth) {
  const std::vector<float> x = sweep(-20, 20, 100003);
  const std::vector<float> other = normals(x.size(), 3);
  std::vector<float> found(x.size()), expected(x.size());
  const auto check = [&](const char* name, const std::function<double(std::size_t)>& truth) {
    EXPECT_TRUE(same_bits(found, expected)) << name;
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      worst = std::max(worst, std::abs(double{found[i]} - truth(i)) / (1e-3 + std::abs(truth(i))));
    EXPECT_LT(worst, 2e-6) << name;
  };
  mine().swiglu(x.data(), other.data(), x.size(), found.data());
  scalar().swiglu(x.data(), other.data(), x.size(), expected.data());
  check("swiglu", [&](std::size_t i) {
    return double{x[i]} / (1 + std::exp(-double{x[i]})) * double{other[i]};
  });
  mine().gelu(x.data(), x.size(), found.data());
  scalar().gelu(x.data(), x.size(), expected.data());
  check("gelu", [&](std::size_t i) {
    const double v = x[i];
    return v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
  });
  mine().gelu_erf(x.data(), x.size(), found.data());
  scalar().gelu_erf(x.data(), x.size(), expected.data());
  check("gelu_erf", [&](std::size_t i) {
    const double v = x[i];
    return v / 2 * std::erfc(-v / std::sqrt(2.0));
  });
}

TEST_P(Forward, NormsEqualScalarAndAreNearTheTruth) {
  for (const std::size_t n : kWidths) {
    std::vector<float> x = normals(n, 5, 3);
    for (float& v : x) v += 0.5F;
    const std::vector<float> weight = normals(n, 6);
    const std::vector<float> bias = normals(n, 7);
    for (const bool biased : {false, true}) {
      const NormWeights norm{weight.data(), biased ? bias.data() : nullptr, 1e-5F};
      double mean = 0, squares = 0, variance = 0;
      for (const float v : x) mean += double{v} / static_cast<double>(n);
      for (const float v : x) {
        squares += double{v} * double{v} / static_cast<double>(n);
        variance += (double{v} - mean) * (double{v} - mean) / static_cast<double>(n);
      }
      std::vector<float> found(n), expected(n);
      mine().rms_norm(x.data(), n, norm, found.data());
      scalar().rms_norm(x.data(), n, norm, expected.data());
      EXPECT_TRUE(same_bits(found, expected)) << n;
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(found[i],
                    double{x[i]} / std::sqrt(squares + 1e-5) * double{weight[i]} +
                        (biased ? double{bias[i]} : 0),
                    1e-5 * (1 + std::abs(double{weight[i]} * 3)));
      mine().layer_norm(x.data(), n, norm, found.data());
      scalar().layer_norm(x.data(), n, norm, expected.data());
      EXPECT_TRUE(same_bits(found, expected)) << n;
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(found[i],
                    (double{x[i]} - mean) / std::sqrt(variance + 1e-5) * double{weight[i]} +
                        (biased ? double{bias[i]} : 0),
                    1e-5 * (1 + std::abs(double{weight[i]} * 3)));
    }
  }
}

TEST_P(Forward, AddAndScaleWorkInPlace) {
  for (const std::size_t n : kWidths) {
    const std::vector<float> x = normals(n, 8);
    std::vector<float> y = normals(n, 9);
    std::vector<float> expected = y;
    mine().add(x.data(), n, y.data());
    for (std::size_t i = 0; i < n; ++i) expected[i] += x[i];
    EXPECT_TRUE(same_bits(y, expected));
    mine().scale(y.data(), 0.3F, n, y.data());
    for (float& v : expected) v *= 0.3F;
    EXPECT_TRUE(same_bits(y, expected));
  }
}

TEST_P(Forward, RotationTurnsPairsOfBothLayouts) {
  for (const bool adjacent : {false, true})
    for (const std::size_t rotated : {std::size_t{2}, std::size_t{32}, std::size_t{64}}) {
      const std::vector<float> head = normals(64, 10);
      std::vector<float> cosines, sines;
      for (std::size_t i = 0; i < rotated / 2; ++i) {
        cosines.push_back(std::cos(0.3F + static_cast<float>(i)));
        sines.push_back(std::sin(0.3F + static_cast<float>(i)));
      }
      const Rotation rotation{rotated, adjacent, cosines.data(), sines.data()};
      std::vector<float> found = head, expected = head;
      mine().rotate(rotation, found.data());
      scalar().rotate(rotation, expected.data());
      EXPECT_TRUE(same_bits(found, expected));
      for (std::size_t i = 0; i < rotated / 2; ++i) {
        const std::size_t a = adjacent ? 2 * i : i;
        const std::size_t b = adjacent ? 2 * i + 1 : i + rotated / 2;
        EXPECT_FLOAT_EQ(found[a], head[a] * cosines[i] - head[b] * sines[i]);
        EXPECT_FLOAT_EQ(found[b], head[a] * sines[i] + head[b] * cosines[i]);
      }
      for (std::size_t i = rotated; i < head.size(); ++i) EXPECT_EQ(found[i], head[i]);
    }
}

/// Numbers that are hard to round: halves of units, subnormals, overflow.
std::vector<float> hard_numbers(std::size_t n) {
  std::vector<float> values = normals(n, 11);
  std::mt19937 random(12);
  for (std::size_t i = 0; i < n; i += 3) {
    std::uint32_t bits = static_cast<std::uint32_t>(random());
    if (i % 2 == 0) bits = (bits & 0xffffe000U) | 0x1000U;
    if ((bits >> 23U & 255U) == 255U) bits &= ~(1U << 30U);  // finite
    std::memcpy(&values[i], &bits, sizeof bits);
  }
  return values;
}

TEST_P(Forward, StoredTokensEqualScalarAndTheFormats) {
  for (const KvFormat format : {KvFormat::f32, KvFormat::f16, KvFormat::bf16, KvFormat::int8})
    for (const std::size_t dim : {std::size_t{16}, std::size_t{64}, std::size_t{128}}) {
      std::vector<std::byte> found(kv_block_bytes(format, dim));
      std::vector<std::byte> expected(found.size());
      std::vector<float> key, value;
      for (std::size_t slot = 0; slot < kPageTokens; ++slot) {
        key = format == KvFormat::int8 ? normals(dim, static_cast<unsigned>(slot))
                                       : hard_numbers(dim);
        value = normals(dim, 100 + static_cast<unsigned>(slot));
        mine().store_token(format, dim, key.data(), value.data(), slot, found.data());
        scalar().store_token(format, dim, key.data(), value.data(), slot, expected.data());
      }
      EXPECT_EQ(found, expected);
      // The last token's key lies in the last column, its value in the last row.
      const std::size_t last = kPageTokens - 1;
      for (std::size_t d = 0; d < dim; ++d) {
        const std::byte* at = found.data() + (d * kPageTokens + last) * kv_value_bytes(format);
        std::uint16_t half = 0;
        std::memcpy(&half, at, sizeof half);
        if (format == KvFormat::f16) {
          EXPECT_EQ(half, f32_to_f16(key[d])) << key[d];
        }
        if (format == KvFormat::bf16) {
          EXPECT_EQ(half, f32_to_bf16(key[d])) << key[d];
        }
      }
    }
}

TEST_P(Forward, AttentionEqualsScalarWhateverTheTile) {
  std::mt19937 random(21);
  for (const KvFormat format : {KvFormat::f32, KvFormat::f16, KvFormat::bf16, KvFormat::int8})
    for (const std::size_t dim :
         {std::size_t{16}, std::size_t{48}, std::size_t{64}, std::size_t{128}}) {
      constexpr std::uint32_t kTokens = 75;
      constexpr std::size_t kPages = 6;
      const std::size_t block = kv_block_bytes(format, dim);
      std::vector<float> memory(kPages * block / sizeof(float));
      auto* blocks = reinterpret_cast<std::byte*>(memory.data());
      const std::vector<std::uint32_t> pages{4, 1, 5, 0, 2};
      for (std::uint32_t token = 0; token < kTokens; ++token)
        scalar().store_token(format, dim, normals(dim, token).data(),
                             normals(dim, 1000 + token).data(), token % kPageTokens,
                             blocks + pages[token / kPageTokens] * block);
      for (const std::size_t group : {std::size_t{1}, std::size_t{3}, std::size_t{8}})
        for (const std::uint32_t window : {0U, 20U}) {
          const std::uint32_t rows = 1 + static_cast<std::uint32_t>(random() % 40);
          const std::uint32_t first = static_cast<std::uint32_t>(random() % (kTokens - rows));
          const std::vector<float> queries = normals(rows * group * dim, 77, 0.3F);
          std::vector<float> expected(queries.size()), found(queries.size());
          std::vector<float> scratch(attention_scratch_floats(dim, rows * group));
          AttentionTile tile{format, dim,  blocks, block,          pages.data(),    first,
                             window, rows, group,  queries.data(), expected.data(), group * dim};
          scalar().attend(tile, scratch.data());
          tile.out = found.data();
          mine().attend(tile, scratch.data());
          EXPECT_TRUE(same_bits(found, expected)) << "group " << group << ", window " << window;
          // Row by row gives the same.
          tile.rows = 1;
          for (std::uint32_t row = 0; row < rows; ++row) {
            tile.first_position = first + row;
            tile.queries = queries.data() + row * group * dim;
            tile.out = found.data() + row * group * dim;
            mine().attend(tile, scratch.data());
          }
          EXPECT_TRUE(same_bits(found, expected)) << "group " << group << ", window " << window;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Tables, Forward,
                         ::testing::ValuesIn(supported_forward_kernels().begin(),
                                             supported_forward_kernels().end()),
                         [](const auto& param) { return std::string(param.param->isa); });

TEST(ForwardKernels, GoWithTheProductsInstructionSet) {
  EXPECT_STREQ(forward_kernels_beside("scalar").isa, "scalar");
  EXPECT_STREQ(forward_kernels_beside("avx512_vnni").isa, supported_forward_kernels().back()->isa);
}

}  // namespace
}  // namespace galley::tensor
