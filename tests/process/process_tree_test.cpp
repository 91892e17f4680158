#include "process_tree.h"

#include <sys/wait.h>

#include <fstream>

#include "attempt_fixture.h"

namespace galley::process {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ProcessTreeTest = AttemptFixture;

TEST_F(ProcessTreeTest, AProcessIsFoundByItsEnvironmentWhileItBecomesOneProgramAfterAnother) {
  const auto script = temp_ / "again.sh";
  std::ofstream(script) << "exec /bin/sh " << script.string() << "\n";
  const std::string entry = "GALLEY_TEST_TREE=" + temp_.path().string();
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    char* const argv[] = {const_cast<char*>("sh"), const_cast<char*>(script.c_str()), nullptr};
    char* const env[] = {const_cast<char*>(entry.c_str()), nullptr};
    ::execve("/bin/sh", argv, env);
    ::_exit(127);
  }
  while (processes_with_environment(entry).empty()) {
  }  // it has yet to start

  int missed = 0;
  for (int round = 0; round < 300; ++round)
    if (processes_with_environment(entry) != std::vector{pid}) ++missed;

  EXPECT_EQ(missed, 0);
  EXPECT_THAT(processes_with_environment(entry + "x"), Not(Contains(pid)));
  ::kill(pid, SIGKILL);
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_TRUE(processes_with_environment(entry).empty());
}

}  // namespace
}  // namespace galley::process
