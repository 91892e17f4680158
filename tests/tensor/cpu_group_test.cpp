#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device_support.h"

namespace galley::tensor {
namespace {

TEST(CpuGroup, SumsPartsInTheOrderOfDevices) {
  for (const std::size_t devices : {std::size_t{2}, std::size_t{3}, std::size_t{4}}) {
    const auto group = cpu_group({.devices = devices, .threads = 2});
    ASSERT_EQ(group->size(), devices);
    constexpr std::size_t kRows = 37;
    constexpr std::size_t kColumns = 130;
    std::vector<Tensor> parts;
    std::vector<Tensor*> pointers;
    std::vector<float> expected;
    for (std::size_t i = 0; i < devices; ++i) {
      const std::vector<float> values = normals(kRows * kColumns, static_cast<unsigned>(i));
      parts.push_back(tensor_of(group->at(i), kRows, kColumns, values));
      if (i == 0)
        expected = values;
      else
        for (std::size_t j = 0; j < values.size(); ++j) expected[j] += values[j];
    }
    for (Tensor& part : parts) pointers.push_back(&part);
    group->all_reduce(pointers, kRows - 1);
    for (std::size_t i = 0; i < devices; ++i) {
      const std::vector<float> found = values_of(group->at(i), parts[i], kRows);
      const auto summed = static_cast<std::ptrdiff_t>((kRows - 1) * kColumns);
      EXPECT_TRUE(same_bits({found.begin(), found.begin() + summed},
                            {expected.begin(), expected.begin() + summed}));
      // The last row was not asked for.
      EXPECT_EQ(found.back(), normals(kRows * kColumns, static_cast<unsigned>(i)).back());
    }
    const auto communication = group->communication();
    EXPECT_EQ(communication.calls, 1U);
    EXPECT_EQ(communication.bytes, 2 * (devices - 1) * (kRows - 1) * kColumns * 4);
    EXPECT_GT(communication.took.count(), 0);
  }
}

TEST(CpuGroup, OfOneCommunicatesNothing) {
  const auto group = cpu_group({});
  Tensor part = tensor_of(group->at(0), 1, 16, normals(16, 1));
  Tensor* const parts[] = {&part};
  group->all_reduce(parts, 1);
  EXPECT_EQ(group->communication().calls, 0U);
  EXPECT_EQ(values_of(group->at(0), part, 1), normals(16, 1));
}

TEST(CpuGroup, RefusesWhatItCannotBe) {
  for (const CpuGroupOptions& options :
       {CpuGroupOptions{.devices = 0}, CpuGroupOptions{.devices = 65},
        CpuGroupOptions{.threads = 5000}, CpuGroupOptions{.isa = "sse9"}}) {
    const auto group = make_cpu_group(options);
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().code, Errc::invalid_argument);
    EXPECT_FALSE(group.error().expected.empty()) << group.error().message;
  }
}

}  // namespace
}  // namespace galley::tensor
