#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "commands.h"
#include "controller/controller.h"
#include "outside_queue.h"
#include "scheduler/scheduler.h"

namespace galley::controller {

/// An attempt that holds resources, as the core remembers it.
struct ActiveAttempt {
  struct Member {
    bool running = false;  // the agent has said that the program began
    bool ended = false;
    std::int64_t progress_offset = 0;
  };
  AttemptId id;
  std::int64_t number = 1;
  protocol::JobRecord job;
  scheduler::QueuedJob request;  // as it goes back to the queue
  scheduler::Placement placement;
  WallTime placed_at{};
  std::vector<Member> members;  // by rank, as the shares of the placement
  bool stopping = false;        // its end was asked for
};

// What the core hears. Everything that concerns a job comes after its write is durable, in the
// order of commits.

/// `held` is what the agent has on its machine. What should not be there is stopped, and the node
/// gives nothing until the agent attaches without it: a GPU in use is never given away.
struct NodeAttached {
  scheduler::NodeOffer offer;
  std::vector<AttemptId> held{};
  /// The shell's number of this connection. What the core answers must not go out on a newer one,
  /// of which it has not heard yet: `held` there says nothing of what such an answer starts.
  std::int64_t session = 0;
};
struct NodeChanged {
  scheduler::NodeOffer offer;
};
/// The machine is given up: what ran there is lost. Behind a door (OutsideQueue) jobs go on while
/// nobody tells of them, so they are lost only when it is gone for good.
struct NodeLost {
  NodeId node;
  bool for_good = false;
};
/// GPUs on which nothing can run on: the jobs there are stopped, and go back to the queue as lost.
/// No devices: all that run on one of the node's GPUs.
struct DevicesFailed {
  NodeId node;
  std::vector<std::string> devices;
};
struct JobAccepted {
  scheduler::QueuedJob job;
};
struct StartStored {
  JobId job;
  Result<StartedAttempt> outcome;
};
struct PreemptionStored {
  PreemptAttempt command;
  Status outcome;
};
/// A loss (Effects::losses) that could not be stored; one that was stored comes as MemberEnded.
struct LossRefused {
  protocol::AttemptReport loss;
  Error error;
};
struct MemberRuns {
  AttemptId attempt;
  std::int64_t rank = 0;
  RunningMember member;
};
struct MemberEnded {
  EndedMember end;
};
struct JobCancelled {
  JobId job;
  protocol::JobState state;  // cancelled or cancelling
};
/// What jobs will take, and when those that run will have ended. Of many jobs at once: each event
/// ends with a pass of the scheduler.
struct Expected {
  std::vector<scheduler::RuntimeExpected> runtimes{};
  std::vector<scheduler::EndExpected> ends{};
};
/// What only the scheduler needs to hear: teams, bookings, measured transfers.
struct Learnt {
  scheduler::ClusterEvent event;
};
struct TimerFired {};
/// From the store, before anything else.
struct Restored {
  std::vector<scheduler::ClusterEvent> learnt;  // teams, bookings, use of the past, contents
  std::vector<scheduler::QueuedJob> queued;
  std::vector<ActiveAttempt> active;
};
using Event = std::variant<Restored, NodeAttached, NodeChanged, NodeLost, DevicesFailed,
                           JobAccepted, StartStored, PreemptionStored, LossRefused, MemberRuns,
                           MemberEnded, JobCancelled, Expected, Learnt, TimerFired>;

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
  std::vector<StartAttempt> starts;             // to be stored; StartStored comes back for each
  std::vector<PreemptAttempt> preemptions;      // to be stored; PreemptionStored comes back
  std::vector<protocol::AttemptReport> losses;  // to be stored like an agent's report
  std::vector<std::variant<SendAssign, SendCancel>> messages;
  std::optional<WallTime> wake_at;  // TimerFired then, at the latest
};

/// The decisions of a leader: pure, single-threaded, no clock, no I/O; ids come from the source
/// that is injected. A start holds its resources from the moment it is decided and gives them back
/// when its write is refused. A preemption is durable before the agent hears of it, and what the
/// store could not take for a reason that passes is asked of it again.
class Core {
 public:
  Core(std::int64_t epoch, IdSource& ids, scheduler::Options options = {})
      : epoch_(epoch), ids_(ids), scheduler_(options) {}

  Effects step(const Event& event, WallTime now);

  Status admit(const scheduler::QueuedJob& job) const {
    return job.goes_outside ? ok() : scheduler_.admit(job);
  }
  /// For questions that take long: ask a copy, on another thread.
  const scheduler::Scheduler& scheduler() const { return scheduler_; }
  /// Grows whenever the scheduler hears of something: equal versions, equal answers.
  std::uint64_t version() const { return version_; }
  /// GPUs of the node that jobs hold or are about to, and whether anything runs there. O(jobs).
  struct Use {
    std::vector<std::string> devices;
    bool any = false;
  };
  Use use_of(const NodeId& node) const;

 private:
  struct Pending {
    scheduler::QueuedJob job;
    scheduler::Placement placement;
    AttemptId attempt;
    WallTime at{};
    bool cancelled = false;  // while its start was on its way to the store, which will refuse it
    std::optional<scheduler::Preemption> preemption;  // asked for meanwhile
  };

  void on(const Restored& event, Effects& effects, WallTime now);
  void on(const NodeAttached& event, Effects& effects, WallTime now);
  void on(const NodeChanged& event, Effects& effects, WallTime now);
  void on(const NodeLost& event, Effects& effects, WallTime now);
  void on(const DevicesFailed& event, Effects& effects, WallTime now);
  void on(const JobAccepted& event, Effects& effects, WallTime now);
  void on(const StartStored& event, Effects& effects, WallTime now);
  void on(const PreemptionStored& event, Effects& effects, WallTime now);
  void on(const LossRefused& event, Effects& effects, WallTime now);
  void on(const MemberRuns& event, Effects& effects, WallTime now);
  void on(const MemberEnded& event, Effects& effects, WallTime now);
  void on(const JobCancelled& event, Effects& effects, WallTime now);
  void on(const Expected& event, Effects& effects, WallTime now);
  void on(const Learnt& event, Effects& effects, WallTime now);
  void on(const TimerFired& event, Effects& effects, WallTime now);

  void apply(const scheduler::ClusterEvent& event);
  bool expects(const NodeId& node, const AttemptId& attempt) const;
  bool runs(const ActiveAttempt& attempt, std::size_t rank) const;
  void send_assign(const ActiveAttempt& attempt, std::size_t rank, Effects& effects) const;
  void stop_members(const ActiveAttempt& attempt, Effects& effects) const;
  void lose(const ActiveAttempt& attempt, const NodeId& node, Effects& effects);
  void preempt(const scheduler::Preemption& preemption, Effects& effects, WallTime now);
  void begin(const scheduler::QueuedJob& job, StartAttempt start, Effects& effects, WallTime now);
  void decide(Effects& effects, WallTime now);

  const std::int64_t epoch_;
  IdSource& ids_;
  scheduler::Scheduler scheduler_;
  OutsideQueue outside_;
  std::uint64_t version_ = 0;
  std::unordered_map<JobId, Pending> pending_;       // decided, not stored yet
  std::unordered_map<JobId, ActiveAttempt> active_;  // stored, not ended
  std::map<NodeId, scheduler::NodeOffer> up_;        // what gives
  std::set<NodeId> attached_;                        // up, or waiting for something to stop
  std::vector<PreemptAttempt> preemptions_again_;    // the store was failing
  std::vector<protocol::AttemptReport> losses_again_;
  std::set<std::pair<AttemptId, std::int64_t>> losing_;  // given up, not stored yet
  std::optional<WallTime> retry_at_;  // no decisions before it: the store was failing
};

/// What the scheduler needs to know of a stored job.
scheduler::QueuedJob queued_job(const protocol::JobRecord& job,
                                std::vector<scheduler::Content> contents);
/// What a node offers, devices out of service included and marked.
scheduler::NodeOffer offer_of(const protocol::NodeRecord& node);
scheduler::Team team_of(const protocol::TeamSpec& team);
scheduler::Booking booking_of(const protocol::ReservationRecord& reservation);

}  // namespace galley::controller
