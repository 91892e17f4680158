#include "ending.h"

#include <signal.h>
#include <sys/wait.h>

#include <cstring>

namespace galley::process {
namespace {

// The number formats of base would load its text formatting library: 1 ms per start of galley-job.
/// The number to one decimal: "2", "2.5".
std::string tenths(std::int64_t value, std::int64_t unit) {
  const std::int64_t rounded = value / unit * 10 + value % unit * 10 / unit;
  const std::string whole = std::to_string(rounded / 10);
  return rounded % 10 == 0 ? whole : whole + "." + std::to_string(rounded % 10);
}
std::string in_seconds(Millis span) { return tenths(span.count(), 1000) + " s"; }
std::string in_mebibytes(std::int64_t bytes) { return tenths(bytes, 1024 * 1024) + " MiB"; }

std::string explain_own_end(const AttemptSpec& spec, const AttemptExit& exit) {
  std::string text = exit.reason == ExitReason::timeout
                         ? "ended after its max_runtime of " + in_seconds(spec.max_runtime)
                         : "cancelled";
  if (exit.signal == SIGKILL)
    text += "; it did not end within the grace of " + in_seconds(spec.grace);
  return text;
}

std::string explain_oom(const AttemptSpec& spec, std::int64_t kills) {
  return "it used more than its memory limit of " + in_mebibytes(spec.limits.memory_bytes) +
         " and the kernel killed " +
         (kills == 1 ? "a process" : std::to_string(kills) + " processes");
}

}  // namespace

void explain_ending(const Ending& ending, const AttemptSpec& spec, AttemptExit& exit) {
  if (!ending.wait_status) {
    exit.reason = ending.ended_by_us.value_or(ExitReason::signalled);
    exit.signal = SIGKILL;
    exit.message = "the command does not die: it hangs in the kernel";
    return;
  }
  const int status = *ending.wait_status;
  if (WIFSIGNALED(status))
    exit.signal = WTERMSIG(status);
  else
    exit.exit_code = WEXITSTATUS(status);

  if (ending.ended_by_us) {
    exit.reason = *ending.ended_by_us;
    exit.message = explain_own_end(spec, exit);
  } else if (exit.shell_code() != 0 && ending.oom_kills > 0) {
    exit.reason = ExitReason::out_of_memory;
    exit.message = explain_oom(spec, ending.oom_kills);
  } else if (exit.signal) {
    exit.reason = ExitReason::signalled;
    exit.message =
        "ended by signal " + std::to_string(*exit.signal) + " (" + ::strsignal(*exit.signal) + ")";
  } else if (*exit.exit_code != 0) {
    exit.message = "exited with code " + std::to_string(*exit.exit_code);
  }
}

}  // namespace galley::process
