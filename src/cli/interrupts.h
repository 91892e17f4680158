#pragma once

#include <signal.h>

#include <functional>
#include <thread>

#include "base/file.h"

namespace galley::cli {

/// Turns Ctrl-C (SIGINT) and SIGTERM into calls of a function on a thread of its own, while it
/// lives, so that a command blocked on the server can still say and do something. A SIGINT that was
/// ignored when the program began (nohup) stays ignored. One at a time; made on the main thread
/// before others are started.
class Interrupts {
 public:
  /// `handler` gets 1 for the first, 2 for the second, …
  explicit Interrupts(std::function<void(int count)> handler);
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

 private:
  UniqueFd signals_;
  UniqueFd stop_;
  sigset_t previous_{};
  std::thread thread_;
};

/// Ends the program at once with the exit code of an interrupted one.
[[noreturn]] void exit_interrupted();

}  // namespace galley::cli
