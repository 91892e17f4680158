#include "cluster/sizes.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

namespace galley::cluster {
namespace {

std::string joined_models(const std::vector<std::string>& models) {
  const std::set<std::string> distinct(models.begin(), models.end());
  std::string text;
  for (const std::string& model : distinct) text += (text.empty() ? "" : " + ") + model;
  return text;
}

void count_models(const FleetNode& node, std::vector<ModelSizes>& types) {
  std::map<std::string, int> here;
  for (const std::string& model : node.models) ++here[model];
  for (const auto& [model, count] : here) {
    auto known = std::ranges::find(types, model, &ModelSizes::gpu_type);
    if (known == types.end()) known = types.insert(types.end(), {model, 0, 0});
    known->gpus += count;
    known->largest_node = std::max(known->largest_node, count);
  }
}

}  // namespace

NodeSizes sizes_of_node(const CellTree& tree, DeviceMask bad) {
  NodeSizes sizes{
      .gpus = tree.device_count, .one_cell = {}, .several_cells = {}, .after_repair = {}};
  const int healthy = tree.device_count - std::popcount(bad);
  const auto is_one_cell = [&](int size) {
    return size == 1 || std::ranges::any_of(tree.cells, [&](const Cell& cell) {
             return std::popcount(cell.devices) == size && (cell.devices & bad) == 0;
           });
  };
  for (int size = 1; size <= tree.device_count; ++size) {
    if (size > healthy)
      sizes.after_repair.push_back(size);
    else if (is_one_cell(size))
      sizes.one_cell.push_back(size);
    else
      sizes.several_cells.push_back(size);
  }
  return sizes;
}

FleetSizes sizes_of_fleet(std::span<const FleetNode> nodes) {
  FleetSizes fleet;
  std::set<int> one_cell;
  std::vector<const FleetNode*> examples;  // of each node type
  for (const FleetNode& node : nodes) {
    if (node.tree.device_count == 0) continue;
    fleet.gpus += node.tree.device_count;
    fleet.largest_node = std::max(fleet.largest_node, node.tree.device_count);
    count_models(node, fleet.gpu_types);
    const auto alike = std::ranges::find_if(examples, [&](const FleetNode* other) {
      return other->models == node.models && other->tree.cells == node.tree.cells;
    });
    const auto place = static_cast<std::size_t>(alike - examples.begin());
    if (alike == examples.end()) {
      examples.push_back(&node);
      NodeTypeSizes& type = fleet.node_types.emplace_back();
      type.gpu_type = joined_models(node.models);
      type.sizes = sizes_of_node(node.tree, 0);
      one_cell.insert(type.sizes.one_cell.begin(), type.sizes.one_cell.end());
    }
    fleet.node_types[place].nodes.push_back(node.name);
  }
  for (int size = 1; size <= fleet.largest_node; ++size)
    (one_cell.contains(size) ? fleet.one_cell : fleet.several_cells).push_back(size);
  return fleet;
}

}  // namespace galley::cluster
