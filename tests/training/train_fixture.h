#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "support/temp_folder.h"

namespace galley::testing {

/// How a program ended, and what it said.
struct Ending {
  int status = -1;  // 128 + signal when a signal ended it
  std::string out;
  std::string err;
};

/// Runs galley-train, or a program beside it, on a folder of the test's own.
class TrainFixture : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(write_file_atomic(folder_ / name, bytes, Durability::memory));
  }
  std::string at(const std::string& name) const { return folder_ / name; }
  std::string read(const std::string& name) const {
    auto bytes = read_file(folder_ / name, 1 << 26);
    return bytes ? *bytes : "";
  }

  pid_t start(std::vector<std::string> arguments, int out,
              const std::string& program = GALLEY_BIN_DIR "/galley-train") const {
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child != 0) return child;
    const int err = ::open(at("stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  static int finish(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  Ending run(std::vector<std::string> arguments,
             const std::string& program = GALLEY_BIN_DIR "/galley-train") const {
    const UniqueFd out(
        ::open(at("stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const int status = finish(start(std::move(arguments), out.get(), program));
    return {status, read("stdout"), read("stderr")};
  }

  TempFolder folder_;
};

}  // namespace galley::testing
