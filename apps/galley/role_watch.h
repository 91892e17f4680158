#pragma once

#include <signal.h>

#include "base/file.h"
#include "base/result.h"

namespace galley::app {

/// Lets the main thread wait for a signal to stop or for a change of role, whichever comes first.
class RoleWatch {
 public:
  /// `signals` must be blocked in every thread.
  static Result<RoleWatch> open(const sigset_t& signals);

  enum class Woken { stop, changed };
  Woken wait();
  /// From any thread. A change that nobody waited for is not forgotten.
  void changed();

 private:
  RoleWatch(UniqueFd signals, UniqueFd changes)
      : signals_(std::move(signals)), changes_(std::move(changes)) {}
  UniqueFd signals_;
  UniqueFd changes_;
};

}  // namespace galley::app
