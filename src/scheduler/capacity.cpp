#include "capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <tuple>

#include "base/units.h"

namespace galley::scheduler {

bool is_of_type(const Device& device, const protocol::Resources& resources) {
  if (!resources.gpu_type) return true;
  const auto same_letter = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  const auto& wanted = *resources.gpu_type;
  return std::search(device.model.begin(), device.model.end(), wanted.begin(), wanted.end(),
                     same_letter) != device.model.end();
}

bool fits_when_empty(const NodeOffer& offer, const protocol::Resources& resources) {
  const auto matching = std::ranges::count_if(
      offer.devices, [&](const Device& device) { return is_of_type(device, resources); });
  return offer.cpus >= resources.cpus && offer.memory_bytes >= resources.memory.count &&
         matching >= resources.gpus;
}

Capacity::Capacity(const Scheduler& scheduler) {
  for (const auto& [id, offer] : scheduler.nodes_) {
    Node& node = nodes_[id];
    node.offer = &offer;
    node.cpus = offer.cpus;
    node.memory_bytes = offer.memory_bytes;
    for (const Device& device : offer.devices) node.devices.insert(device.id);
  }
  for (const auto& [job, placed] : scheduler.placed_) take(placed.resources, placed.placement);
}

bool Capacity::any_free_cpu() const {
  return std::ranges::any_of(nodes_, [](const auto& entry) { return entry.second.cpus > 0; });
}

std::vector<std::string> Capacity::free_devices(const Node& node,
                                                const protocol::Resources& resources) const {
  std::vector<std::string> ids;
  for (const Device& device : node.offer->devices)
    if (node.devices.contains(device.id) && is_of_type(device, resources)) ids.push_back(device.id);
  return ids;
}

std::optional<Placement> Capacity::place(const protocol::Resources& resources) const {
  std::optional<Placement> best;
  std::tuple<std::size_t, std::int64_t> best_left;
  for (const auto& [id, node] : nodes_) {
    if (node.cpus < resources.cpus || node.memory_bytes < resources.memory.count) continue;
    auto devices = free_devices(node, resources);
    const auto wanted = static_cast<std::size_t>(resources.gpus);
    if (devices.size() < wanted) continue;
    const std::tuple left{node.devices.size() - wanted, node.cpus - resources.cpus};
    if (best && left >= best_left) continue;
    devices.resize(wanted);
    best = Placement{id, std::move(devices)};
    best_left = left;
  }
  return best;
}

void Capacity::take(const protocol::Resources& resources, const Placement& placement) {
  const auto found = nodes_.find(placement.node);
  if (found == nodes_.end()) return;  // the node has gone; what it held has gone with it
  Node& node = found->second;
  node.cpus -= resources.cpus;
  node.memory_bytes -= resources.memory.count;
  for (const std::string& device : placement.device_ids) node.devices.erase(device);
}

void Capacity::hold(const protocol::Resources& resources) {
  // The nearest is the one that lacks the least, GPUs first. Nothing that is held goes to others,
  // so the node lacks less and less, and the hold moves only to one that lacks even less: it ends.
  const auto lack = [&](const Node& node) {
    const auto free_gpus = static_cast<std::int64_t>(free_devices(node, resources).size());
    return std::tuple{std::max<std::int64_t>(resources.gpus - free_gpus, 0),
                      std::max<std::int64_t>(resources.cpus - node.cpus, 0),
                      std::max<std::int64_t>(resources.memory.count - node.memory_bytes, 0)};
  };
  Node* nearest = nullptr;
  for (auto& [id, node] : nodes_)
    if (fits_when_empty(*node.offer, resources) &&
        (nearest == nullptr || lack(node) < lack(*nearest)))
      nearest = &node;
  if (nearest == nullptr) return;
  nearest->cpus -= resources.cpus;
  nearest->memory_bytes -= resources.memory.count;
  auto devices = free_devices(*nearest, resources);
  devices.resize(std::min(devices.size(), static_cast<std::size_t>(resources.gpus)));
  for (const std::string& device : devices) nearest->devices.erase(device);
}

std::vector<std::string> Capacity::shortages(const protocol::Resources& resources) const {
  std::vector<std::string> lines;
  for (const auto& [id, node] : nodes_) {
    if (!fits_when_empty(*node.offer, resources)) continue;
    std::string line = id.str() + ":";
    if (node.cpus < resources.cpus)
      line += fmt::format(" {} of {} processors free;", std::max<std::int64_t>(node.cpus, 0),
                          resources.cpus);
    if (node.memory_bytes < resources.memory.count)
      line += fmt::format(" {} of {} memory free;",
                          format_bytes(std::max<std::int64_t>(node.memory_bytes, 0)),
                          format_bytes(resources.memory.count));
    const auto devices = free_devices(node, resources).size();
    if (devices < static_cast<std::size_t>(resources.gpus))
      line += fmt::format(" {} of {} GPUs free;", devices, resources.gpus);
    if (line.back() == ';') line.pop_back();
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace galley::scheduler
