#include "node_watch.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/file.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

cluster::GpuDevice gpu(const std::string& uuid, int index) {
  cluster::GpuDevice device;
  device.uuid = uuid;
  device.index = index;
  device.name = "H100";
  device.memory_total_bytes = 100;
  return device;
}

TEST(UpdateDevices, AddsWhatIsSeen) {
  std::vector<protocol::DeviceRecord> devices;
  EXPECT_THAT(update_devices(devices, {.devices = {gpu("a", 0), gpu("b", 1)}}), IsEmpty());
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[1].id, "b");
  EXPECT_EQ(devices[1].model, "H100");
  EXPECT_EQ(devices[1].state, "in_service");
}

TEST(UpdateDevices, ALostDeviceIsOutOfServiceUntilSeenAgain) {
  std::vector<protocol::DeviceRecord> devices;
  (void)update_devices(devices, {.devices = {gpu("a", 0), gpu("b", 1)}});
  EXPECT_THAT(update_devices(devices, {.devices = {gpu("a", 0)}}),
              ElementsAre(HasSubstr("GPU b: nvidia-smi no longer lists it")));
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[1].state, "out_of_service");
  (void)update_devices(devices, {.devices = {gpu("a", 0), gpu("b", 1)}});
  EXPECT_EQ(devices[1].state, "in_service");
}

TEST(UpdateDevices, AFailedLookChangesNothing) {
  std::vector<protocol::DeviceRecord> devices;
  (void)update_devices(devices, {.devices = {gpu("a", 0)}});
  const cluster::GpuReport failed{{}, true, Error{Errc::timeout, "nvidia-smi timed out"}};
  EXPECT_THAT(update_devices(devices, failed), ElementsAre("nvidia-smi timed out"));
  EXPECT_EQ(devices[0].state, "in_service");
}

TEST(UpdateDevices, TellsOfMemoryErrors) {
  std::vector<protocol::DeviceRecord> devices;
  auto faulty = gpu("a", 0);
  faulty.ecc_errors_uncorrected = 3;
  EXPECT_THAT(update_devices(devices, {.devices = {faulty}}),
              ElementsAre("GPU a: 3 uncorrected memory errors"));
}

TEST(NodeWatch, SamplesThisMachine) {
  const galley::testing::TempFolder temp;
  auto watch = NodeWatch::start({.id = NodeId::trusted("node_1"),
                                 .name = "me",
                                 .data_folder = temp.path(),
                                 .gpu_probe = {.program = (temp / "absent").string()}});
  ASSERT_TRUE(watch) << describe(watch.error());
  const auto node = (*watch)->sample();
  EXPECT_EQ(node.name, "me");
  EXPECT_GE(node.cpus, 1);
  EXPECT_GT(node.memory_bytes, 0);
  EXPECT_GT(node.memory_used_bytes, 0);
  EXPECT_GT(node.disk_free_bytes, 0);
  EXPECT_THAT(node.devices, IsEmpty());
  EXPECT_THAT(node.notes, IsEmpty());
  EXPECT_EQ((*watch)->node().disk_free_bytes, node.disk_free_bytes);
}

TEST(NodeWatch, AHangingProbeIsANoteAndDoesNotHoldUpSamples) {
  const galley::testing::TempFolder temp;
  const auto program = temp / "smi";
  ASSERT_TRUE(write_file_atomic(program, "#!/bin/sh\nexec sleep 60\n", Durability::memory, 0755));
  auto watch = NodeWatch::start({.id = NodeId::trusted("node_1"),
                                 .name = {},
                                 .data_folder = temp.path(),
                                 .gpu_probe = {.program = program.string(), .timeout = Millis{50}},
                                 .gpu_interval = Millis{1}});
  ASSERT_TRUE(watch) << describe(watch.error());
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT((*watch)->sample().notes, ElementsAre(HasSubstr("timed out")));
}

}  // namespace
}  // namespace galley::agent
