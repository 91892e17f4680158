#pragma once

#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "process/identity.h"

namespace galley::openai {

/// A program under a terminal of its own, as somebody would sit at it. Killed at the end.
class TerminalProgram {
 public:
  TerminalProgram(std::vector<std::string> words, const std::string& home) {
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const winsize size{.ws_row = 40, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
    int terminal = -1;
    child_ = ::forkpty(&terminal, nullptr, nullptr, &size);
    if (child_ == 0) {
      ::setenv("HOME", home.c_str(), 1);
      ::execv(pointers[0], pointers.data());
      ::_exit(99);
    }
    terminal_ = UniqueFd(terminal);
  }
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;
  ~TerminalProgram() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  void type(const std::string& keys) {
    GALLEY_CHECK(write_all(terminal_.get(), keys).has_value(), "a terminal takes keys");
  }
  /// What is shown up to and with `mark`; what was shown so far where it does not come.
  std::string read_until(const std::string& mark) {
    for (;;) {
      if (const auto at = shown_.find(mark); at != std::string::npos) {
        const std::string part = shown_.substr(0, at + mark.size());
        shown_.erase(0, part.size());
        return part;
      }
      if (!receive()) return std::exchange(shown_, {});
    }
  }
  /// What is shown until it ends; its exit code, or 128 and the signal.
  int wait(std::string* rest = nullptr) {
    while (receive()) {
    }
    if (rest != nullptr) *rest = shown_;
    int status = 0;
    const pid_t ended = ::waitpid(std::exchange(child_, -1), &status, 0);
    if (ended < 0) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  /// False at the end, which a terminal shows as an error, and after kPatience.
  bool receive() {
    constexpr Millis kPatience{20'000};
    if (!process::wait_readable(terminal_.get(), kPatience)) return false;
    std::array<char, 4096> buffer{};
    const auto count = ::read(terminal_.get(), buffer.data(), buffer.size());
    if (count <= 0) return false;
    shown_.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
  }

  pid_t child_ = -1;
  UniqueFd terminal_;
  std::string shown_;
};

}  // namespace galley::openai
