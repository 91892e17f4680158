#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "device_support.h"

namespace galley::tensor {
namespace {

using ::testing::HasSubstr;

class CpuDeviceTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<DeviceGroup> group = cpu_group({.threads = 3, .isa = GetParam()});
  Device& device = group->at(0);

  Tensor empty(std::size_t rows, std::size_t columns) { return *device.make_tensor(rows, columns); }
};

TEST_P(CpuDeviceTest, NamesItsInstructionSetAndThreads) {
  EXPECT_EQ(device.name(), "cpu " + GetParam() + ", 3 threads");
}

TEST_P(CpuDeviceTest, NewTensorsAreZeroAndKeepWhatIsUploaded) {
  Tensor tensor = empty(5, 7);
  EXPECT_EQ(values_of(device, tensor, 5), std::vector<float>(35));
  device.upload(normals(14, 1), tensor, 2);
  std::vector<float> rows(14);
  device.download(tensor, 2, rows);
  EXPECT_EQ(rows, normals(14, 1));
  device.download(tensor, 0, rows);
  EXPECT_EQ(rows, std::vector<float>(14));
}

TEST_P(CpuDeviceTest, TensorsThatNoMachineHoldsAreRefusedWithTheirSize) {
  const auto tensor = device.make_tensor(std::size_t{1} << 31U, std::size_t{1} << 25U);
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().code, Errc::exhausted);
  EXPECT_THAT(tensor.error().message, HasSubstr(std::to_string(std::size_t{1} << 58U)));
}

TEST_P(CpuDeviceTest, EmbedsRowsOfEveryFormatExactly) {
  for (const Format format : {Format::f32, Format::f16, Format::i8, Format::q8_0, Format::q4_k}) {
    const Weights weights(format, 40, 256, 2);
    const auto table = device.pack_table(weights.source());
    ASSERT_TRUE(table) << table.error().message;
    const std::vector<std::uint32_t> indices{39, 0, 7, 7};
    Tensor out = empty(5, 256);
    device.upload(normals(5 * 256, 3), out);
    device.embed(**table, indices, out, false);
    std::vector<float> expected = normals(5 * 256, 3);
    for (std::size_t i = 0; i < indices.size(); ++i)
      std::copy_n(weights.exact.begin() + indices[i] * 256, 256,
                  expected.begin() + static_cast<std::ptrdiff_t>(i) * 256);
    EXPECT_TRUE(same_bits(values_of(device, out, 5), expected)) << name_of(format);
    device.embed(**table, indices, out, true);
    for (std::size_t i = 0; i < indices.size() * 256; ++i) expected[i] += expected[i];
    EXPECT_TRUE(same_bits(values_of(device, out, 5), expected)) << name_of(format);
  }
}

TEST_P(CpuDeviceTest, TablesAndMatricesMayBeShards) {
  const Weights weights(Format::q8_0, 64, 128, 4);
  MatrixSource part = weights.source();
  part.first_row = 16;
  part.rows = 32;
  part.first_column = 64;
  part.columns = 64;
  const auto table = device.pack_table(part);
  ASSERT_TRUE(table);
  EXPECT_EQ((*table)->bytes(), 32 * row_bytes(Format::q8_0, 64));
  Tensor row = empty(1, 64);
  device.embed(**table, std::vector<std::uint32_t>{3}, row, false);
  const auto start = weights.exact.begin() + 19 * 128 + 64;
  EXPECT_TRUE(same_bits(values_of(device, row, 1), {start, start + 64}));

  const auto matrix = device.pack(part, Activation::f32);
  ASSERT_TRUE(matrix);
  const std::vector<float> x = normals(64, 5);
  const Tensor in = tensor_of(device, 1, 64, x);
  Tensor out = empty(1, 32);
  const Product product{matrix->get(), nullptr, &out, false};
  device.multiply({.x = &in}, 1, {&product, 1});
  const std::vector<float> found = values_of(device, out, 1);
  for (std::size_t n = 0; n < 32; ++n) {
    double truth = 0;
    for (std::size_t k = 0; k < 64; ++k)
      truth += double{x[k]} * double{weights.exact[(16 + n) * 128 + 64 + k]};
    EXPECT_NEAR(found[n], truth, 1e-5);
  }
}

TEST_P(CpuDeviceTest, ACutThroughABlockIsRefusedWithItsNumbers) {
  const Weights weights(Format::q8_0, 16, 128, 4);
  MatrixSource part = weights.source();
  part.first_column = 16;
  part.columns = 64;
  for (const auto& result :
       {device.pack(part, Activation::int8).error(), device.pack_table(part).error()}) {
    EXPECT_EQ(result.code, Errc::unsupported);
    EXPECT_THAT(result.message, HasSubstr("columns 16 to 80 of a q8_0"));
  }
  const Weights plain(Format::f16, 16, 64, 4);
  const auto refused = device.pack(plain.source(), Activation::int8);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("f16"));
}

/// What enters a product, in f64.
std::vector<double> input_row(Input::Kind kind, const std::vector<float>& x,
                              const std::vector<float>& other, const std::vector<float>& weight,
                              std::size_t row, std::size_t columns) {
  std::vector<double> values(columns);
  double squares = 0;
  for (std::size_t i = 0; i < columns; ++i) {
    const double v = x[row * columns + i];
    squares += v * v / static_cast<double>(columns);
    values[i] = v;
  }
  for (std::size_t i = 0; i < columns; ++i) {
    double& v = values[i];
    if (kind == Input::Kind::norm) v *= double{weight[i]} / std::sqrt(squares + 1e-5);
    if (kind == Input::Kind::swiglu) v *= double{other[row * columns + i]} / (1 + std::exp(-v));
    if (kind == Input::Kind::gelu)
      v *= 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    if (kind == Input::Kind::gelu_erf) v *= 0.5 * std::erfc(-v / std::sqrt(2.0));
  }
  return values;
}

TEST_P(CpuDeviceTest, ProductsOfEveryInputAreNearTheTruthAndTheSameForEachRowAlone) {
  constexpr std::size_t kRows = 9;
  constexpr std::size_t kColumns = 256;
  const std::vector<float> x = normals(kRows * kColumns, 6);
  const std::vector<float> other = normals(kRows * kColumns, 7);
  const std::vector<float> norm_weight = normals(kColumns, 8);
  const Tensor in = tensor_of(device, kRows, kColumns, x);
  const Tensor beside = tensor_of(device, kRows, kColumns, other);
  const Tensor norm = tensor_of(device, 1, kColumns, norm_weight);
  const Weights exact(Format::f32, 40, kColumns, 9);
  const Weights rounded(Format::q8_0, 33, kColumns, 10);
  const auto first = device.pack(exact.source(), Activation::f32);
  const auto second = device.pack(rounded.source(), Activation::int8);
  ASSERT_TRUE(first && second);
  const std::vector<float> bias_values = normals(40, 11);
  const Tensor bias = tensor_of(device, 1, 40, bias_values);
  const std::vector<float> before = normals(kRows * 40, 12);

  for (const auto kind : {Input::Kind::plain, Input::Kind::norm, Input::Kind::swiglu,
                          Input::Kind::gelu, Input::Kind::gelu_erf}) {
    Input input;
    input.kind = kind;
    input.x = &in;
    input.other = &beside;
    input.norm = {NormKind::rms, 1e-5F, &norm, nullptr};
    Tensor out = tensor_of(device, kRows, 40, before);
    Tensor second_out = empty(kRows, 48);
    const Product products[] = {{first->get(), &bias, &out, true},
                                {second->get(), nullptr, &second_out, false}};
    device.multiply(input, kRows, products);
    const std::vector<float> found = values_of(device, out, kRows);
    const std::vector<float> found_second = values_of(device, second_out, kRows);
    for (std::size_t row = 0; row < kRows; ++row) {
      const std::vector<double> values = input_row(kind, x, other, norm_weight, row, kColumns);
      for (std::size_t n = 0; n < 40; ++n) {
        double truth = double{bias_values[n]} + double{before[row * 40 + n]};
        for (std::size_t k = 0; k < kColumns; ++k)
          truth += values[k] * double{exact.exact[n * kColumns + k]};
        EXPECT_NEAR(found[row * 40 + n], truth, 1e-4);
      }
      for (std::size_t n = 0; n < 33; ++n) {
        double truth = 0;
        for (std::size_t k = 0; k < kColumns; ++k)
          truth += values[k] * double{rounded.exact[n * kColumns + k]};
        EXPECT_NEAR(found_second[row * 48 + n], truth, 0.1);
      }
      // Beyond the matrix's rows nothing is written.
      for (std::size_t n = 33; n < 48; ++n) EXPECT_EQ(found_second[row * 48 + n], 0);
    }
    // One row, alone and with one thread.
    const auto alone = cpu_group({.threads = 1, .isa = GetParam()});
    Device& other_device = alone->at(0);
    const auto matrix = other_device.pack(rounded.source(), Activation::int8);
    const std::size_t row = 5;
    const auto cut = [&](const std::vector<float>& all) {
      const auto start = all.begin() + row * kColumns;
      return tensor_of(other_device, 1, kColumns, {start, start + kColumns});
    };
    const Tensor own = cut(x);
    const Tensor own_beside = cut(other);
    const Tensor own_norm = tensor_of(other_device, 1, kColumns, norm_weight);
    input.x = &own;
    input.other = &own_beside;
    input.norm.weight = &own_norm;
    Tensor own_out = *other_device.make_tensor(1, 33);
    const Product product{matrix->get(), nullptr, &own_out, false};
    other_device.multiply(input, 1, {&product, 1});
    const auto start = found_second.begin() + row * 48;
    EXPECT_TRUE(same_bits(values_of(other_device, own_out, 1), {start, start + 33}));
  }
}

TEST_P(CpuDeviceTest, MatricesTellTheirKernelAndSize) {
  const Weights weights(Format::q4_0, 64, 256, 13);
  const auto matrix = device.pack(weights.source(), Activation::int8);
  ASSERT_TRUE(matrix);
  EXPECT_THAT((*matrix)->kernel(), ::testing::StartsWith("q4_0 x int8, "));
  EXPECT_EQ((*matrix)->rows(), 64U);
  EXPECT_EQ((*matrix)->columns(), 256U);
  EXPECT_LE((*matrix)->bytes(), weights.bytes.size() * 104 / 100);
  EXPECT_GE((*matrix)->bytes(), weights.bytes.size());
}

TEST_P(CpuDeviceTest, AdaptersAddALowRankProductToTheirRowsOnly) {
  constexpr std::size_t kRows = 6;
  constexpr std::size_t kColumns = 96;
  for (const std::size_t rank : {std::size_t{8}, std::size_t{300}}) {
    const std::vector<float> x = normals(kRows * kColumns, 14);
    const Tensor in = tensor_of(device, kRows, kColumns, x);
    const Weights down(Format::f32, rank, kColumns, 15);
    const Weights up(Format::f16, 50, rank, 16);
    const auto down_matrix = device.pack(down.source(), Activation::f32);
    const auto up_matrix = device.pack(up.source(), Activation::f32);
    ASSERT_TRUE(down_matrix && up_matrix);
    const std::vector<float> before = normals(kRows * 50, 17);
    Tensor out = tensor_of(device, kRows, 50, before);
    device.adapt({.x = &in}, 2, 3, **down_matrix, **up_matrix, 0.5F, out);
    const std::vector<float> found = values_of(device, out, kRows);
    for (std::size_t row = 0; row < kRows; ++row)
      for (std::size_t n = 0; n < 50; ++n) {
        if (row < 2 || row >= 5) {
          EXPECT_EQ(found[row * 50 + n], before[row * 50 + n]);
          continue;
        }
        double truth = before[row * 50 + n];
        for (std::size_t r = 0; r < rank; ++r) {
          double low = 0;
          for (std::size_t k = 0; k < kColumns; ++k)
            low += double{x[row * kColumns + k]} * double{down.exact[r * kColumns + k]};
          truth += 0.5 * low * double{up.exact[n * rank + r]};
        }
        EXPECT_NEAR(found[row * 50 + n], truth, 1e-4);
      }
  }
}

TEST_P(CpuDeviceTest, GathersNormalizesAndAddsRows) {
  const std::vector<float> x = normals(6 * 80, 18);
  const Tensor in = tensor_of(device, 6, 80, x);
  Tensor out = empty(6, 80);
  device.gather(in, std::vector<std::uint32_t>{5, 0, 5}, out);
  std::vector<float> found = values_of(device, out, 3);
  EXPECT_TRUE(std::equal(found.begin(), found.begin() + 80, x.begin() + 400));
  EXPECT_TRUE(std::equal(found.begin() + 80, found.begin() + 160, x.begin()));
  EXPECT_TRUE(std::equal(found.begin() + 160, found.end(), x.begin() + 400));

  const Tensor weight = tensor_of(device, 1, 80, normals(80, 19));
  const Tensor bias = tensor_of(device, 1, 80, normals(80, 20));
  device.normalize({NormKind::layer, 1e-5F, &weight, &bias}, in, 6, out);
  found = values_of(device, out, 6);
  for (std::size_t row = 0; row < 6; ++row) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < 80; ++i) mean += double{x[row * 80 + i]} / 80;
    for (std::size_t i = 0; i < 80; ++i)
      variance += (double{x[row * 80 + i]} - mean) * (double{x[row * 80 + i]} - mean) / 80;
    for (std::size_t i = 0; i < 80; ++i)
      EXPECT_NEAR(found[row * 80 + i],
                  (double{x[row * 80 + i]} - mean) / std::sqrt(variance + 1e-5) *
                          double{normals(80, 19)[i]} +
                      double{normals(80, 20)[i]},
                  2e-5);
  }
  const std::vector<float> before = found;
  device.add(in, 4, out);
  found = values_of(device, out, 6);
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(found[i], i < 4 * 80 ? before[i] + x[i] : before[i]);
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, CpuDeviceTest, ::testing::ValuesIn(instruction_sets()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace galley::tensor
