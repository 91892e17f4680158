#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/scheduler.h"

namespace galley::scheduler {

/// What is free on each node while a plan is made: a scratch copy that jobs are put into.
class Capacity {
 public:
  explicit Capacity(const Scheduler& scheduler);

  bool any_free_cpu() const;
  /// The node with the least left over that holds the request now (best fit), ties to the lower id.
  std::optional<Placement> place(const protocol::Resources& resources) const;
  void take(const protocol::Resources& resources, const Placement& placement);
  /// Sets aside what a waiting job will need, on the node that is nearest to having it, so that
  /// later jobs cannot keep it waiting.
  void hold(const protocol::Resources& resources);
  /// Words on why no node holds the request now, one for each node that could hold it when empty.
  std::vector<std::string> shortages(const protocol::Resources& resources) const;

 private:
  struct Node {
    const NodeOffer* offer = nullptr;
    std::int64_t cpus = 0;
    std::int64_t memory_bytes = 0;
    std::set<std::string> devices;  // ids of free ones
  };
  std::vector<std::string> free_devices(const Node& node,
                                        const protocol::Resources& resources) const;

  std::map<NodeId, Node> nodes_;
};

/// True when the node, all of it free, holds the request.
bool fits_when_empty(const NodeOffer& offer, const protocol::Resources& resources);
/// True when the device is of the type that was asked for (letters compare without case).
bool is_of_type(const Device& device, const protocol::Resources& resources);

}  // namespace galley::scheduler
