// The cgroups of the machine that the tests run on.
#include "process/cgroup.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "attempt_fixture.h"

namespace galley::process {
namespace {

class CgroupTest : public ::testing::Test {
 protected:
  Cgroup create(const CgroupLayout& layout, const ResourceLimits& limits,
                std::span<const CharDevice> denied = {}) {
    auto group =
        Cgroup::create(layout, "galley-test-" + temp_.path().filename().string(), limits, denied);
    GALLEY_CHECK(group.has_value(), "a plain name is accepted");
    return *std::move(group);
  }
  /// A child that joins the group, starts two more processes and waits for ever.
  pid_t start_members(const Cgroup& group) {
    const auto joins = group.open_joins();
    GALLEY_CHECK(joins.has_value(), "own cgroups can be joined");
    int ends[2];
    GALLEY_CHECK(::pipe(ends) == 0, "pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      for (const UniqueFd& join : *joins)
        if (::write(join.get(), "0", 1) != 1) ::_exit(1);
      ::fork();
      ::fork();
      GALLEY_CHECK(::write(ends[1], "x", 1) == 1, "pipe");
      for (;;) ::pause();
    }
    char byte = 0;
    for (int i = 0; i < 4; ++i) GALLEY_CHECK(::read(ends[0], &byte, 1) == 1, "four members");
    ::close(ends[0]);
    ::close(ends[1]);
    return child;
  }
  void check_kill_and_remove(const CgroupLayout& layout) {
    const Cgroup group = create(layout, {});
    if (group.folders().empty()) GTEST_SKIP() << "no such cgroup is writable here";
    const pid_t child = start_members(group);
    EXPECT_EQ(group.remove().error().code, Errc::conflict);

    const auto killed = group.kill_all(kPatience);

    EXPECT_TRUE(killed) << killed.error().message;
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    const auto removed = group.remove();
    EXPECT_TRUE(removed) << removed.error().message;
    EXPECT_TRUE(group.remove()) << "removing twice is harmless";
  }

  static constexpr int kNoCgroup = 77;
  /// In a child that is in a group from which /dev/zero is kept: 0 when it can open nothing else.
  int open_devices_within(const CgroupLayout& layout) {
    constexpr CharDevice kZero{1, 5};
    const Cgroup group = create(layout, {}, {&kZero, 1});
    if (group.enforcement().devices == LimitBy::nothing) {
      (void)group.remove().has_value();
      return kNoCgroup;
    }
    const auto joins = group.open_joins();
    GALLEY_CHECK(joins.has_value(), "own cgroups can be joined");
    const pid_t child = ::fork();
    if (child == 0) {
      for (const UniqueFd& join : *joins)
        if (::write(join.get(), "0", 1) != 1) ::_exit(1);
      const UniqueFd others(::open("/dev/null", O_RDWR));
      const UniqueFd file(::open("/proc/self/stat", O_RDONLY));
      if (!others || !file) ::_exit(2);
      const UniqueFd denied(::open("/dev/zero", O_RDONLY));
      ::_exit(!denied && errno == EPERM ? 0 : 3);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(group.remove());
    return WEXITSTATUS(status);
  }

  TempFolder temp_;
};

TEST_F(CgroupTest, V1KeepsDevicesAway) {
  CgroupLayout layout;
  layout.v1_devices = CgroupLayout::detect().v1_devices;
  const int code = open_devices_within(layout);
  if (code == kNoCgroup) GTEST_SKIP() << "no such cgroup is writable here";
  EXPECT_EQ(code, 0);
}

TEST_F(CgroupTest, V2KeepsDevicesAway) {
  // A hierarchy of version 2 can be looked at beside those of version 1, in mounts of its own.
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", temp_.path().c_str(), "cgroup2", 0, nullptr) != 0)
      ::_exit(kNoCgroup);
    CgroupLayout layout;
    layout.v2 = temp_.path();
    ::_exit(open_devices_within(layout));
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoCgroup) GTEST_SKIP() << "no such cgroup can be had here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(CgroupTest, KillsAllMembersOfAV1Group) {
  CgroupLayout layout = CgroupLayout::detect();
  layout.v2.clear();
  check_kill_and_remove(layout);
}

TEST_F(CgroupTest, KillsAllMembersOfAV2Group) {
  CgroupLayout layout;
  layout.v2 = CgroupLayout::detect().v2;
  check_kill_and_remove(layout);
}

TEST_F(CgroupTest, EveryLimitIsHeldOrReported) {
  const Cgroup group =
      create(CgroupLayout::detect(), {.cpus = 0.5, .memory_bytes = 64 << 20, .processes = 10});

  // What is said to hold must be readable where the kernel keeps it.
  for (const auto& folder : group.folders()) {
    const auto limits = [&] {
      CgroupLayout inner;
      inner.v1_cpu = inner.v1_memory = inner.v1_pids = inner.v2 = folder;
      return inner.own_limits();
    }();
    const auto name = folder.string();
    if (name.find("/cpu") != std::string::npos) {
      EXPECT_DOUBLE_EQ(limits.cpus, 0.5);
    }
    if (name.find("/memory") != std::string::npos) {
      EXPECT_LE(limits.memory_bytes, 64 << 20);
      EXPECT_GT(limits.memory_bytes, 0);
    }
    if (name.find("/pids") != std::string::npos) {
      EXPECT_EQ(limits.processes, 10);
    }
  }
  EXPECT_TRUE(group.remove());
}

TEST_F(CgroupTest, AGroupLeftByAPredecessorIsEmptiedAndUsedAgain) {
  const Cgroup first = create(CgroupLayout::detect(), {});
  if (first.folders().empty()) GTEST_SKIP() << "no cgroup is writable here";
  const pid_t child = start_members(first);

  const Cgroup second = create(CgroupLayout::detect(), {});

  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(second.remove());
}

}  // namespace
}  // namespace galley::process
