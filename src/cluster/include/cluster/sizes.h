#pragma once

#include <span>
#include <string>
#include <vector>

#include "cluster/topology.h"

namespace galley::cluster {

/// Which numbers of GPUs one node can give to a job, each size from 1 to `gpus` in one list.
/// Larger ones can never run on such a node.
struct NodeSizes {
  int gpus = 0;
  std::vector<int> one_cell;       // as one buddy cell (1 is a GPU by itself)
  std::vector<int> several_cells;  // never as one cell, only as a set of them
  std::vector<int> after_repair;   // not before devices that are out of service come back
  bool operator==(const NodeSizes&) const = default;
};

/// `bad` are the devices out of service: a cell that holds one cannot be given. Pure.
NodeSizes sizes_of_node(const CellTree& tree, DeviceMask bad);

/// What a report on the fleet needs of one node.
struct FleetNode {
  std::string name;
  std::vector<std::string> models;  // of each device
  CellTree tree;
};

/// Nodes that are alike: the same GPUs in the same cells.
struct NodeTypeSizes {
  std::string gpu_type;  // the models, joined by " + " where a node has several
  std::vector<std::string> nodes;
  NodeSizes sizes;  // with all devices in service
};

/// How far a job of one GPU model can go: up to largest_node GPUs on one node, more up to `gpus`
/// only over several nodes, and above that never.
struct ModelSizes {
  std::string gpu_type;
  int gpus = 0;
  int largest_node = 0;
};

struct FleetSizes {
  int gpus = 0;
  int largest_node = 0;
  std::vector<int> one_cell;       // on one node of some type
  std::vector<int> several_cells;  // on one node, but as one cell on none
  std::vector<NodeTypeSizes> node_types;
  std::vector<ModelSizes> gpu_types;
};

/// Sizes that can ever run: devices out of service count, since they may come back. Pure; in the
/// order of the nodes. O(nodes * node types).
FleetSizes sizes_of_fleet(std::span<const FleetNode> nodes);

}  // namespace galley::cluster
