#pragma once

#include <filesystem>

namespace galley::process {

struct SupervisorOptions {
  std::filesystem::path folder;  // the attempt folder, holding spec.json
  int lock_fd = -1;              // the attempt's lock, already held; -1: take it
  int ready_fd = -1;             // gets "+" once `pid` is written, or a sentence; -1: nobody waits
};

/// The whole work of galley-job: runs the command of spec.json once, copies its output, applies its
/// limits, ends it on SIGTERM or when its time is up, and writes exit.json. Takes over the process
/// (signals, subreaper, descriptors): call it from main, with one thread.
///
/// Returns the exit status for main: 0 when exit.json was written, whatever the command did;
/// 1 when the attempt could not be supervised (said on ready_fd and stderr).
int run_supervisor(const SupervisorOptions& options);

}  // namespace galley::process
