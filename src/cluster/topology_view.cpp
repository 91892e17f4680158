#include "cluster/topology_view.h"

#include <algorithm>

#include "cluster/gpu.h"

namespace galley::cluster {
namespace {

DeviceView view_of_device(const protocol::DeviceRecord& device) {
  DeviceView view{device.index, device.model, "free", device.job_id, device.shareable};
  if (device.job_id) view.state = "used";
  // A bad GPU is bad whoever still holds it.
  if (device.state != "in_service") view.state = "bad";
  return view;
}

std::string state_of_cell(const CellView& cell, const std::vector<DeviceView>& devices) {
  std::size_t used = 0;
  for (const std::int64_t place : cell.devices) {
    const std::string& state = devices[static_cast<std::size_t>(place)].state;
    if (state == "bad") return "bad";
    if (state == "used") ++used;
  }
  if (used == 0) return "free";
  return used == cell.devices.size() ? "used" : "part";
}

std::optional<CellTree> tree_of_node(const protocol::NodeRecord& node) {
  const int count = static_cast<int>(std::min<std::size_t>(node.devices.size(), kMostGpus));
  if (node.topology)
    if (auto tree = tree_of(*node.topology, count)) return *std::move(tree);
  if (auto tree = forge_cells(count)) return *std::move(tree);
  return std::nullopt;
}

NodeView view_of_node(const protocol::NodeRecord& node, FleetNode& of_fleet) {
  NodeView view;
  view.node_id = node.id;
  view.name = node.name;
  view.zone = node.zone;
  of_fleet.name = node.name;
  for (const protocol::DeviceRecord& device : node.devices) {
    view.devices.push_back(view_of_device(device));
    of_fleet.models.push_back(device.model);
  }
  const auto tree = tree_of_node(node);
  if (!tree || node.devices.empty()) return view;
  DeviceMask bad = 0;
  for (std::size_t i = 0; i < view.devices.size(); ++i)
    if (view.devices[i].state == "bad") bad |= DeviceMask{1} << i;
  view.source = to_string(tree->source);
  view.sizes = sizes_of_node(*tree, bad);
  for (const protocol::CellRecord& cell : record_of(*tree).cells) {
    CellView& out = view.cells.emplace_back(CellView{cell.level, cell.link, cell.devices, {}});
    out.state = state_of_cell(out, view.devices);
  }
  of_fleet.tree = *tree;
  return view;
}

}  // namespace

TopologyView view_of(std::span<const protocol::NodeRecord> nodes) {
  TopologyView view;
  std::vector<FleetNode> fleet(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    view.items.push_back(view_of_node(nodes[i], fleet[i]));
  view.fleet = sizes_of_fleet(fleet);
  return view;
}

TopologyView view_of(const TopologyFile& file) {
  std::vector<protocol::NodeRecord> nodes;
  for (const StatedNodeType& type : file.node_types) {
    protocol::NodeRecord& node = nodes.emplace_back();
    node.name = type.name;
    for (std::int64_t i = 0; i < type.gpus; ++i) {
      protocol::DeviceRecord& device = node.devices.emplace_back();
      device.index = i;
      device.model = "GPU";
    }
    if (const auto tree = cells_of(type)) node.topology = record_of(*tree);
  }
  return view_of(nodes);
}

}  // namespace galley::cluster
