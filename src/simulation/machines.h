#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "simulation/policy.h"
#include "simulation/workload.h"

namespace galley::simulation {

/// Which node of those that fit: the fullest, or the first that already runs something.
enum class Fit { best, packing };

/// What is free on each node, by count: the whole world of the reference policies, and the engine's
/// own books. A node that states no processors or memory has as much as anybody asks.
class Machines {
 public:
  explicit Machines(const Cluster& cluster);

  /// A place for all members or for none, each on a node of its own. Ties go to the lower node.
  std::optional<Grant> place(const Shape& shape, Fit fit) const;
  /// The same among some nodes only.
  template <class Allowed>
  std::optional<Grant> place_where(const Shape& shape, Fit fit, Allowed&& allowed) const;

  /// False, and nothing taken, when a node has less than that.
  bool take(const Shape& shape, const Grant& grant);
  void give(const Shape& shape, const Grant& grant);

  std::size_t node_count() const { return nodes_.size(); }
  std::int32_t free_gpus(std::uint32_t node) const { return nodes_[node].free; }
  std::int32_t free_gpus() const { return free_; }
  std::int32_t gpu_count() const { return total_; }
  bool fits(std::uint32_t node, const Shape& shape, std::int32_t gpus) const;

 private:
  struct Node {
    std::int32_t free = 0;
    std::int32_t gpus = 0;
    std::uint32_t type = 0;
    std::int32_t running = 0;  // members, so that a node with jobs of no GPU counts as in use
    std::int64_t cpus_free = 0;
    std::int64_t memory_free_bytes = 0;
    bool cpus_bind = false;
    bool memory_binds = false;
  };
  bool suits(const Node& node, const Shape& shape) const;

  std::shared_ptr<const std::vector<NodeType>> types_;  // shared: plans are made on copies
  std::vector<Node> nodes_;
  std::int32_t free_ = 0;
  std::int32_t total_ = 0;
};

template <class Allowed>
std::optional<Grant> Machines::place_where(const Shape& shape, Fit fit, Allowed&& allowed) const {
  Grant grant;
  const auto is_taken = [&grant](std::uint32_t node) {
    for (const Share& share : grant)
      if (share.node == node) return true;
    return false;
  };
  for (const std::int32_t gpus : shape.members) {
    std::optional<std::uint32_t> best;
    for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
      if (nodes_[node].free < gpus || !fits(node, shape, gpus) || !allowed(node, gpus)) continue;
      if (shape.members.size() > 1 && is_taken(node)) continue;
      const bool better =
          !best || (fit == Fit::best ? nodes_[node].free < nodes_[*best].free
                                     : nodes_[node].running > 0 && nodes_[*best].running == 0);
      if (better) best = node;
      if (fit == Fit::best && nodes_[node].free == gpus) break;
    }
    if (!best) return std::nullopt;
    grant.push_back({*best, gpus});
  }
  return grant;
}

}  // namespace galley::simulation
