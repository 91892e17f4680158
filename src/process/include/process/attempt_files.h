#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "process/cgroup.h"
#include "process/identity.h"

/// The small files of an attempt folder; docs/formats/attempt.md describes them all.
namespace galley::process {

/// A folder shown to the command at another place, where it cannot be written.
struct ReadOnlyBind {
  std::filesystem::path source;
  std::filesystem::path target;
  bool operator==(const ReadOnlyBind&) const = default;
};

/// Of this machine.
struct Account {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool operator==(const Account&) const = default;
};

/// spec.json: one command to run once under supervision.
struct AttemptSpec {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // complete, as "NAME=value"
  /// Variables that the supervisor finds in its own environment and passes on; they win over `env`.
  /// A name, or the beginning of one and '*'.
  std::vector<std::string> inherited_env;
  std::string workdir;  // absolute
  ResourceLimits limits;
  std::int64_t log_limit_bytes = std::int64_t{1} << 30;
  Millis grace{30'000};                    // between SIGTERM and SIGKILL
  Millis max_runtime{0};                   // 0: none
  std::string cgroup_name;                 // unique on the machine; empty: no cgroup
  std::vector<CharDevice> denied_devices;  // such as the GPUs of others; held by the cgroup
  std::vector<ReadOnlyBind> read_only_binds;
  /// Run when the command and all that it left here have ended, also when its supervisor was
  /// killed: removes what the command has made elsewhere, such as a container. May be empty.
  std::vector<std::string> after;
  /// Whose the work is, where that is not the supervisor's own account: the progress file is given
  /// to it. What the command may write elsewhere is the owner's to give.
  std::optional<Account> account;
  /// The command runs as the account, with its groups. Not where it is a container engine that is
  /// told as whom to run what is inside.
  bool become_account = true;
  bool operator==(const AttemptSpec&) const = default;
};

/// A log too small to hold a screenful helps nobody.
inline constexpr std::int64_t kLeastLogLimitBytes = 4096;

/// Errors: invalid_argument naming the field: no argv, a workdir that is not absolute, NUL or
/// invalid UTF-8 in a text, a negative limit, a log limit under kLeastLogLimitBytes.
Status check_spec(const AttemptSpec& spec);
std::string print_spec(const AttemptSpec& spec);
/// Unknown fields are ignored, so that agent and supervisor may differ by a version.
Result<AttemptSpec> parse_spec(std::string_view json);

enum class ExitReason {
  exited,         // by itself, whatever its code
  signalled,      // by a signal that we did not send
  timeout,        // max_runtime has passed
  cancelled,      // we were asked to end it
  start_failed,   // the command never ran; exit_code is 127 (not found) or 126
  out_of_memory,  // the kernel killed it for passing its memory limit
};
std::string_view to_string(ExitReason reason);

/// exit.json: how it ended. Exactly one of exit_code and signal is set.
struct AttemptExit {
  ExitReason reason = ExitReason::exited;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string message;  // one sentence for people; empty after an ordinary exit with code 0
  WallTime started;
  WallTime finished;
  std::int64_t max_rss_bytes = 0;        // of the largest process
  std::int64_t cpu_ms = 0;               // of all processes, user and system
  std::int64_t log_bytes = 0;            // printed in all, dropped bytes included
  std::int64_t log_lost_bytes = 0;       // not written because the disk was full
  std::int64_t progress_lost_bytes = 0;  // `galley::` lines past the bound, or the disk was full
  Enforcement enforcement;
  bool operator==(const AttemptExit& other) const;
  /// What a shell would say: the exit code, or 128 + signal.
  int shell_code() const { return exit_code ? *exit_code : 128 + signal.value_or(0); }
};

std::string print_exit(const AttemptExit& exit);
Result<AttemptExit> parse_exit(std::string_view json);

/// `pid`: who supervises, and where its processes are to be found if it dies.
struct SupervisorRecord {
  ProcessIdentity identity;
  std::vector<std::filesystem::path> cgroup_folders;
  Enforcement enforcement;
};

std::string print_supervisor(const SupervisorRecord& record);
Result<SupervisorRecord> parse_supervisor(std::string_view json);

/// The names in an attempt folder.
namespace attempt_file {
inline constexpr const char* kSpec = "spec.json";
inline constexpr const char* kPid = "pid";
inline constexpr const char* kExit = "exit.json";
inline constexpr const char* kLock = "lock";
inline constexpr const char* kProgress = "progress";
inline constexpr const char* kLogHead = "log.head";
inline constexpr const char* kLogTail = "log.tail.";  // and the position of its first byte
inline constexpr const char* kSupervisorLog = "supervisor.log";
}  // namespace attempt_file

/// The folder of one member of a gang in that of its attempt, where several members' are kept
/// together: the first one's is the attempt's own, the others lie below kRanks.
inline constexpr const char* kRanks = "ranks";
inline std::filesystem::path member_folder(const std::filesystem::path& attempt,
                                           std::int64_t rank) {
  return rank == 0 ? attempt : attempt / kRanks / std::to_string(rank);
}

/// In the environment of the command and all it starts: the attempt folder. By it the processes of
/// a dead supervisor are found where there are no cgroups.
inline constexpr std::string_view kAttemptVariable = "GALLEY_ATTEMPT_DIR";

}  // namespace galley::process
