#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/ids.h"
#include "protocol/job_spec.h"

namespace galley::scheduler {

/// A GPU that may be given away.
struct Device {
  std::string id;
  std::string model;
  bool operator==(const Device&) const = default;
};

/// All that a node can give. A device out of service is left out of the list.
struct NodeOffer {
  NodeId id;
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::vector<Device> devices;
  bool operator==(const NodeOffer&) const = default;
};

/// Where a job runs and what it holds there.
struct Placement {
  NodeId node;
  std::vector<std::string> device_ids;
  bool operator==(const Placement&) const = default;
};

struct QueuedJob {
  JobId id;
  std::int64_t seq = 0;  // order of acceptance
  protocol::PriorityClass priority_class = protocol::PriorityClass::normal;
  protocol::Resources resources;
  std::optional<WallTime> start_at;  // not before
};

struct NodeUp {
  NodeOffer offer;  // replaces an earlier offer; what jobs hold there stays held
};
struct NodeDown {
  NodeId node;
};
struct JobQueued {
  QueuedJob job;
};
/// The job holds its place from now on; also for jobs known from the store after a restart.
struct JobPlaced {
  QueuedJob job;
  Placement placement;
};
/// It ended, was cancelled or went back to the queue (then JobQueued follows): it holds nothing.
struct JobGone {
  JobId job;
};
using ClusterEvent = std::variant<NodeUp, NodeDown, JobQueued, JobPlaced, JobGone>;

struct Start {
  JobId job;
  Placement placement;
  bool operator==(const Start&) const = default;
};

struct Plan {
  std::vector<Start> starts;
  std::optional<WallTime> wake_at;  // decide again then, even if nothing happens
  bool operator==(const Plan&) const = default;
};

struct Explanation {
  std::string summary;
  std::vector<std::string> lines;
};

/// In memory, single-threaded. decide() changes nothing: the caller applies JobPlaced for each
/// start that it carries out, so that decide() after any events equals decide() of a Scheduler
/// rebuilt from the stored state.
///
/// Cost: apply O(log jobs); decide O(jobs looked at x nodes), and it looks no further once no node
/// has a free processor.
class Scheduler {
 public:
  void apply(const ClusterEvent& event);
  Plan decide(WallTime now) const;
  /// Why a job waits, or where it runs.
  Explanation why(const JobId& job, WallTime now) const;
  /// Errors: invalid_argument when no node of the fleet could ever hold the request; `expected`
  /// says what would fit. Without any node, whatever one node could hold is admitted: nodes may
  /// still come.
  Status admit(const protocol::Resources& resources) const;

  /// The queued job, or null. Valid until the next apply.
  const QueuedJob* find(const JobId& job) const;
  std::size_t queued() const { return queue_.size(); }

 private:
  /// The documented order: class, then acceptance.
  using Rank = std::pair<protocol::PriorityClass, std::int64_t>;
  struct Placed {
    protocol::Resources resources;
    Placement placement;
  };

  std::map<NodeId, NodeOffer> nodes_;
  std::map<Rank, QueuedJob> queue_;
  std::unordered_map<JobId, Rank> rank_of_;
  std::unordered_map<JobId, Placed> placed_;

  friend class Capacity;
};

}  // namespace galley::scheduler
