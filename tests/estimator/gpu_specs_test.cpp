#include "estimator/gpu_specs.h"

#include <gtest/gtest.h>

namespace galley::estimator {
namespace {

TEST(GpuSpecs, FindsTheNamesThatDataSetsAndCloudsUse) {
  const std::vector<std::pair<const char*, const char*>> names{
      {"LambdaCloud 4xV100 16GB", "V100 SXM2 16GB"},
      {"Tesla_V100-PCIE-32GB", "V100 PCIe 32GB"},
      {"v100", "V100 SXM2 16GB"},
      {"8x A100 80GB SXM4", "A100 SXM4 80GB"},
      {"LambdaCloud A100 40GB PCIe", "A100 PCIe 40GB"},
      {"NVIDIA_A100_80GB_PCIe", "A100 PCIe 80GB"},
      {"A100-80GB", "A100 SXM4 80GB"},
      {"A100 (80 GB)", "A100 SXM4 80GB"},
      {"NVIDIA_H100_80GB_HBM3", "H100 SXM5 80GB"},
      {"H100 80GB PCIe Gen5", "H100 PCIe 80GB"},
      {"NVIDIA_H100_80GB_HBM3_TP", "H100 SXM5 80GB"},
      {"Quadro RTX 8000", "RTX 8000"},
      {"2x RTX A6000", "RTX A6000"},
      {"RTX 6000 Ada Generation", "RTX 6000 Ada"},
      {"RTX6000-Ada", "RTX 6000 Ada"},
      {"NVIDIA GeForce RTX 4090", "RTX 4090"},
      {"Tesla_T4", "T4"},
      {"Tesla_P100-PCIE-16GB", "P100 PCIe 16GB"},
      {"AMD_Instinct_MI250", "MI250"},
      {"tpu-v4-8", "TPU v4"},
      {"tpu-v5litepod-4", "TPU v5e"},
      {"1080Ti", "GTX 1080 Ti"},
      {"a10", "A10"},
      {"A10G", "A10G"},
  };
  for (const auto& [name, expected] : names) {
    const auto gpu = find_gpu(name);
    ASSERT_TRUE(gpu) << name << ": " << gpu.error().message;
    EXPECT_EQ(gpu->name, expected) << name;
  }
}

TEST(GpuSpecs, EveryRowIsCompleteAndFindsItself) {
  for (const GpuSpec& gpu : known_gpus()) {
    EXPECT_TRUE(complete_gpu(gpu)) << gpu.name;
    const auto found = find_gpu(gpu.name);
    ASSERT_TRUE(found) << gpu.name;
    EXPECT_EQ(found->name, gpu.name);
    EXPECT_GE(gpu.tf32_tflops, gpu.fp32_tflops) << gpu.name;
    EXPECT_GE(gpu.fp16_tflops, gpu.tf32_tflops) << gpu.name;
    EXPECT_GT(gpu.year, 2010) << gpu.name;
  }
}

TEST(GpuSpecs, UnknownNamesSayWhatToDo) {
  const auto gpu = find_gpu("H1000");
  ASSERT_FALSE(gpu);
  EXPECT_EQ(gpu.error().code, Errc::not_found);
  EXPECT_NE(gpu.error().hint.find("H100"), std::string::npos) << gpu.error().hint;
  EXPECT_FALSE(find_gpu(""));
  EXPECT_FALSE(find_gpu("8x"));
}

TEST(GpuSpecs, TypedInDevicesNeedPeakMemoryAndBandwidth) {
  const auto gpu =
      complete_gpu({.name = "new", .fp16_tflops = 800, .memory_gb = 100, .bandwidth_gbps = 3000});
  ASSERT_TRUE(gpu) << gpu.error().message;
  EXPECT_DOUBLE_EQ(gpu->fp32_tflops, 100);
  const auto lacking = complete_gpu({.name = "new", .fp16_tflops = 800, .memory_gb = 100});
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().field, "bandwidth_gbps");
}

TEST(GpuSpecs, PeaksDependOnThePrecision) {
  EXPECT_DOUBLE_EQ(peak_tflops(*find_gpu("V100"), Precision::bf16), 15.7);
  EXPECT_TRUE(parse_precision("amp"));
  EXPECT_FALSE(parse_precision("fp12"));
}

}  // namespace
}  // namespace galley::estimator
