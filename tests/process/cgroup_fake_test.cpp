#include <gmock/gmock.h>

#include <fstream>

#include "base/file.h"
#include "process/cgroup.h"
#include "support/temp_folder.h"

namespace galley::process {
namespace {

using galley::testing::TempFolder;

/// A folder that plays a cgroup file system: the files that the kernel would make are made before.
class FakeCgroup : public ::testing::Test {
 protected:
  void put(const std::string& file, const std::string& text = "") {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  std::string get(const std::string& file) {
    return read_file(root_ / file, 4096).value_or("(absent)");
  }

  TempFolder root_;
  static constexpr ResourceLimits kLimits{.cpus = 1.5, .memory_bytes = 1 << 20, .processes = 64};
};

TEST_F(FakeCgroup, WritesTheLimitsOfV2) {
  put("cgroup.controllers", "cpuset cpu io memory pids\n");
  put("cgroup.subtree_control", "cpu memory pids\n");
  for (const char* file : {"cpu.max", "memory.max", "memory.swap.max", "pids.max"})
    put(std::string("a1/") + file);
  CgroupLayout layout;
  layout.v2 = root_.path();

  const auto group = Cgroup::create(layout, "a1", kLimits);

  ASSERT_TRUE(group) << group.error().message;
  EXPECT_EQ(get("a1/cpu.max"), "150000 100000");
  EXPECT_EQ(get("a1/memory.max"), "1048576");
  EXPECT_EQ(get("a1/memory.swap.max"), "0");
  EXPECT_EQ(get("a1/pids.max"), "64");
  EXPECT_EQ(group->enforcement().cpus, LimitBy::cgroup_v2);
  EXPECT_EQ(group->enforcement().memory, LimitBy::cgroup_v2);
  EXPECT_EQ(group->enforcement().processes, LimitBy::cgroup_v2);
  EXPECT_EQ(group->enforcement().tree, LimitBy::cgroup_v2);
  EXPECT_THAT(group->folders(), ::testing::ElementsAre(root_ / "a1"));
}

TEST_F(FakeCgroup, EnablesAControllerThatIsAvailable) {
  put("cgroup.controllers", "cpu memory\n");
  put("cgroup.subtree_control");
  put("a1/cpu.max");
  CgroupLayout layout;
  layout.v2 = root_.path();

  const auto group = Cgroup::create(layout, "a1", {.cpus = 2});

  ASSERT_TRUE(group);
  EXPECT_EQ(get("cgroup.subtree_control"), "+cpu");
  EXPECT_EQ(group->enforcement().cpus, LimitBy::cgroup_v2);
  EXPECT_EQ(group->enforcement().memory, LimitBy::not_asked);
}

TEST_F(FakeCgroup, AProcessInTheLeafMakesItsGroupsBesideIt) {
  put("cgroup.controllers", "cpu\n");
  put("cgroup.subtree_control", "cpu\n");
  put("galley-agent/cgroup.procs");
  put("a1/cpu.max");
  CgroupLayout layout;
  layout.v2 = root_ / "galley-agent";

  const auto group = Cgroup::create(layout, "a1", {.cpus = 1});

  ASSERT_TRUE(group);
  EXPECT_EQ(group->enforcement().cpus, LimitBy::cgroup_v2);
  EXPECT_THAT(group->folders(), ::testing::ElementsAre(root_ / "a1"));
}

TEST_F(FakeCgroup, WritesTheLimitsOfV1WhereV2LacksTheController) {
  put("v2/cgroup.controllers", "hugetlb\n");
  for (const char* file :
       {"cpu/a1/cpu.cfs_period_us", "cpu/a1/cpu.cfs_quota_us", "memory/a1/memory.limit_in_bytes",
        "memory/a1/memory.memsw.limit_in_bytes", "pids/a1/pids.max", "freezer/a1/freezer.state",
        "devices/a1/devices.deny"})
    put(file);
  CgroupLayout layout{root_ / "cpu",     root_ / "memory",  root_ / "pids",
                      root_ / "freezer", root_ / "devices", root_ / "v2"};

  const CharDevice other{195, 3};
  const auto group = Cgroup::create(layout, "a1", kLimits, {&other, 1});

  ASSERT_TRUE(group);
  EXPECT_EQ(get("devices/a1/devices.deny"), "c 195:3 rwm");
  EXPECT_EQ(group->enforcement().devices, LimitBy::cgroup_v1);
  EXPECT_EQ(get("cpu/a1/cpu.cfs_quota_us"), "150000");
  EXPECT_EQ(get("cpu/a1/cpu.cfs_period_us"), "100000");
  EXPECT_EQ(get("memory/a1/memory.limit_in_bytes"), "1048576");
  EXPECT_EQ(get("memory/a1/memory.memsw.limit_in_bytes"), "1048576");
  EXPECT_EQ(get("pids/a1/pids.max"), "64");
  EXPECT_EQ(group->enforcement().cpus, LimitBy::cgroup_v1);
  EXPECT_EQ(group->enforcement().tree, LimitBy::cgroup_v1);
  EXPECT_EQ(group->folders().size(), 6U);  // v2 was tried for the devices
}

TEST_F(FakeCgroup, SaysThatNothingHoldsTheLimitsWithoutCgroups) {
  const CharDevice other{195, 3};
  const auto group = Cgroup::create({}, "a1", kLimits, {&other, 1});

  ASSERT_TRUE(group);
  EXPECT_EQ(group->enforcement().devices, LimitBy::nothing);
  EXPECT_EQ(group->enforcement().cpus, LimitBy::nothing);
  EXPECT_EQ(group->enforcement().memory, LimitBy::nothing);
  EXPECT_EQ(group->enforcement().tree, LimitBy::nothing);
  EXPECT_TRUE(group->folders().empty());
  EXPECT_TRUE(group->kill_all(Millis{0}));
  EXPECT_TRUE(group->remove());
}

TEST_F(FakeCgroup, CountsOomKillsOfBothVersions) {
  put("v1/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  put("v2/memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 0\n");

  EXPECT_EQ(Cgroup::reopen({root_ / "v1"}).oom_kills(), 3);
  EXPECT_EQ(Cgroup::reopen({root_ / "v2"}).oom_kills(), 2);
  EXPECT_EQ(Cgroup::reopen({}).oom_kills(), 0);
}

TEST_F(FakeCgroup, RefusesNamesThatLeaveTheFolder) {
  for (const char* name : {"", ".", "..", "a/b", "../x", "a\nb"})
    EXPECT_EQ(Cgroup::create({}, name, {}).error().code, Errc::invalid_argument) << name;
}

}  // namespace
}  // namespace galley::process
