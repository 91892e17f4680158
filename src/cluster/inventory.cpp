#include "cluster/inventory.h"

namespace galley::cluster {

TopologyReport look_at_topology(const GpuProbe& probe, std::span<const int> device_indices) {
  TopologyReport report;
  if (device_indices.empty()) return report;
  auto tree = forge_cells(static_cast<int>(device_indices.size()));
  if (!tree) {
    report.error = std::move(tree).error();
    return report;
  }
  report.tree = *std::move(tree);
  if (device_indices.size() < 2) return report;
  auto matrix = probe.look_at_links();
  if (!matrix) {
    report.error = std::move(matrix).error();
    return report;
  }
  auto discovered = derive_cells(*matrix, device_indices);
  GALLEY_CHECK(discovered, "as many devices as were forged");
  report.tree = *std::move(discovered);
  return report;
}

Result<Inventory> take_inventory(GpuProbe& probe) {
  GALLEY_TRY(HostCapacity host, host_capacity());
  const GpuReport& gpus = probe.look();
  std::vector<int> indices;
  for (const GpuDevice& device : gpus.devices) indices.push_back(device.index);
  // A driver that does not answer the first question is not asked a second one.
  TopologyReport topology = gpus.error ? TopologyReport{} : look_at_topology(probe, indices);
  return Inventory{std::move(host), gpus, std::move(topology)};
}

}  // namespace galley::cluster
