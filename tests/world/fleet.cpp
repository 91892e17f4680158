#include "fleet.h"

#include <array>
#include <numeric>

namespace galley::world {

std::vector<std::vector<std::int64_t>> cells_of(std::int64_t gpus) {
  std::vector<std::vector<std::int64_t>> cells;
  for (std::int64_t size = 2; size < gpus; size *= 2)
    for (std::int64_t first = 0; first + size <= gpus; first += size) {
      cells.emplace_back(static_cast<std::size_t>(size));
      std::iota(cells.back().begin(), cells.back().end(), first);
    }
  if (gpus > 1) {
    cells.emplace_back(static_cast<std::size_t>(gpus));
    std::iota(cells.back().begin(), cells.back().end(), 0);
  }
  return cells;
}

std::vector<protocol::NodeRecord> make_fleet(Dice& dice, IdSource& ids) {
  constexpr std::array<std::int64_t, 8> kSizes{8, 8, 8, 4, 4, 3, 6, 0};
  constexpr std::array<std::string_view, 2> kModels{"NVIDIA H100", "NVIDIA A100"};
  const auto count = static_cast<std::size_t>(dice.between(4, 12));
  const std::int64_t racks = dice.between(1, 3);
  std::vector<protocol::NodeRecord> nodes;
  for (std::size_t n = 0; n < count; ++n) {
    protocol::NodeRecord node;
    node.id = ids.next<NodeTag>();
    node.name = "n" + std::to_string(n);
    const std::int64_t gpus = n == 0 ? 8 : kSizes[dice.below(kSizes.size())];
    node.cpus = gpus == 0 ? 8 : 256;
    node.memory_bytes = std::int64_t{256} << 30;
    node.zone = {"rack" + std::to_string(dice.between(1, racks))};
    const std::string model(kModels[dice.below(kModels.size())]);
    const bool shareable = dice.percent(30);
    for (std::int64_t i = 0; i < gpus; ++i)
      node.devices.push_back({.id = node.name + "-" + std::to_string(i),
                              .index = i,
                              .model = model,
                              .memory_bytes = std::int64_t{80} << 30,
                              .shareable = shareable});
    if (gpus > 0) {
      protocol::TopologyRecord topology{"stated", {}};
      for (auto& cell : cells_of(gpus)) topology.cells.push_back({"cell", "", std::move(cell)});
      node.topology = std::move(topology);
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace galley::world
