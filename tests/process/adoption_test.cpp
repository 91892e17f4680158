// Owners and supervisors that are killed.
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <fstream>

#include "attempt_fixture.h"

namespace galley::process {
namespace {

class AdoptionTest : public AttemptFixture {
 protected:
  /// Launches from another process, which is then killed with its whole process group.
  void launch_from_a_killed_owner(const AttemptSpec& spec) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t owner = ::fork();
    if (owner == 0) {
      ::setpgid(0, 0);
      const auto handle = launch(spec);
      const char result = handle ? '+' : '-';
      if (::write(ends[1], &result, 1) == 1)
        for (;;) ::pause();
      ::_exit(1);
    }
    ::close(ends[1]);
    char result = 0;
    EXPECT_EQ(::read(ends[0], &result, 1), 1);
    EXPECT_EQ(result, '+');
    ::close(ends[0]);
    EXPECT_EQ(::kill(-owner, SIGKILL), 0);
    EXPECT_EQ(::waitpid(owner, nullptr, 0), owner);
  }
  SupervisorRecord record() const {
    auto record = parse_supervisor(file(attempt_file::kPid));
    GALLEY_CHECK(record.has_value(), "a running attempt has its record");
    return *std::move(record);
  }
};

TEST_F(AdoptionTest, TheCommandOutlivesAKilledOwnerAndItsGroup) {
  Gate go(temp_ / "go");
  launch_from_a_killed_owner(shell("echo before; read x < " + go.str() + "; echo after; exit 7"));

  auto handle = AttemptHandle::adopt(folder_);
  ASSERT_TRUE(handle) << describe(handle.error());
  EXPECT_EQ(handle->status()->state, AttemptState::running);
  EXPECT_GE(handle->exit_fd(), 0);
  EXPECT_FALSE(wait_readable(handle->exit_fd(), Millis{0}));

  go.open();
  const auto exit = wait(*handle);
  EXPECT_EQ(exit.exit_code, 7);
  EXPECT_EQ(log(), "before\nafter\n");
}

TEST_F(AdoptionTest, AnAdoptedAttemptCanBeCancelled) {
  Gate ready(temp_ / "ready");
  launch_from_a_killed_owner(shell("echo > " + ready.str() + "; exec sleep 1000"));
  ready.receive();
  auto handle = AttemptHandle::adopt(folder_);
  ASSERT_TRUE(handle) << describe(handle.error());

  ASSERT_TRUE(handle->cancel());

  EXPECT_EQ(wait(*handle).reason, ExitReason::cancelled);
}

TEST_F(AdoptionTest, AnAttemptThatEndedMeanwhileIsFinished) {
  launch_from_a_killed_owner(shell("exit 9"));
  auto handle = AttemptHandle::adopt(folder_);
  ASSERT_TRUE(handle) << describe(handle.error());
  wait(*handle);

  auto again = AttemptHandle::adopt(folder_);

  ASSERT_TRUE(again);
  EXPECT_EQ(again->exit_fd(), -1);
  const auto status = again->status();
  ASSERT_EQ(status->state, AttemptState::finished);
  EXPECT_EQ(status->exit->exit_code, 9);
  EXPECT_TRUE(again->kill_leftovers());
}

/// With and without a cgroup to find the orphans by.
class DeathTest : public AdoptionTest, public ::testing::WithParamInterface<bool> {};

TEST_P(DeathTest, AKilledSupervisorIsSeenAndItsTreeCanBeEnded) {
  Gate born(temp_ / "born");
  auto spec = shell("setsid sh -c '(echo $$ > " + born.str() + "); exec sleep 1000' & echo $$ > " +
                    (temp_ / "main").string() + "; wait");
  Gate main(temp_ / "main");
  if (GetParam()) spec.cgroup_name = cgroup_name();
  auto handle = launch(spec);
  ASSERT_TRUE(handle) << describe(handle.error());
  const pid_t command = std::stoi(main.receive());
  const pid_t orphan = std::stoi(born.receive());
  EXPECT_EQ(handle->kill_leftovers().error().code, Errc::conflict);

  ASSERT_EQ(::kill(record().identity.pid, SIGKILL), 0);
  const auto status = handle->wait(kPatience);

  ASSERT_TRUE(status) << describe(status.error());
  EXPECT_EQ(status->state, AttemptState::died);
  EXPECT_TRUE(dies(command)) << "the kernel ends the command with its supervisor";

  auto adopted = AttemptHandle::adopt(folder_);
  ASSERT_TRUE(adopted) << describe(adopted.error());
  EXPECT_EQ(adopted->status()->state, AttemptState::died);
  const auto killed = adopted->kill_leftovers();
  EXPECT_TRUE(killed) << describe(killed.error());
  EXPECT_TRUE(dies(orphan));
  for (const auto& folder : record().cgroup_folders)
    EXPECT_FALSE(std::filesystem::exists(folder)) << folder;
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutCgroup, DeathTest, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "cgroup" : "environment"; });

TEST_F(AdoptionTest, AReusedPidIsNotTheSupervisor) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / attempt_file::kSpec) << print_spec(command({"true"}));
  const auto self = identify(::getpid());
  ASSERT_TRUE(self);
  auto reused = *self;
  reused.start_ticks -= 1;
  std::ofstream(folder_ / attempt_file::kPid) << print_supervisor({reused, {}, {}});

  auto handle = AttemptHandle::adopt(folder_);

  ASSERT_TRUE(handle) << describe(handle.error());
  EXPECT_EQ(handle->status()->state, AttemptState::died);
  EXPECT_TRUE(handle->cancel()) << "nobody is signalled";
}

TEST_F(AdoptionTest, ARestartedMachineMeansDied) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / attempt_file::kSpec) << print_spec(command({"true"}));
  auto rebooted = *identify(::getpid());
  rebooted.boot_id = "00000000-0000-0000-0000-000000000000";
  std::ofstream(folder_ / attempt_file::kPid) << print_supervisor({rebooted, {}, {}});

  auto handle = AttemptHandle::adopt(folder_);

  ASSERT_TRUE(handle);
  EXPECT_EQ(handle->status()->state, AttemptState::died);
}

TEST_F(AdoptionTest, ALaunchThatNeverHappenedIsNoAttempt) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / attempt_file::kSpec) << print_spec(command({"true"}));

  const auto handle = AttemptHandle::adopt(folder_);

  ASSERT_FALSE(handle);
  EXPECT_EQ(handle.error().code, Errc::not_found);
}

TEST_F(AdoptionTest, ASupervisorThatIsJustStartingIsWaitedFor) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / attempt_file::kSpec) << print_spec(command({"true"}));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  // Holds the lock like a supervisor before its record, and writes that once we are waiting.
  const pid_t starting = ::fork();
  if (starting == 0) {
    const int lock = ::open((folder_ / attempt_file::kLock).c_str(), O_RDWR | O_CREAT, 0600);
    if (::flock(lock, LOCK_EX) != 0 || ::write(ends[1], "x", 1) != 1) ::_exit(1);
    const auto self = identify(::getpid());
    if (!write_file_atomic(folder_ / attempt_file::kPid, print_supervisor({*self, {}, {}}),
                           Durability::memory))
      ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);

  auto handle = AttemptHandle::adopt(folder_);

  ASSERT_TRUE(handle) << describe(handle.error());
  EXPECT_EQ(handle->status()->state, AttemptState::running);
  ::kill(starting, SIGKILL);
  ::waitpid(starting, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  EXPECT_EQ(handle->status()->state, AttemptState::died);
}

TEST_F(AdoptionTest, AFolderWithoutAnAttemptIsNotFound) {
  EXPECT_EQ(AttemptHandle::adopt(folder_).error().code, Errc::not_found);
}

TEST_F(AdoptionTest, BrokenRecordsAreNamed) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / attempt_file::kSpec) << "{}";
  std::ofstream(folder_ / attempt_file::kPid) << "garbage";
  const auto handle = AttemptHandle::adopt(folder_);
  ASSERT_FALSE(handle);
  EXPECT_EQ(handle.error().code, Errc::corrupt);
  EXPECT_THAT(handle.error().message, ::testing::HasSubstr((folder_ / "pid").string()));

  std::filesystem::remove(folder_ / attempt_file::kPid);
  std::ofstream(folder_ / attempt_file::kExit) << std::string(4096, '\0');
  auto ended = AttemptHandle::adopt(folder_);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->status().error().code, Errc::corrupt);
}

}  // namespace
}  // namespace galley::process
