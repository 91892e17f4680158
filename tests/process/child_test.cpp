#include "process/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "attempt_fixture.h"

namespace galley::process {
namespace {

std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

/// True when this process has no child left, alive or unreaped.
bool childless() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

TEST(RunChild, ReturnsBothStreamsAndTheCode) {
  const auto output = run_child(shell("echo out; echo err >&2; exit 3"));

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->stdout_bytes, "out\n");
  EXPECT_EQ(output->stderr_bytes, "err\n");
  EXPECT_EQ(output->exit_code, 3);
  EXPECT_FALSE(output->succeeded());
  EXPECT_TRUE(childless());
}

TEST(RunChild, HandsOutOutputAsItComesAndKeepsTheEnd) {
  std::string seen;
  const auto output = run_child(
      shell("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo e >&2"),
      {.max_output_bytes = 100, .on_output = [&](std::string_view piece) { seen += piece; }});

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->stdout_bytes.size(), 100U);
  EXPECT_TRUE(output->stdout_bytes.ends_with("line 1999\n"));
  EXPECT_EQ(output->stderr_bytes, "e\n");
  EXPECT_TRUE(seen.starts_with("line 0\nline 1\n"));
  EXPECT_GT(seen.size(), 17'000U);
}

TEST(RunChild, TellsTheSignalThatEndedIt) {
  const auto output = run_child(shell("kill -TERM $$"));

  ASSERT_TRUE(output);
  EXPECT_EQ(output->signal, SIGTERM);
  EXPECT_EQ(output->exit_code, 128 + SIGTERM);
}

TEST(RunChild, FeedsStdinWhileItReads) {
  const std::string big(3'000'000, 'x');

  const auto output = run_child({"cat"}, {.max_output_bytes = 4'000'000, .stdin_bytes = big});

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->stdout_bytes, big);
}

TEST(RunChild, AChildThatDoesNotReadItsInputIsNoProblem) {
  const auto output = run_child({"true"}, {.stdin_bytes = std::string(3'000'000, 'x')});

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_TRUE(output->succeeded());
}

TEST(RunChild, TheGivenEnvironmentIsComplete) {
  const auto output = run_child({"env"}, {.env = {{"A=1", "B=2"}}});

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->stdout_bytes, "A=1\nB=2\n");
}

TEST(RunChild, InheritsNoDescriptor) {
  const UniqueFd leak(::open("/dev/null", O_RDONLY));  // without close-on-exec

  const auto output = run_child(shell("ls /proc/$$/fd"));

  ASSERT_TRUE(output);
  EXPECT_EQ(output->stdout_bytes, "0\n1\n2\n");
}

TEST(RunChild, AnUnknownCommandIsNotFound) {
  const auto output = run_child({"no-such-command-here", "x"});

  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, Errc::not_found);
  EXPECT_EQ(output.error().message,
            "cannot start 'no-such-command-here': No such file or directory");
  EXPECT_TRUE(childless());
}

TEST(RunChild, AnUnknownFolderIsNamed) {
  const auto output = run_child({"true"}, {.workdir = "/no/such/folder"});

  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, Errc::not_found);
  EXPECT_THAT(output.error().message, ::testing::HasSubstr("'/no/such/folder'"));
}

TEST(RunChild, AFileThatIsNoProgramIsForbidden) {
  const TempFolder temp;
  std::ofstream(temp / "data") << "text";

  const auto output = run_child({(temp / "data").string()});

  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, Errc::forbidden);
}

TEST(RunChild, AnEmptyCommandIsRefused) {
  EXPECT_EQ(run_child({}).error().code, Errc::invalid_argument);
  EXPECT_EQ(run_child({""}).error().code, Errc::invalid_argument);
}

TEST(RunChild, ATimeoutKillsTheWholeGroup) {
  const TempFolder temp;
  Gate gate(temp / "gate");

  const auto output =
      run_child(shell("trap '' TERM; sleep 1000 & echo $! > " + gate.str() + "; wait"),
                {.timeout = Millis{300}});

  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, Errc::timeout);
  EXPECT_EQ(output.error().message, "'/bin/sh' timed out after 300 ms and was killed");
  EXPECT_TRUE(dies(std::stoi(gate.receive())));
  EXPECT_TRUE(childless());
}

TEST(RunChild, AGrandchildWithThePipesCannotHoldItUp) {
  const auto begin = std::chrono::steady_clock::now();

  const auto output = run_child(shell("sleep 1000 & echo $!"));

  ASSERT_TRUE(output) << output.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{5});
  EXPECT_TRUE(dies(std::stoi(output->stdout_bytes)));
}

TEST(RunChild, TooMuchOutputEndsIt) {
  const auto output = run_child({"yes"}, {.max_output_bytes = 1000});

  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, Errc::too_large);
  EXPECT_TRUE(childless());
}

}  // namespace
}  // namespace galley::process
