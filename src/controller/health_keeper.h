#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/health.h"
#include "cluster/sample_judge.h"
#include "protocol/agent_messages.h"
#include "protocol/health.h"
#include "protocol/records.h"
#include "store/database.h"

namespace galley::controller {

/// What the controller knows of the health of its fleet, and how that changes what nodes offer.
/// Thread-safe: heartbeats are marked on many threads, while only the controller's own changes
/// health.
class HealthKeeper {
 public:
  /// From the store. Errors: those of reading; corrupt.
  Status restore(store::Database& database);

  /// Remembers what the agent offers, and marks in it what is out of service.
  void offer(protocol::NodeRecord& node);
  /// What the agent offered last, marked as health is now.
  std::optional<protocol::NodeRecord> offered(const NodeId& node) const;
  /// It is not part of the fleet any more.
  void forget(const NodeId& node);

  std::vector<cluster::HealthEvent> judge(const protocol::NodeSample& sample,
                                          const std::vector<std::string>& given);
  cluster::HealthOutcome apply(const cluster::HealthEvent& event, WallTime now);
  /// Whether a job's GPU there matters now: something of the node is not as it should be.
  bool has_trouble(const NodeId& node) const;
  /// GPUs out of service by our own judgement on which nothing may go on (those that drain may).
  std::vector<std::string> condemned(const NodeId& node) const;
  std::optional<WallTime> wake_at() const;
  std::optional<cluster::Health> find(const cluster::Subject& subject) const;

  /// Nodes first, then their GPUs by number. Empty node: all.
  std::vector<protocol::HealthRecord> records(const std::optional<NodeId>& node,
                                              WallTime now) const;
  /// The node of that id or name. Errors: not_found.
  Result<protocol::NodeRecord> find_node(std::string_view name) const;

 private:
  void mark_locked(protocol::NodeRecord& node) const;

  mutable std::mutex mutex_;  // guards what follows
  cluster::HealthCore core_;
  cluster::SampleJudge judge_;
  std::map<NodeId, protocol::NodeRecord> offered_;  // as the agents said it
};

/// Stores changes of state: how it is now, and that it changed.
Status save_transitions(store::Transaction& transaction,
                        const std::vector<cluster::Transition>& transitions, WallTime at);

/// A program that failed on a GPU that we have found faulty was not at fault: its end is a loss.
Result<protocol::AttemptReport> blame_hardware(store::Transaction& transaction,
                                               protocol::AttemptReport report);

}  // namespace galley::controller
