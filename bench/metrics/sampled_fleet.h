#pragma once

#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "protocol/samples.h"

namespace galley::bench {

/// Machines whose sensors wander as real ones do: loads that come and go, temperatures that follow,
/// counters that stand still for days.
class SampledFleet {
 public:
  SampledFleet(std::int64_t nodes, std::int64_t gpus_of_a_node, std::uint64_t seed);

  std::size_t size() const { return nodes_.size(); }
  const std::string& name(std::size_t node) const { return nodes_[node].name; }
  const NodeId& id(std::size_t node) const { return nodes_[node].sample.node; }
  /// The node five seconds later.
  const protocol::NodeSample& next(std::size_t node);

 private:
  struct Node {
    std::string name;
    protocol::NodeSample sample;
  };
  double noise(double width) { return std::normal_distribution<>(0, width)(random_); }

  std::mt19937_64 random_;
  std::vector<Node> nodes_;
};

}  // namespace galley::bench
