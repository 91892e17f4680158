#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace galley::process {

struct ChildOptions {
  Millis timeout{10'000};  // the whole process group is killed when it has passed
  std::int64_t max_output_bytes = 1024 * 1024;  // of stdout and stderr together
  std::optional<std::vector<std::string>> env;  // complete, as "NAME=value"; absent: ours
  std::string stdin_bytes;                      // then end of file
  std::string workdir;                          // empty: ours
  /// A process in a system call that does not return cannot even be killed; it is waited for so
  /// long, then left to reap_abandoned().
  Millis kill_patience{10'000};
  int cancel_fd = -1;  // readable: the child is killed
  /// Gets what the child prints, on either stream, as it comes; then only the last max_output_bytes
  /// of each stream are kept, and no amount is too much.
  std::function<void(std::string_view)> on_output{};
};

struct ChildOutput {
  int exit_code = 0;  // 128 + signal when a signal ended it, as a shell says it
  int signal = 0;     // 0 when it exited by itself
  std::string stdout_bytes;
  std::string stderr_bytes;
  bool succeeded() const { return exit_code == 0 && signal == 0; }
};

/// Runs a short-lived helper program to its end and returns what it printed. argv[0] is looked up
/// in our PATH. The child gets its own process group, default signals, and no descriptor of ours
/// but its three; when it ends, whatever it left behind in that group is killed. No zombie remains.
///
/// Blocks the caller. Safe from any thread, while no thread reaps children it does not own and
/// SIGCHLD is not ignored.
/// Errors: not_found         no such command, or no such workdir
///         forbidden         the file is not executable
///         timeout           it ran longer than options.timeout (and was killed)
///         too_large         it printed more than max_output_bytes (and was killed)
///         unavailable       cancelled
///         invalid_argument  argv is empty
Result<ChildOutput> run_child(const std::vector<std::string>& argv,
                              const ChildOptions& options = {});

/// Reaps the killed children that have died since; answers how many still have not. Thread-safe.
std::size_t reap_abandoned();

}  // namespace galley::process
