#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "process/attempt.h"
#include "process/log_reader.h"
#include "support/gate.h"
#include "support/temp_folder.h"

namespace galley::process {

using galley::testing::Gate;
using galley::testing::kPatience;
using galley::testing::TempFolder;

inline std::filesystem::path supervisor_program() {
  return std::filesystem::path(GALLEY_BIN_DIR) / "galley-job";
}

/// A folder for one attempt and short words to run something in it.
class AttemptFixture : public ::testing::Test {
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
