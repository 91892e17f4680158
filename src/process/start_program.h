#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace galley::process {

/// How posix_spawn is used here: default signals, nothing inherited but the descriptors named.
struct SpawnRequest {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // complete
  std::string workdir;           // empty: ours
  std::vector<int> fds;          // become 0, 1, 2, ... of the child; every other one is closed
  bool new_session = false;      // a session of its own; else a process group of its own
};

/// Starts the program and returns its pid; the caller reaps it. A program that cannot be executed
/// is an error here, never a child that exits with 127. argv[0] is looked up in our PATH.
/// Errors: not_found, forbidden, exhausted.
Result<pid_t> spawn(const SpawnRequest& request);

/// Our own environment as "NAME=value".
std::vector<std::string> own_environment();

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
/// Both ends close on exec. Errors: exhausted.
Result<Pipe> make_pipe();

}  // namespace galley::process
