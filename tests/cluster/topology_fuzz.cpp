#include <bit>
#include <cstdint>
#include <numeric>
#include <string_view>

#include "base/json.h"
#include "cluster/sizes.h"
#include "cluster/topology_file.h"

namespace {

using namespace galley::cluster;

void check_tree(const CellTree& tree) {
  for (const Cell& cell : tree.cells) {
    GALLEY_CHECK(std::popcount(cell.devices) >= 2, "no cell of one GPU");
    GALLEY_CHECK(std::countl_zero(cell.devices) >= kMostCellDevices - tree.device_count,
                 "GPUs that exist");
    for (const Cell& other : tree.cells) {
      const DeviceMask shared = cell.devices & other.devices;
      GALLEY_CHECK(shared == 0 || shared == cell.devices || shared == other.devices,
                   "nested or disjoint");
    }
  }
  const NodeSizes sizes = sizes_of_node(tree, 1);
  GALLEY_CHECK(static_cast<int>(sizes.one_cell.size() + sizes.several_cells.size() +
                                sizes.after_repair.size()) == tree.device_count,
               "each size in one list");
  const auto again = tree_of(record_of(tree), tree.device_count);
  GALLEY_CHECK(again && again->cells == tree.cells, "reads back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto matrix = parse_topo_matrix(text)) {
    std::vector<int> indices = matrix->indices;
    if (indices.size() < static_cast<std::size_t>(kMostCellDevices)) indices.push_back(-1);
    const auto tree = derive_cells(*matrix, indices);
    GALLEY_CHECK(tree, "as many as cells can name");
    if (!tree->cells.empty())
      GALLEY_CHECK(std::popcount(tree->cells.back().devices) == tree->device_count, "the node");
    check_tree(*tree);
  }
  if (const auto json = galley::parse_json(text))
    if (const auto file = parse_topology_file(*json)) {
      for (const StatedNodeType& type : file->node_types)
        if (const auto tree = cells_of(type)) check_tree(*tree);
      (void)stated_node(*file, "node-1").has_value();
    }
  return 0;
}
