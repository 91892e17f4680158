#include "attempt_fixture.h"

namespace galley::process {
namespace {

constexpr std::int64_t kMiB = 1024 * 1024;
using LimitsTest = AttemptFixture;

TEST_F(LimitsTest, PassingTheMemoryLimitIsReportedAsThat) {
  auto spec = command({"tail", "/dev/zero"});  // keeps the endless last line in memory
  spec.limits.memory_bytes = 32 * kMiB;
  spec.cgroup_name = cgroup_name();

  const auto exit = run(spec);

  if (exit.enforcement.memory == LimitBy::rlimit) {
    EXPECT_NE(exit.shell_code(), 0);
    GTEST_SKIP() << "no memory cgroup is writable here";
  }
  EXPECT_EQ(exit.reason, ExitReason::out_of_memory);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(exit.message,
            "it used more than its memory limit of 32 MiB and the kernel killed a process");
}

TEST_F(LimitsTest, AKilledWorkerOfAFailingCommandCountsToo) {
  auto spec = shell("tail /dev/zero; exit 5");
  spec.limits.memory_bytes = 32 * kMiB;
  spec.cgroup_name = cgroup_name();

  const auto exit = run(spec);

  if (exit.enforcement.memory == LimitBy::rlimit)
    GTEST_SKIP() << "no memory cgroup is writable here";
  EXPECT_EQ(exit.reason, ExitReason::out_of_memory);
  EXPECT_EQ(exit.exit_code, 5);
}

TEST_F(LimitsTest, WithoutACgroupAnRlimitHoldsTheMemory) {
  auto spec = command({"tail", "/dev/zero"});
  spec.limits.memory_bytes = 32 * kMiB;

  const auto exit = run(spec);

  EXPECT_EQ(exit.enforcement.memory, LimitBy::rlimit);
  EXPECT_EQ(exit.enforcement.tree, LimitBy::nothing);
  EXPECT_EQ(exit.reason, ExitReason::exited);
  EXPECT_NE(exit.exit_code, 0);
  EXPECT_THAT(log(), ::testing::HasSubstr("memory exhausted"));
}

TEST_F(LimitsTest, TheEnforcementIsKnownWhileItRuns) {
  Gate go(temp_ / "go");
  auto spec = shell("read x < " + go.str());
  spec.limits.cpus = 1;
  auto handle = launch(spec);
  ASSERT_TRUE(handle) << describe(handle.error());

  EXPECT_EQ(handle->enforcement().cpus, LimitBy::nothing);
  EXPECT_EQ(handle->enforcement().memory, LimitBy::not_asked);

  go.open();
  wait(*handle);
}

TEST_F(LimitsTest, TheCgroupsAreGoneAfterwards) {
  auto spec = command({"true"});
  spec.limits = {.cpus = 0.5, .memory_bytes = 64 * kMiB, .processes = 50};
  spec.cgroup_name = cgroup_name();

  run(spec);

  const auto record = parse_supervisor(file(attempt_file::kPid));
  ASSERT_TRUE(record) << describe(record.error());
  for (const auto& folder : record->cgroup_folders)
    EXPECT_FALSE(std::filesystem::exists(folder)) << folder;
}

}  // namespace
}  // namespace galley::process
