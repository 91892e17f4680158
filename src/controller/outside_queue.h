#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "scheduler/events.h"

namespace galley::controller {

/// Jobs that a batch system of the site places (Slurm), and the doors to it: nodes whose agents
/// hand over what they are given. Such a job takes nothing of our own nodes and waits for none of
/// them: it is started as soon as a door is open, and waits behind it. Pure, like the scheduler,
/// which hears of none of this.
class OutsideQueue {
 public:
  /// How many attempts one door has at once. slurmctld remembers 10,000 jobs where nobody told it
  /// otherwise, those of others and those that ended lately included.
  static constexpr std::size_t kMostBehindADoor = 4'000;

  /// False: the event is the scheduler's.
  bool apply(const scheduler::ClusterEvent& event);

  struct Start {
    scheduler::QueuedJob job;
    NodeId door;
  };
  /// What may start now, in the order of class and acceptance, each at the door with the fewest.
  /// Nothing is taken out before its JobPlaced.
  std::vector<Start> decide(WallTime now) const;
  /// When decide() may answer more although nothing happens.
  std::optional<WallTime> wake_at(WallTime now) const;

  bool waits(const JobId& job) const { return waiting_.contains(job); }
  bool has_door() const { return !doors_.empty(); }

 private:
  std::map<JobId, scheduler::QueuedJob> waiting_;
  std::map<JobId, NodeId> placed_;
  std::set<NodeId> doors_;  // up and open
  std::set<NodeId> known_;  // up, open or not
};

}  // namespace galley::controller
