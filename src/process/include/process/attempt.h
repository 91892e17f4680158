#pragma once

#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "process/attempt_files.h"

namespace galley::process {

enum class AttemptState {
  running,
  finished,  // exit.json says how
  died,      // the supervisor is gone without a status: killed, or the machine restarted
};

struct AttemptStatus {
  AttemptState state = AttemptState::died;
  std::optional<AttemptExit> exit;  // when finished
};

/// One attempt as its owner sees it: everything is in the folder, so an owner that was killed comes
/// back with adopt() and has lost nothing. Destroying the handle leaves the attempt alone.
///
///   auto attempt = AttemptHandle::launch(folder, spec, "/usr/bin/galley-job");
///   poll exit_fd();                  // readable: the exit status is durable, or it has died
///   auto status = attempt->status();
///   if (status->state == AttemptState::died) attempt->kill_leftovers();  // before reusing its
///   GPUs
///
/// Output is read with LogReader(folder); progress lines are appended to folder/progress.
/// One handle is used by one thread at a time; different handles are independent.
class AttemptHandle {
 public:
  /// Writes spec.json (0600: it may hold tokens) and starts a detached supervisor, in a session of
  /// its own, that outlives this process. Returns when the supervisor can be adopted by anybody,
  /// typically within 2 ms; whether the command itself could start is told by status().
  /// The folder is made if absent; it must not have been used before.
  /// Errors: those of check_spec; conflict (a used or locked folder); not_found (no such
  /// supervisor program); those of the file system; unavailable (the supervisor could not begin).
  /// `secret_env`: variables as "NAME=value" that no file may hold. They reach the command through
  /// the supervisor's environment, so they are given anew to each launch.
  static Result<AttemptHandle> launch(const std::filesystem::path& folder, const AttemptSpec& spec,
                                      const std::filesystem::path& supervisor_program,
                                      const std::vector<std::string>& secret_env = {});

  /// Finds out what became of an attempt. Safe against reused pids and restarted machines. Blocks
  /// up to 5 s in one case: a supervisor that is just starting under an owner that was killed.
  /// Errors: not_found (no spec.json there, or its supervisor never began: launch() may be called
  /// again), corrupt (a record that cannot be read).
  static Result<AttemptHandle> adopt(const std::filesystem::path& folder);

  /// Where it stands now. Cheap: one open, or one poll. Errors: corrupt.
  Result<AttemptStatus> status();

  /// Asks for the end: SIGTERM to the command's group, SIGKILL to its whole tree after the grace.
  /// Returns at once; nothing happens when it is not running any more.
  Status cancel();

  /// A pidfd of the supervisor for poll: readable once it is gone. -1 if it already was.
  int exit_fd() const { return pidfd_.get(); }

  /// Waits for the end. Errors: timeout, and those of status().
  Result<AttemptStatus> wait(Millis timeout);

  /// Kills whatever a dead supervisor left running, by its cgroups and by the environment variable
  /// kAttemptVariable, runs AttemptSpec::after, and removes the cgroups. Harmless at any other time
  /// after the end.
  /// Errors: conflict (still running), timeout (something does not die within 10 s).
  Status kill_leftovers();

  const std::filesystem::path& folder() const { return folder_; }
  /// What holds the limits, once the supervisor has begun.
  const Enforcement& enforcement() const { return record_.enforcement; }

 private:
  explicit AttemptHandle(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<std::optional<AttemptExit>> read_exit() const;
  Status find_supervisor();
  Status run_after() const;

  std::filesystem::path folder_;
  SupervisorRecord record_;
  UniqueFd pidfd_;
};

}  // namespace galley::process
