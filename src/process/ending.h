#pragma once

#include <cstdint>
#include <optional>

#include "process/attempt_files.h"

namespace galley::process {

/// What the supervisor saw of a command's end.
struct Ending {
  std::optional<int> wait_status;         // of waitpid; absent when it could not be killed
  std::optional<ExitReason> ended_by_us;  // cancelled or timeout, when we sent it SIGTERM
  std::int64_t oom_kills = 0;             // processes that the kernel killed for the memory limit
};

/// Fills in reason, exit_code or signal, and message. Pure. That we asked for the end comes before
/// what the command made of it; an out-of-memory kill before the code with which a parent answered.
void explain_ending(const Ending& ending, const AttemptSpec& spec, AttemptExit& exit);

}  // namespace galley::process
