#pragma once

#include <string>
#include <vector>

#include "scheduler/pool.h"

namespace galley::scheduler {

/// What a machine is, apart from what is free on it; machines of one build share it.
struct NodeShape {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_mib = 0;
  std::vector<DeviceSpec> devices;
  std::vector<ModelIndex> models;           // of each device
  std::vector<std::int32_t> memory_mib_of;  // of each device
  std::vector<DeviceSet> cells;             // complete_cells()
  Abilities abilities = 0;
  bool has_inner_cells = false;  // some between a single GPU and the node
  DeviceSet all = 0;
};

/// The tables that copies of a Pool share. Replaced, not changed, when a node brings something new.
struct PoolTables {
  std::vector<std::string> models;
  std::vector<NodeShape> shapes;
  std::vector<std::vector<std::string>> zones;
};

}  // namespace galley::scheduler
