#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "process/identity.h"

namespace galley::testing {

// Far more than anything here takes; only a broken build waits for it.
inline constexpr Millis kPatience{20'000};

/// A named pipe between a test and a shell script: lets each wait for the other without polling.
class Gate {
 public:
  explicit Gate(std::filesystem::path path) : path_(std::move(path)) {
    GALLEY_CHECK(::mkfifo(path_.c_str(), 0600) == 0, "tests need a fifo");
    // Open for both, so that neither side's open waits.
    fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  }
  /// What the script wrote with `echo text > gate`, or empty after kPatience.
  std::string receive() {
    std::string text;
    while (!text.ends_with('\n')) {
      if (!process::wait_readable(fd_.get(), kPatience)) return {};
      char byte = 0;
      if (::read(fd_.get(), &byte, 1) != 1) return {};
      text += byte;
    }
    text.pop_back();
    return text;
  }
  /// Lets the script's `read x < gate` go on.
  void open() { GALLEY_CHECK(write_all(fd_.get(), "go\n").has_value(), "a fifo takes a word"); }
  std::string str() const { return path_.string(); }

 private:
  std::filesystem::path path_;
  UniqueFd fd_;
};

}  // namespace galley::testing
