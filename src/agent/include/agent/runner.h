#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/clock.h"
#include "process/attempt_files.h"
#include "protocol/agent_messages.h"

namespace galley::agent {

/// Runs supervisors somewhere else than as children of the agent: in a batch system, whose nodes
/// see the attempt's folder under the same path. What the supervisor writes there is read by the
/// agent as if it had started it; a Runner tells when there is something to read, and what becomes
/// of an attempt that leaves no exit status. Thread-safe; its calls return at once.
class Runner {
 public:
  /// What is heard of one attempt, on any thread. `ended` is the last call.
  struct Listener {
    std::function<void(std::string reason)> waits;  // for people; as often as it changes
    std::function<void(WallTime since)> runs;       // its program has begun
    std::function<void(protocol::AttemptReport)> ended;
  };
  virtual ~Runner() = default;

  /// Hands over an attempt whose folder holds nothing yet but its working folder.
  virtual void launch(const protocol::Assignment& assignment, process::AttemptSpec spec,
                      const std::filesystem::path& folder, Listener listener) = 0;
  /// Takes up one that was handed over before, by a process that may have been killed while it did
  /// so: it runs once, not never and not twice.
  virtual void adopt(const protocol::Assignment& assignment, const std::filesystem::path& folder,
                     Listener listener) = 0;
  /// Asks for its end. Unknown attempts are ignored.
  virtual void cancel(const AttemptId& attempt) = 0;
  /// What the node offers, instead of this machine.
  virtual void offer(protocol::NodeRecord& node) const = 0;
};

}  // namespace galley::agent
