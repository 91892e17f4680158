#include <gmock/gmock.h>

#include <fstream>

#include "process/cgroup.h"
#include "support/temp_folder.h"

namespace galley::process {
namespace {

using galley::testing::TempFolder;

TEST(CgroupLayout, FindsOurGroupsInAHybridMachine) {
  const auto layout = CgroupLayout::parse(
      "30 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
      "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
      "4:cpu,cpuacct:/\n3:memory:/box/one\n0::/leaf\n");

  EXPECT_EQ(layout.v1_cpu, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout.v1_memory, "/sys/fs/cgroup/memory/box/one");
  EXPECT_EQ(layout.v1_pids, "");
  EXPECT_EQ(layout.v2, "/sys/fs/cgroup/unified/leaf");
}

TEST(CgroupLayout, FindsOurGroupInAPureV2Machine) {
  const auto layout =
      CgroupLayout::parse("31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
                          "0::/user.slice/user-1000.slice/app.scope\n");

  EXPECT_EQ(layout.v2, "/sys/fs/cgroup/user.slice/user-1000.slice/app.scope");
  EXPECT_EQ(layout.v1_cpu, "");
}

TEST(CgroupLayout, AContainersMountShowsOnlyItsPart) {
  const auto layout = CgroupLayout::parse(
      "31 30 0:27 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
      "3:memory:/docker/abc/inner\n");
  const auto outside = CgroupLayout::parse("31 30 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                                           "0::/../../elsewhere\n");

  EXPECT_EQ(layout.v1_memory, "/sys/fs/cgroup/memory/inner");
  EXPECT_EQ(outside.v2, "");
}

TEST(CgroupLayout, OwnLimitsAreTheTightestOnTheWayUp) {
  const TempFolder root;
  const auto put = [&](const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  };
  put("slice/cgroup.procs", "");
  put("slice/cpu.max", "150000 100000\n");
  put("slice/memory.max", "1000000\n");
  put("slice/own/cgroup.procs", "");
  put("slice/own/cpu.max", "max 100000\n");
  put("slice/own/memory.max", "2000000\n");
  put("slice/own/pids.max", "max\n");
  CgroupLayout layout;
  layout.v2 = root / "slice/own";

  const auto limits = layout.own_limits();

  EXPECT_DOUBLE_EQ(limits.cpus, 1.5);
  EXPECT_EQ(limits.memory_bytes, 1'000'000);
  EXPECT_EQ(limits.processes, 0);
}

TEST(CgroupLayout, OwnLimitsOfV1) {
  const TempFolder root;
  std::ofstream(root / "cgroup.procs") << "";
  std::ofstream(root / "cpu.cfs_quota_us") << "50000\n";
  std::ofstream(root / "cpu.cfs_period_us") << "100000\n";
  std::ofstream(root / "memory.limit_in_bytes") << "9223372036854771712\n";
  CgroupLayout layout;
  layout.v1_cpu = root.path();
  layout.v1_memory = root.path();

  const auto limits = layout.own_limits();

  EXPECT_DOUBLE_EQ(limits.cpus, 0.5);
  EXPECT_EQ(limits.memory_bytes, 0);  // v1's way to say "none"
}

}  // namespace
}  // namespace galley::process
