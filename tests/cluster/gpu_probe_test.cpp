#include <gmock/gmock.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "cluster/inventory.h"

namespace galley::cluster {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTwoDevices =
    "0, GPU-a, NVIDIA H100 80GB HBM3, 81559, 1024, 35, 41, 120.5, 0\n"
    "1, GPU-b, NVIDIA H100 80GB HBM3, 81559, 4, 0, 33, 68.2, 0\n";

/// A folder, first in PATH, for a program that plays nvidia-smi.
class GpuProbeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "galley-probe-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    old_path_ = ::getenv("PATH");
    ::setenv("PATH", (folder_.string() + ":" + old_path_).c_str(), 1);
  }
  void TearDown() override {
    ::setenv("PATH", old_path_.c_str(), 1);
    fs::remove_all(folder_);
  }
  void play(const std::string& script) {
    const auto file = folder_ / "nvidia-smi";
    std::ofstream(file) << "#!/bin/sh\n" << script;
    fs::permissions(file, fs::perms::owner_all);
  }

  fs::path folder_;
  std::string old_path_;
};

TEST_F(GpuProbeTest, ListsTheDevices) {
  play("cat <<'END'\n" + std::string(kTwoDevices) + "END\n");
  GpuProbe probe;

  const GpuReport& report = probe.look();

  EXPECT_FALSE(report.error) << report.error->message;
  EXPECT_FALSE(report.stale);
  ASSERT_EQ(report.devices.size(), 2U);
  EXPECT_EQ(report.devices[1].uuid, "GPU-b");
}

TEST_F(GpuProbeTest, AsksForTheFieldsItReads) {
  play("[ \"$1\" = --query-gpu=" + std::string(kGpuQuery) +
       " ] && [ \"$2\" = --format=csv,noheader,nounits ] && [ $# = 2 ] || exit 9\n");
  GpuProbe probe;

  EXPECT_FALSE(probe.look().error);
}

TEST_F(GpuProbeTest, NoSuchProgramIsAMachineWithoutGpus) {
  GpuProbe probe({.program = "nvidia-smi-that-is-not-there"});

  const auto inventory = take_inventory(probe);

  ASSERT_TRUE(inventory) << inventory.error().message;
  EXPECT_TRUE(inventory->gpus.devices.empty());
  EXPECT_FALSE(inventory->gpus.error);
  EXPECT_GT(inventory->host.cpus, 0);
}

TEST_F(GpuProbeTest, NoDevicesFoundIsNotAnError) {
  play("echo 'No devices were found'; exit 6\n");
  GpuProbe probe;

  EXPECT_TRUE(probe.look().devices.empty());
  EXPECT_FALSE(probe.last().error);
}

TEST_F(GpuProbeTest, AHangingDriverTimesOutAndTheLastDevicesStay) {
  play("cat <<'END'\n" + std::string(kTwoDevices) + "END\n");
  GpuProbe probe({.timeout = Millis{400}});
  ASSERT_EQ(probe.look().devices.size(), 2U);
  play("exec sleep 1000\n");

  const auto begin = std::chrono::steady_clock::now();
  const GpuReport& report = probe.look();

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20});
  EXPECT_TRUE(report.stale);
  EXPECT_EQ(report.devices.size(), 2U);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, Errc::timeout);
  EXPECT_THAT(report.error->message, testing::HasSubstr("timed out after 400 ms"));
}

TEST_F(GpuProbeTest, AGoodLookEndsStaleness) {
  play("exit 1\n");
  GpuProbe probe;
  ASSERT_TRUE(probe.look().stale);
  play("cat <<'END'\n" + std::string(kTwoDevices) + "END\n");

  const GpuReport& report = probe.look();

  EXPECT_FALSE(report.stale);
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.devices.size(), 2U);
}

TEST_F(GpuProbeTest, RepeatsWhatABrokenDriverSays) {
  play("echo 'Failed to initialize NVML: Driver/library version mismatch' >&2; exit 18\n");
  GpuProbe probe;

  const GpuReport& report = probe.look();

  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, Errc::unavailable);
  EXPECT_THAT(report.error->message,
              testing::HasSubstr("ended with code 18: Failed to initialize"));
}

TEST_F(GpuProbeTest, AnEndlessAnswerIsCutOff) {
  play("exec yes\n");
  GpuProbe probe;

  const GpuReport& report = probe.look();

  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, Errc::too_large);
}

}  // namespace
}  // namespace galley::cluster
