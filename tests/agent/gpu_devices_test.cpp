#include "gpu_devices.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using process::CharDevice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::string information(const std::string& uuid, int minor) {
  return "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 215\nGPU UUID: \t " + uuid +
         "\nVideo BIOS: \t 96.00.30.00.01\nBus Type: \t PCIe\nBus Location: \t 0000:1b:00.0\n"
         "Device Minor: \t " +
         std::to_string(minor) + "\nGPU Excluded:\t No\n";
}

TEST(GpuInformation, HasTheUuidAndTheMinor) {
  const auto gpu = parse_gpu_information(information("GPU-a", 3));
  ASSERT_TRUE(gpu);
  EXPECT_EQ(gpu->uuid, "GPU-a");
  EXPECT_EQ(gpu->device, (CharDevice{195, 3}));
}

TEST(GpuInformation, WithoutBothIsNone) {
  for (const char* text :
       {"", "GPU UUID: GPU-a\n", "Device Minor: 1\n", "GPU UUID: GPU-a\nDevice Minor: one\n",
        "GPU UUID: GPU-a\nDevice Minor: 99999999999\n", "GPU UUID: ?\nDevice Minor: 1\n"})
    EXPECT_FALSE(parse_gpu_information(text)) << text;
}

TEST(FindGpuDevices, LooksWhereTheDriverWrites) {
  const galley::testing::TempFolder folder;
  EXPECT_THAT(find_gpu_devices(folder.path()), IsEmpty());
  for (int i = 0; i < 2; ++i) {
    const auto gpu = folder / "gpus" / ("0000:1" + std::to_string(i) + ":00.0");
    ASSERT_TRUE(make_folders(gpu));
    ASSERT_TRUE(write_file_atomic(gpu / "information", information("GPU-" + std::to_string(i), i),
                                  Durability::memory));
  }
  ASSERT_TRUE(make_folders(folder / "gpus/empty"));
  EXPECT_THAT(find_gpu_devices(folder.path()),
              UnorderedElementsAre(GpuDevice{"GPU-0", {195, 0}}, GpuDevice{"GPU-1", {195, 1}}));
}

TEST(DevicesOfOthers, AreAllThatWereNotGiven) {
  const std::vector<GpuDevice> all{{"GPU-0", {195, 0}}, {"GPU-1", {195, 1}}, {"GPU-2", {195, 2}}};
  EXPECT_THAT(devices_of_others(all, {"GPU-1"}),
              ElementsAre(CharDevice{195, 0}, CharDevice{195, 2}));
  EXPECT_EQ(devices_of_others(all, {}).size(), 3U);
  EXPECT_THAT(devices_of_others(all, {"GPU-0", "GPU-1", "GPU-2"}), IsEmpty());
  EXPECT_THAT(devices_of_others(all, {"GPU-0", "MIG-1"}), IsEmpty());
  EXPECT_THAT(devices_of_others({}, {"GPU-0"}), IsEmpty());
}

}  // namespace
}  // namespace galley::agent
