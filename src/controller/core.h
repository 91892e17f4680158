#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "commands.h"
#include "controller/controller.h"
#include "scheduler/scheduler.h"

namespace galley::controller {

/// An attempt that holds resources, as the core remembers it.
struct ActiveAttempt {
  AttemptId id;
  std::int64_t number = 1;
  protocol::JobRecord job;
  scheduler::Placement placement;
  bool running = false;     // the agent has said that the program began
  bool cancelling = false;  // its end was asked for
  std::int64_t progress_offset = 0;
};

// What the core hears. Everything that concerns a job comes after its write is durable, in the
// order of commits.
struct NodeAttached {
  scheduler::NodeOffer offer;
};
struct NodeChanged {
  scheduler::NodeOffer offer;
};
struct JobAccepted {
  scheduler::QueuedJob job;
};
struct StartStored {
  JobId job;
  Result<StartedAttempt> outcome;
};
struct AttemptRuns {
  AttemptId attempt;
  JobId job;
};
struct AttemptEnded {
  EndedAttempt end;
};
struct JobCancelled {
  JobId job;
  protocol::JobState state;  // cancelled or cancelling
};
struct TimerFired {};
/// From the store, before anything else.
struct Restored {
  std::vector<scheduler::QueuedJob> queued;
  std::vector<ActiveAttempt> active;
};
using Event = std::variant<Restored, NodeAttached, NodeChanged, JobAccepted, StartStored,
                           AttemptRuns, AttemptEnded, JobCancelled, TimerFired>;

// What the core wants done.
struct SendAssign {
  NodeId node;
  AgentPort::Assign assign;
};
struct SendCancel {
  NodeId node;
  AttemptId attempt;
};
struct Effects {
  std::vector<StartAttempt> starts;  // to be stored; StartStored comes back for each
  std::vector<std::variant<SendAssign, SendCancel>> messages;
  std::optional<WallTime> wake_at;  // TimerFired then, at the latest
};

/// The decisions of a leader: pure, single-threaded, no clock, no I/O; ids come from the source
/// that is injected. A start holds its resources from the moment it is decided and gives them back
/// when its write is refused.
class Core {
 public:
  Core(std::int64_t epoch, IdSource& ids) : epoch_(epoch), ids_(ids) {}

  Effects step(const Event& event, WallTime now);

  scheduler::Explanation why(const JobId& job, WallTime now) const {
    return scheduler_.why(job, now);
  }
  Status admit(const protocol::Resources& resources) const { return scheduler_.admit(resources); }

 private:
  struct Pending {
    scheduler::QueuedJob job;
    scheduler::Placement placement;
    AttemptId attempt;
    bool cancelled = false;  // while its start was on its way to the store, which will refuse it
  };

  void on(const Restored& event, Effects& effects, WallTime now);
  void on(const NodeAttached& event, Effects& effects, WallTime now);
  void on(const NodeChanged& event, Effects& effects, WallTime now);
  void on(const JobAccepted& event, Effects& effects, WallTime now);
  void on(const StartStored& event, Effects& effects, WallTime now);
  void on(const AttemptRuns& event, Effects& effects, WallTime now);
  void on(const AttemptEnded& event, Effects& effects, WallTime now);
  void on(const JobCancelled& event, Effects& effects, WallTime now);
  void on(const TimerFired& event, Effects& effects, WallTime now);
  void send_assign(const ActiveAttempt& attempt, Effects& effects) const;
  void decide(Effects& effects, WallTime now);

  const std::int64_t epoch_;
  IdSource& ids_;
  scheduler::Scheduler scheduler_;
  std::unordered_map<JobId, Pending> pending_;       // decided, not stored yet
  std::unordered_map<JobId, ActiveAttempt> active_;  // stored, not ended
  std::optional<WallTime> retry_at_;  // no decisions before it: the store was failing
};

/// What the scheduler needs to know of a stored job.
scheduler::QueuedJob queued_job(const protocol::JobRecord& job);
/// What a node offers: its devices in service.
scheduler::NodeOffer offer_of(const protocol::NodeRecord& node);

}  // namespace galley::controller
