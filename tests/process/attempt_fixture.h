#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "process/attempt.h"
#include "process/log_reader.h"
#include "temp_folder.h"

namespace galley::process {

// Far more than anything here takes; only a broken build waits for it.
inline constexpr Millis kPatience{20'000};

inline std::filesystem::path supervisor_program() {
  return std::filesystem::path(GALLEY_BIN_DIR) / "galley-job";
}

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
      if (!wait_readable(fd_.get(), kPatience)) return {};
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

/// A folder for one attempt and short words to run something in it.
class AttemptFixture : public testing::Test {
 protected:
  AttemptSpec shell(const std::string& script) const { return command({"/bin/sh", "-c", script}); }
  AttemptSpec command(std::vector<std::string> argv) const {
    AttemptSpec spec;
    spec.argv = std::move(argv);
    spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"};
    spec.workdir = temp_.path().string();
    return spec;
  }
  /// A cgroup name that no other test uses at this time.
  std::string cgroup_name() const { return "galley-test-" + temp_.path().filename().string(); }

  Result<AttemptHandle> launch(const AttemptSpec& spec) const {
    return AttemptHandle::launch(folder_, spec, supervisor_program());
  }
  /// Runs it to its end.
  AttemptExit run(const AttemptSpec& spec) const {
    auto handle = launch(spec);
    if (!handle) {
      ADD_FAILURE() << describe(handle.error());
      return {};
    }
    return wait(*handle);
  }
  AttemptExit wait(AttemptHandle& handle) const {
    const auto status = handle.wait(kPatience);
    if (!status || !status->exit) {
      ADD_FAILURE() << (status ? "no exit status" : describe(status.error()));
      return {};
    }
    return *status->exit;
  }
  /// The whole log as a late reader sees it.
  std::string log(std::int64_t piece_bytes = 1 << 20) const {
    const LogReader reader(folder_);
    std::string text;
    for (std::int64_t offset = 0;;) {
      const auto chunk = reader.read(offset, piece_bytes);
      if (!chunk) {
        ADD_FAILURE() << describe(chunk.error());
        return text;
      }
      text += chunk->bytes;
      offset = chunk->next_offset;
      if (chunk->at_end) return text;
    }
  }
  std::string file(const std::string& name) const {
    return read_file(folder_ / name, 1 << 28).value_or("");
  }

  TempFolder temp_;
  std::filesystem::path folder_ = temp_ / "attempt";
};

/// True once the process is gone or only waits to be reaped by somebody else.
inline bool dies(pid_t pid) {
  const auto identity = identify(pid);
  if (!identity) return true;
  const auto pidfd = open_pidfd(*identity);
  return !pidfd || wait_readable(pidfd->get(), kPatience);
}

}  // namespace galley::process
