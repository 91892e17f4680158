#pragma once

#include <sys/types.h>

#include <string>
#include <variant>

#include "base/file.h"
#include "base/result.h"
#include "process/attempt_files.h"
#include "process/cgroup.h"

namespace galley::process {

/// What the pipe behind stdout and stderr holds, where the kernel grants it: fewer, larger reads of
/// a command that prints a lot, within what 256 commands of one unprivileged user may have.
inline constexpr std::size_t kOutputPipeBytes = 256 * 1024;

/// A command that runs.
struct StartedCommand {
  pid_t pid = 0;          // leader of its own process group
  UniqueFd output;        // read end of the pipe that is its stdout and stderr, non-blocking
  std::string bind_note;  // why data sets are links instead of read-only mounts; empty if mounted
};

/// Why a command did not start, and the code a shell would give for that.
struct StartFailure {
  std::string message;
  int exit_code = 126;
};

/// Starts the command of the spec in the cgroup (absent: in none), with memory held by an rlimit
/// when `rlimit_memory`. It gets /dev/null as stdin, default signals, no other descriptor of ours,
/// and a SIGKILL when we die. For a single-threaded process only: it forks and prepares the child
/// with ordinary code.
std::variant<StartedCommand, StartFailure> start_command(const AttemptSpec& spec,
                                                         const std::string& attempt_folder,
                                                         const Cgroup* cgroup, bool rlimit_memory);

}  // namespace galley::process
