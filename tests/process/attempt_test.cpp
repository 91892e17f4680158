// Starting a command and what it prints.
#include <sys/wait.h>

#include <cstring>
#include <fstream>
#include <random>

#include "attempt_fixture.h"

namespace galley::process {
namespace {

using AttemptTest = AttemptFixture;

TEST_F(AttemptTest, RunsACommandAndKeepsItsOutputInOrder) {
  const auto exit = run(shell("echo one; echo two >&2; echo three; exit 3"));

  EXPECT_EQ(exit.reason, ExitReason::exited);
  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_FALSE(exit.signal);
  EXPECT_EQ(exit.message, "exited with code 3");
  EXPECT_EQ(exit.log_bytes, 14);
  EXPECT_EQ(exit.log_lost_bytes, 0);
  EXPECT_GT(exit.max_rss_bytes, 0);
  EXPECT_GE(exit.finished, exit.started);
  EXPECT_EQ(log(), "one\ntwo\nthree\n");
}

TEST_F(AttemptTest, ASuccessHasNothingToSay) {
  const auto exit = run(command({"true"}));

  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_EQ(exit.message, "");
  EXPECT_EQ(log(), "");
  EXPECT_EQ(file(attempt_file::kSupervisorLog), "");
}

TEST_F(AttemptTest, LargeOutputIsByteExact) {
  std::string bytes(50'000'000, '\0');
  std::mt19937_64 random(11);
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    const auto word = random();
    std::memcpy(bytes.data() + i, &word, sizeof word);
  }
  std::ofstream(temp_ / "random", std::ios::binary) << bytes;
  auto spec = command({"cat", (temp_ / "random").string()});
  spec.log_limit_bytes = 64'000'000;  // so that it spans the head and some of the tail

  const auto exit = run(spec);

  EXPECT_EQ(exit.log_bytes, std::ssize(bytes));
  EXPECT_TRUE(log() == bytes);
}

TEST_F(AttemptTest, PastTheLogLimitTheMiddleIsDropped) {
  auto spec = shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
  spec.log_limit_bytes = 16'384;

  const auto exit = run(spec);
  const std::string text = log();

  EXPECT_GT(exit.log_bytes, 200'000);
  EXPECT_LT(std::ssize(text), 16'384 + 100);
  EXPECT_THAT(text, ::testing::StartsWith("line 0\nline 1\n"));
  EXPECT_THAT(text, ::testing::HasSubstr(" bytes dropped here]\n"));
  EXPECT_THAT(text, ::testing::EndsWith("line 19998\nline 19999\n"));
  EXPECT_EQ(*LogReader(folder_).length(), exit.log_bytes);
}

TEST_F(AttemptTest, BytesThatAreNoTextAreKept) {
  run(shell("printf '\\377\\376\\000\\200x'"));

  EXPECT_EQ(log(), std::string("\xff\xfe\0\x80x", 5));
}

TEST_F(AttemptTest, ProgressLinesAreCopiedWhereNothingIsDropped) {
  auto spec = shell(
      "echo galley:: step=1; echo other; "
      "i=0; while [ $i -lt 5000 ]; do echo noise $i; i=$((i+1)); done; "
      "echo galley:: step=2 >&2; printf 'galley:: step=3'");
  spec.log_limit_bytes = 4'096;

  run(spec);

  EXPECT_EQ(file(attempt_file::kProgress), "galley:: step=1\ngalley:: step=2\ngalley:: step=3\n");
}

TEST_F(AttemptTest, AFollowerSeesOutputWhileItRuns) {
  Gate printed(temp_ / "printed");
  Gate go_on(temp_ / "go_on");
  auto handle = launch(
      shell("echo first; echo > " + printed.str() + "; read x < " + go_on.str() + "; echo second"));
  ASSERT_TRUE(handle) << describe(handle.error());
  const LogReader reader(folder_);

  printed.receive();
  LogChunk chunk;
  // The shell has written; the supervisor copies within moments.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (chunk.bytes.empty() && std::chrono::steady_clock::now() < deadline)
    chunk = reader.read(0, 100).value_or({});
  EXPECT_EQ(chunk.bytes, "first\n");
  EXPECT_EQ(handle->status()->state, AttemptState::running);

  go_on.open();
  wait(*handle);
  EXPECT_EQ(reader.read(chunk.next_offset, 100)->bytes, "second\n");
}

TEST_F(AttemptTest, TheCommandSeesOnlyWhatItsSpecSays) {
  auto spec = shell("env; pwd; ls /proc/$$/fd; readlink /proc/$$/fd/0");
  spec.env = {"PATH=/usr/bin:/bin", "LANG=C", "GREETING=hi there"};

  run(spec);

  // PWD, SHLVL and _ are the shell's own doing.
  EXPECT_THAT(log(),
              ::testing::AllOf(::testing::HasSubstr("GREETING=hi there\n"),
                               ::testing::HasSubstr("GALLEY_ATTEMPT_DIR=" + folder_.string()),
                               ::testing::Not(::testing::HasSubstr("HOME=")),
                               ::testing::HasSubstr("\n" + temp_.path().string() + "\n"),
                               ::testing::HasSubstr("\n0\n1\n2\n/dev/null\n")));
}

TEST_F(AttemptTest, WhatComesAfterItIsRunOnceItHasEnded) {
  auto spec = shell("echo command >> order; exit 3");
  spec.env.emplace_back("WHO=after");
  spec.after = {"/bin/sh", "-c", "echo $WHO >> " + (temp_ / "order").string() + "; exit 1"};

  const auto exit = run(spec);

  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_EQ(exit.message, "exited with code 3") << "a failure of it says nothing about the command";
  EXPECT_EQ(read_file(temp_ / "order", 100).value_or(""), "command\nafter\n");
}

TEST_F(AttemptTest, TheCommandsOwnPathFindsIt) {
  std::ofstream(temp_ / "hello") << "#!/bin/sh\necho found\n";
  std::filesystem::permissions(temp_ / "hello", std::filesystem::perms::owner_all);
  auto spec = command({"hello"});
  spec.env = {"PATH=" + temp_.path().string()};

  run(spec);

  EXPECT_EQ(log(), "found\n");
}

TEST_F(AttemptTest, AnUnknownCommandSaysSoInStatusAndLog) {
  const auto exit = run(command({"no-such-command", "--flag"}));

  EXPECT_EQ(exit.reason, ExitReason::start_failed);
  EXPECT_EQ(exit.exit_code, 127);
  EXPECT_EQ(exit.message, "cannot start 'no-such-command': No such file or directory");
  EXPECT_EQ(log(), "[galley: cannot start 'no-such-command': No such file or directory]\n");
}

TEST_F(AttemptTest, AFileThatIsNoProgramSaysSo) {
  std::ofstream(temp_ / "data") << "text";

  const auto exit = run(command({(temp_ / "data").string()}));

  EXPECT_EQ(exit.reason, ExitReason::start_failed);
  EXPECT_EQ(exit.exit_code, 126);
  EXPECT_THAT(exit.message, ::testing::EndsWith("Permission denied"));
}

TEST_F(AttemptTest, AMissingInterpreterIsNotCalledAMissingFile) {
  std::ofstream(temp_ / "script") << "#!/no/such/python\n";
  std::filesystem::permissions(temp_ / "script", std::filesystem::perms::owner_all);

  const auto exit = run(command({"./script"}));

  EXPECT_EQ(exit.exit_code, 127);
  EXPECT_THAT(exit.message, ::testing::HasSubstr("the interpreter or loader"));
}

TEST_F(AttemptTest, AMissingWorkFolderIsNamed) {
  auto spec = command({"true"});
  spec.workdir = "/no/such/folder";

  const auto exit = run(spec);

  EXPECT_EQ(exit.reason, ExitReason::start_failed);
  EXPECT_EQ(exit.message,
            "cannot start 'true' in folder '/no/such/folder': No such file or directory");
}

TEST_F(AttemptTest, LaunchRefusesAUsedFolder) {
  run(command({"true"}));

  EXPECT_EQ(launch(command({"true"})).error().code, Errc::conflict);
}

TEST_F(AttemptTest, LaunchRefusesABadSpecAndLeavesNothing) {
  auto spec = command({"true"});
  spec.workdir = "relative";

  EXPECT_EQ(launch(spec).error().field, "workdir");
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

TEST_F(AttemptTest, LaunchNamesAMissingSupervisor) {
  const auto handle = AttemptHandle::launch(folder_, command({"true"}), "/no/such/galley-job");

  ASSERT_FALSE(handle);
  EXPECT_EQ(handle.error().code, Errc::not_found);
  EXPECT_THAT(handle.error().message, ::testing::HasSubstr("'/no/such/galley-job'"));
}

TEST_F(AttemptTest, ASupervisorThatCannotBeginSaysWhy) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / (attempt_file::kLogTail + std::string(20, '0'))) << "in the way";

  const auto handle = launch(command({"true"}));

  ASSERT_FALSE(handle);
  EXPECT_EQ(handle.error().code, Errc::unavailable);
  EXPECT_THAT(handle.error().message, ::testing::HasSubstr("already holds a log"));
}

TEST_F(AttemptTest, TheSpecIsNotForOtherUsersEyes) {
  run(command({"true"}));

  const auto mode = std::filesystem::status(folder_ / attempt_file::kSpec).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(AttemptTest, SupervisorsLeaveNoZombies) {
  run(command({"true"}));

  EXPECT_LT(::waitpid(-1, nullptr, WNOHANG), 0);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(AttemptTest, DataSetsAppearReadOnly) {
  std::filesystem::create_directories(temp_ / "data");
  std::ofstream(temp_ / "data/rows") << "42\n";
  auto spec = shell("cat in/set/rows; echo x > in/set/rows; echo code $?");
  spec.read_only_binds = {{temp_ / "data", temp_ / "in/set"}};

  const auto exit = run(spec);

  EXPECT_EQ(exit.reason, ExitReason::exited) << exit.message;
  const std::string text = log();
  EXPECT_THAT(text, ::testing::HasSubstr("42\n"));
  if (text.find("data sets are links") != std::string::npos)
    GTEST_SKIP() << "no private mounts here: file modes protect data sets";
  EXPECT_THAT(text, ::testing::HasSubstr("Read-only file system"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("code 0")));
  EXPECT_EQ(read_file(temp_ / "data/rows", 100).value_or(""), "42\n");
  EXPECT_TRUE(std::filesystem::is_empty(temp_ / "in/set")) << "the mount must not be seen outside";
}

TEST_F(AttemptTest, AMissingDataSetIsNamed) {
  auto spec = command({"true"});
  spec.read_only_binds = {{"/no/such/set", temp_ / "in"}};

  const auto exit = run(spec);

  EXPECT_EQ(exit.reason, ExitReason::start_failed);
  EXPECT_THAT(exit.message, ::testing::HasSubstr("cannot show '/no/such/set'"));
}

}  // namespace
}  // namespace galley::process
