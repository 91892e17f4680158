#include <gmock/gmock.h>

#include "cluster/gpu.h"

namespace galley::cluster {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;

TEST(ParseGpuCsv, ReadsEveryFieldOfALine) {
  const auto devices =
      parse_gpu_csv("0, GPU-5b2c, NVIDIA H100 80GB HBM3, 81559, 1024, 35, 41, 120.5, 0\n");

  ASSERT_TRUE(devices) << devices.error().message;
  ASSERT_EQ(devices->size(), 1U);
  const GpuDevice& gpu = devices->front();
  EXPECT_EQ(gpu.index, 0);
  EXPECT_EQ(gpu.uuid, "GPU-5b2c");
  EXPECT_EQ(gpu.name, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpu.memory_total_bytes, 81559 * kMiB);
  EXPECT_EQ(gpu.memory_used_bytes, 1024 * kMiB);
  EXPECT_DOUBLE_EQ(gpu.utilization_ratio.value(), 0.35);
  EXPECT_EQ(gpu.temperature_celsius, 41);
  EXPECT_EQ(gpu.power_watts, 120.5);
  EXPECT_EQ(gpu.ecc_errors_uncorrected, 0);
}

TEST(ParseGpuCsv, LeavesOutWhatTheDriverDoesNotKnow) {
  const auto devices = parse_gpu_csv(
      "3, GPU-1, RTX 3090, 24576, [N/A], [Not Supported], [Unknown Error], [N/A], [N/A]\r\n");

  ASSERT_TRUE(devices) << devices.error().message;
  const GpuDevice expected{
      .index = 3, .uuid = "GPU-1", .name = "RTX 3090", .memory_total_bytes = 24576 * kMiB};
  EXPECT_THAT(*devices, testing::ElementsAre(expected));
}

TEST(ParseGpuCsv, LeavesOutImpossibleNumbers) {
  const auto devices = parse_gpu_csv("0, GPU-1, X, 16, -5, 400, nan, inf, 9999999999999999999999");

  ASSERT_TRUE(devices) << devices.error().message;
  const GpuDevice& gpu = devices->front();
  EXPECT_FALSE(gpu.memory_used_bytes);
  EXPECT_FALSE(gpu.utilization_ratio);
  EXPECT_FALSE(gpu.temperature_celsius);
  EXPECT_FALSE(gpu.power_watts);
  EXPECT_FALSE(gpu.ecc_errors_uncorrected);
}

TEST(ParseGpuCsv, KeepsCommasOfAName) {
  const auto devices = parse_gpu_csv("0, GPU-1, Board, rev, B, 16, 0, 0, 0, 0, 0");

  ASSERT_TRUE(devices) << devices.error().message;
  EXPECT_EQ(devices->front().name, "Board, rev, B");
  EXPECT_EQ(devices->front().memory_total_bytes, 16 * kMiB);
}

TEST(ParseGpuCsv, AnEmptyAnswerIsNoDevices) {
  const auto devices = parse_gpu_csv("\n\n");

  ASSERT_TRUE(devices);
  EXPECT_TRUE(devices->empty());
}

struct BadAnswer {
  const char* text;
  const char* part_of_message;
};

class ParseGpuCsvRefuses : public testing::TestWithParam<BadAnswer> {};

TEST_P(ParseGpuCsvRefuses, NamingTheLineAndTheFault) {
  const auto devices = parse_gpu_csv(GetParam().text);

  ASSERT_FALSE(devices);
  EXPECT_EQ(devices.error().code, Errc::corrupt);
  EXPECT_THAT(devices.error().message, testing::HasSubstr(GetParam().part_of_message));
}

INSTANTIATE_TEST_SUITE_P(
    Answers, ParseGpuCsvRefuses,
    testing::Values(BadAnswer{"No devices were found",
                              "line 1 of nvidia-smi's answer has 1 fields"},
                    BadAnswer{"x, GPU-1, X, 16, 0, 0, 0, 0, 0", "no device index: 'x'"},
                    BadAnswer{"\n0, GPU-1, X, [N/A], 0, 0, 0, 0, 0",
                              "line 2 of nvidia-smi's answer "
                              "has no memory size"},
                    BadAnswer{"0, [N/A], X, 16, 0, 0, 0, 0, 0", "no device uuid"},
                    BadAnswer{"0, GPU-1, X, 16, 0, 0, 0, 0, 0\n1, GPU-1, X, 16, 0, 0, 0, 0, 0",
                              "line 2 of nvidia-smi's answer names device 1 again"}));

TEST(ParseGpuCsv, RefusesMoreDevicesThanAMachineHas) {
  std::string text;
  for (std::size_t i = 0; i <= kMostGpus; ++i)
    text += std::to_string(i) + ", GPU-" + std::to_string(i) + ", X, 16, 0, 0, 0, 0, 0\n";

  const auto devices = parse_gpu_csv(text);

  ASSERT_FALSE(devices);
  EXPECT_THAT(devices.error().message, testing::HasSubstr("beyond the 128 devices"));
}

TEST(ParseGpuCsv, RefusesALineWithoutEnd) {
  EXPECT_FALSE(parse_gpu_csv(std::string(100'000, 'a')));
}

}  // namespace
}  // namespace galley::cluster
