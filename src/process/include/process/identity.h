#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace galley::process {

/// Names one process for good: a pid alone is reused by the kernel, a pid with its start time and
/// the boot it belongs to is not. This is what may be written to disk and trusted later.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat: clock ticks since boot
  std::string boot_id;            // /proc/sys/kernel/random/boot_id
  bool operator==(const ProcessIdentity&) const = default;
};

/// Another one after each start of the machine. Errors: those of reading /proc.
Result<std::string> boot_id();

/// The fields of /proc/PID/stat that we use.
struct ProcStat {
  char state = '?';  // 'Z' and 'X' are dead
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t memory_bytes = 0;  // virtual; 0 for the dead and for threads of the kernel
  // Absent where the kernel does not tell us and while the process is becoming another program.
  std::optional<std::uint64_t> environment_bytes;
};

/// Pure. Empty when the line is not of that form. A command name may hold spaces and parentheses.
std::optional<ProcStat> parse_proc_stat(std::string_view line);

/// Of a process that exists now (a zombie counts), else empty.
std::optional<ProcStat> read_proc_stat(pid_t pid);

/// The identity of a process that exists now (a zombie counts). Errors: not_found.
Result<ProcessIdentity> identify(pid_t pid);

/// True while that very process runs; false for a zombie, a reused pid or an earlier boot.
bool is_alive(const ProcessIdentity& identity);

/// A descriptor that becomes readable when the process ends, and through which signals reach that
/// process or nobody. Errors: not_found when it is gone.
Result<UniqueFd> open_pidfd(const ProcessIdentity& identity);

/// Sends a signal through a pidfd. Errors: not_found when the process is gone, forbidden.
Status send_signal(int pidfd, int signal);

/// Waits until the descriptor is readable. False when the time has passed.
bool wait_readable(int fd, Millis timeout);

}  // namespace galley::process
