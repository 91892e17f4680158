#pragma once

#include <string>
#include <vector>

#include "commands.h"
#include "restore.h"
#include "team_commands.h"

namespace galley::controller {

/// A device, or part of it, that an unfinished attempt holds.
struct HeldDevice {
  AttemptId attempt;
  std::int64_t rank = 0;
  NodeId node;
  std::string device;
  std::int64_t milli = 0;
  auto operator<=>(const HeldDevice&) const = default;
};

/// The controller's typed writes, one transaction each, and what a new leader reads. The real ones
/// run on SQLite, their twin in memory; one contract suite holds for both. Not thread-safe.
class CommandStore {
 public:
  virtual ~CommandStore() = default;

  /// Takes the lease: answers the new epoch, and all older ones are refused from now on.
  virtual Result<std::int64_t> lead() = 0;
  virtual Result<AcceptedJob> accept(const AcceptJob& command) = 0;
  virtual Result<StartedAttempt> start(const StartAttempt& command) = 0;
  virtual Result<RunningMember> run(const protocol::AttemptReport& report, WallTime at) = 0;
  virtual Result<EndedMember> end(const protocol::AttemptReport& report, WallTime at) = 0;
  virtual Status preempt(const PreemptAttempt& command) = 0;
  virtual Result<protocol::JobState> cancel(const CancelJob& command) = 0;
  virtual Status save_node(const protocol::NodeRecord& node, WallTime at) = 0;
  virtual Status put_team(const PutTeam& command) = 0;
  virtual Status delete_team(const DeleteTeam& command) = 0;
  virtual Status reserve(const Reserve& command) = 0;
  virtual Status unreserve(const Unreserve& command) = 0;
  virtual Status add_dataset(const std::string& reference, std::int64_t size_bytes) = 0;

  virtual Result<Restored> restore(WallTime now) = 0;
  virtual Result<protocol::JobRecord> job(const JobId& id) = 0;
  virtual Result<protocol::AttemptState> attempt_state(const AttemptId& id) = 0;
  /// Sorted.
  virtual Result<std::vector<HeldDevice>> held() = 0;
};

}  // namespace galley::controller
