// All the ways in which a command ends.
#include <signal.h>

#include "attempt_fixture.h"

namespace galley::process {
namespace {

using EndingTest = AttemptFixture;

TEST_F(EndingTest, ASignalFromElsewhereIsTold) {
  const auto exit = run(shell("kill -SEGV $$"));

  EXPECT_EQ(exit.reason, ExitReason::signalled);
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_FALSE(exit.exit_code);
  EXPECT_EQ(exit.message, "ended by signal 11 (Segmentation fault)");
}

TEST_F(EndingTest, CancelLetsTheCommandFinishItsWay) {
  Gate ready(temp_ / "ready");
  auto handle = launch(shell("trap 'echo saved; exit 75' TERM; echo > " + ready.str() +
                             "; while :; do sleep 1000 & wait; done"));
  ASSERT_TRUE(handle) << describe(handle.error());
  ready.receive();

  ASSERT_TRUE(handle->cancel());
  const auto exit = wait(*handle);

  EXPECT_EQ(exit.reason, ExitReason::cancelled);
  EXPECT_EQ(exit.exit_code, 75);
  EXPECT_EQ(log(), "saved\n");
}

TEST_F(EndingTest, ACommandThatIgnoresItIsKilledAfterTheGrace) {
  Gate ready(temp_ / "ready");
  auto spec = shell("trap '' TERM; echo $$ > " + ready.str() + "; while :; do :; done");
  spec.grace = Millis{100};
  auto handle = launch(spec);
  ASSERT_TRUE(handle) << describe(handle.error());
  const pid_t command = std::stoi(ready.receive());

  ASSERT_TRUE(handle->cancel());
  const auto exit = wait(*handle);

  EXPECT_EQ(exit.reason, ExitReason::cancelled);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(exit.message, "cancelled; it did not end within the grace of 0.1 s");
  EXPECT_GE((exit.finished - exit.started).count(), 100);
  EXPECT_TRUE(dies(command));
}

TEST_F(EndingTest, CancelIsNotOutrunByEndlessOutput) {
  Gate ready(temp_ / "ready");
  auto spec = shell("trap '' TERM; echo > " + ready.str() + "; exec yes");
  spec.grace = Millis{50};
  spec.log_limit_bytes = 1 << 20;
  auto handle = launch(spec);
  ASSERT_TRUE(handle);
  ready.receive();

  ASSERT_TRUE(handle->cancel());

  EXPECT_EQ(wait(*handle).reason, ExitReason::cancelled);
}

TEST_F(EndingTest, CancellingTwiceOrTooLateIsHarmless) {
  Gate ready(temp_ / "ready");
  auto handle = launch(shell("echo > " + ready.str() + "; exec sleep 1000"));
  ASSERT_TRUE(handle);
  ready.receive();

  EXPECT_TRUE(handle->cancel());
  EXPECT_TRUE(handle->cancel());
  EXPECT_EQ(wait(*handle).signal, SIGTERM);
  EXPECT_TRUE(handle->cancel());
}

TEST_F(EndingTest, TheTimeLimitEndsIt) {
  auto spec = command({"sleep", "1000"});
  spec.max_runtime = Millis{150};

  const auto exit = run(spec);

  EXPECT_EQ(exit.reason, ExitReason::timeout);
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_EQ(exit.message, "ended after its max_runtime of 0.1 s");
  EXPECT_GE((exit.finished - exit.started).count(), 150);
}

TEST_F(EndingTest, TheTimeLimitHasTheSameGrace) {
  auto spec = shell("trap '' TERM; while :; do :; done");
  spec.max_runtime = Millis{50};
  spec.grace = Millis{0};

  const auto exit = run(spec);

  EXPECT_EQ(exit.reason, ExitReason::timeout);
  EXPECT_EQ(exit.signal, SIGKILL);
}

/// With and without a cgroup: what the command leaves behind dies with it.
class LeftoverTest : public AttemptFixture, public ::testing::WithParamInterface<bool> {};

TEST_P(LeftoverTest, AnEscapedGrandchildDiesWithTheCommand) {
  Gate born(temp_ / "born");
  // Its own session and group, its parent gone, its output elsewhere, deaf to SIGTERM.
  auto spec = shell("setsid sh -c 'trap \"\" TERM HUP; (echo $$ > " + born.str() +
                    "); exec sleep 1000' > /dev/null 2>&1 & read x < " + (temp_ / "go").string());
  Gate go(temp_ / "go");
  if (GetParam()) spec.cgroup_name = cgroup_name();
  auto handle = launch(spec);
  ASSERT_TRUE(handle) << describe(handle.error());
  const pid_t escaped = std::stoi(born.receive());
  const auto identity = identify(escaped);
  ASSERT_TRUE(identity);
  EXPECT_TRUE(is_alive(*identity));

  go.open();
  const auto exit = wait(*handle);

  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_FALSE(is_alive(*identity));
}

TEST_P(LeftoverTest, WhatALeftoverPrintedBeforeItsEndIsKept) {
  Gate printed(temp_ / "printed");
  auto spec = shell("(echo from behind; echo > " + printed.str() +
                    "; exec sleep 1000) & read x < " + (temp_ / "go").string() + "; echo last");
  Gate go(temp_ / "go");
  if (GetParam()) spec.cgroup_name = cgroup_name();
  auto handle = launch(spec);
  ASSERT_TRUE(handle);
  printed.receive();
  go.open();

  wait(*handle);

  EXPECT_EQ(log(), "from behind\nlast\n");
}

TEST_P(LeftoverTest, AForkingTreeIsEndedToo) {
  Gate ready(temp_ / "ready");
  // Each generation starts the next and dies, so that no list of processes is ever true for long.
  auto spec = shell("hop() { hop & }; hop; echo > " + ready.str() + "; exec sleep 1000");
  spec.grace = Millis{0};
  if (GetParam()) spec.cgroup_name = cgroup_name();
  auto handle = launch(spec);
  ASSERT_TRUE(handle);
  ready.receive();

  ASSERT_TRUE(handle->cancel());
  const auto exit = wait(*handle);

  EXPECT_EQ(exit.reason, ExitReason::cancelled);
  EXPECT_LT((exit.finished - exit.started).count(), 9'000) << "the tree outran its end";
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutCgroup, LeftoverTest, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "cgroup" : "tree"; });

}  // namespace
}  // namespace galley::process
