#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core.h"
#include "sim_agent.h"
#include "support/command_store/command_store.h"

namespace galley::world {

/// What must hold after every event. Keeps its own books of what was accepted, decided and ended,
/// from what the world saw, and compares. The first violation is kept.
class Checker {
 public:
  /// What the core believes of the nodes: the offers that it was told last.
  using Offers = std::map<NodeId, scheduler::NodeOffer>;

  const std::optional<std::string>& violation() const { return violation_; }
  void fail(std::string what);

  // What the world saw.
  void accepted(const protocol::JobRecord& job);
  void moved(const JobId& job, protocol::JobState state);
  /// A new leader: what it holds is what the store holds.
  void restored(const controller::Restored& restored, WallTime now);
  void told(const controller::Event& event, WallTime now);
  /// The first job of a team that nobody else has used: its guarantee has room for the job.
  void owed(const JobId& job) { owed_.insert(job); }
  /// Something happened that may delay what is owed: a crash, a full disk.
  void disturbed() { ++disturbances_; }
  void delay_owed(WallTime now);
  /// When nothing is on its way between core and store, and nothing is broken: what is owed has a
  /// place that is free, or that is being freed for as long as it waits.
  void place_is_made(const controller::Core& core, WallTime now);
  /// The store's answer to a decided start.
  void start_answered(const controller::StartAttempt& command, const Error* error);
  void began(const SimAgent& agent, const MemberKey& key);

  // What the core wants after an event.
  void decided(const controller::Effects& effects, const controller::Core& core, WallTime now);

  /// When nothing is on its way between core and store: both must say the same.
  void agree(controller::CommandStore& store, const controller::Core& core, WallTime now);
  /// Asks a copy of the scheduler for every free GPU: it must give exactly those that nobody holds.
  void nothing_lost(const controller::Core& core, WallTime now);
  /// With nothing held, cells of every size must be given whole, on every node.
  void cells_merged(const controller::Core& core, WallTime now);
  /// At the end of the world.
  void all_ended(const controller::Core& core, WallTime now);

  std::size_t open_jobs() const { return open_.size(); }
  const std::set<JobId>& open() const { return open_; }
  bool holds_nothing() const { return held_.empty(); }
  const Offers& offers() const { return offers_; }

 private:
  struct Job {
    protocol::JobRecord record;
    protocol::JobState state = protocol::JobState::queued;
  };
  /// An attempt as it was decided and not yet given back.
  struct Held {
    AttemptId attempt;
    scheduler::Placement placement;
    std::int64_t milli = 0;
    bool guaranteed = false;
    std::int64_t disturbances = 0;  // when it was decided
  };

  void check_devices(const controller::StartAttempt& start);
  void check_gang(const controller::StartAttempt& start);
  void check_order(const controller::StartAttempt& start, const controller::Core& core,
                   WallTime now);
  void check_guarantee(const controller::StartAttempt& start);
  void check_preemption(const controller::PreemptAttempt& preemption);
  bool has_no_cells(const std::string& team, const controller::Core& core) const;
  std::optional<WallTime> freed_since(const scheduler::NodeOffer& offer, std::uint64_t cell) const;
  void hold(const JobId& job, Held held);
  void give_back(const JobId& job);
  scheduler::Scheduler emptied_copy(const controller::Core& core) const;
  std::set<std::string> free_devices() const;

  std::optional<std::string> violation_;
  std::unordered_map<JobId, Job> jobs_;
  std::set<JobId> open_;                            // accepted and not ended
  std::set<JobId> waiting_;                         // queued, as the core was told
  std::unordered_map<JobId, Held> held_;            // from the decision on
  std::map<std::string, std::int64_t> milli_held_;  // by device
  std::set<MemberKey> ended_;                       // members of attempts
  std::set<MemberKey> given_up_;                    // members whose loss is being stored
  Offers offers_;
  std::map<std::string, scheduler::Team> teams_;
  std::set<std::string> bookings_;
  std::set<JobId> owed_;
  struct Owing {
    WallTime since{};
    std::int64_t disturbances = 0;
  };
  std::map<JobId, Owing> owing_;        // since when an owed job has waited undisturbed
  std::map<JobId, WallTime> stopping_;  // since when it has been asked to end
  std::optional<WallTime> retry_at_;    // a write was refused: nothing is decided before
  std::int64_t disturbances_ = 0;
};

}  // namespace galley::world
