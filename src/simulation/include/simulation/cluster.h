#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scheduler/events.h"
#include "simulation/trace.h"

namespace galley::simulation {

/// More nodes than anybody simulates: a typing error, not a cluster.
inline constexpr std::int64_t kMostNodes = 100'000;
inline constexpr std::int64_t kMostGpusOfANode = 64;

/// Nodes that are all alike. No stated processors or memory: they never bind.
struct NodeType {
  std::int64_t count = 0;
  std::int64_t gpus = 0;  // of each node
  std::string gpu_model = "GPU";
  std::int64_t gpu_memory_bytes = std::int64_t{80} << 30;
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::vector<std::string> zone;
  bool operator==(const NodeType&) const = default;
};

struct Cluster {
  std::vector<NodeType> node_types;
  std::vector<scheduler::Team> teams;  // guarantees and weights, for teams that have any

  std::int64_t node_count() const;
  std::int64_t gpu_count() const;
  /// GPUs of the largest node whose model fits; 0 when there is none.
  std::int64_t largest_node(std::string_view gpu_type) const;
};

/// "64x8": 64 nodes of 8 GPUs. "4xH100x8": with their model. Several, joined by "+".
/// Errors: invalid_argument with what was expected.
Result<Cluster> parse_cluster(std::string_view text);
/// A file `kind: cluster`, `version: 1`, as JSON. Errors: invalid_argument with the field; quotas
/// above the capacity name both numbers.
Result<Cluster> parse_cluster_json(std::string_view text);
/// A folder or file when there is one of that name, else the short form.
Result<Cluster> read_cluster(const std::string& text);

/// Every team of the trace is guaranteed whole nodes by its share of the trace's GPU time, largest
/// remainder first, until all nodes are given. For clusters of equal nodes; others keep what their
/// file states.
void guarantee_by_share(Cluster& cluster, const Trace& trace);

/// Refuses guarantees that are more than there is. Errors: invalid_argument.
Status check_guarantees(const Cluster& cluster);

/// What a team owns as a cluster of its own. Without guarantees: no nodes.
Cluster private_cluster(const Cluster& cluster, std::string_view team);

}  // namespace galley::simulation
