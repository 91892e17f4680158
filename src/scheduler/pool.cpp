#include "scheduler/pool.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>

#include "base/result.h"
#include "buddy.h"
#include "gpu_states.h"
#include "node_shape.h"

namespace galley::scheduler {
namespace {

constexpr DeviceSet bit(int device) { return DeviceSet{1} << device; }

/// Calls visit(device) for each bit, lowest first.
template <class Visit>
void for_each_device(DeviceSet devices, Visit&& visit) {
  for (; devices != 0; devices &= devices - 1) visit(std::countr_zero(devices));
}

/// Two PiB: more than any GPU has, and small enough for the dense arrays.
std::int32_t dense_memory(std::int64_t mib) {
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(mib, 0, std::numeric_limits<std::int32_t>::max()));
}

bool allows_model(const Request& request, ModelIndex model) {
  return request.models.empty() || std::ranges::binary_search(request.models, model);
}

template <class T>
std::uint32_t intern(std::vector<T>& values, const T& value) {
  const auto found = std::ranges::find(values, value);
  if (found == values.end()) {
    values.push_back(value);
    return static_cast<std::uint32_t>(values.size() - 1);
  }
  return static_cast<std::uint32_t>(found - values.begin());
}

bool same_shape(const NodeShape& a, const NodeShape& b) {
  return a.cpu_milli == b.cpu_milli && a.memory_mib == b.memory_mib && a.devices == b.devices &&
         a.cells == b.cells && a.abilities == b.abilities;
}

}  // namespace

bool is_valid(const Request& request) {
  return request.cpu_milli >= 0 && request.memory_mib >= 0 && request.gpu_memory_mib >= 0 &&
         request.gpus >= 0 && request.gpus <= kMostGpusOfANode && request.gpu_milli >= 1 &&
         request.gpu_milli <= kWholeGpuMilli &&
         (request.gpu_milli == kWholeGpuMilli || request.gpus == 1) &&
         std::ranges::is_sorted(request.models);
}

Pool::Pool()
    : tables_(std::make_shared<PoolTables>()),
      states_(std::make_shared<GpuStates>()),
      bucket_first_(kBuckets, kNoGroup) {}

ModelIndex Pool::model(std::string_view name) {
  if (const auto known = find_model(name)) return *known;
  GALLEY_CHECK(tables_->models.size() < std::numeric_limits<std::uint16_t>::max(),
               "too many GPU models");
  auto tables = std::make_shared<PoolTables>(*tables_);
  tables->models.emplace_back(name);
  tables_ = std::move(tables);
  return ModelIndex{static_cast<std::uint16_t>(tables_->models.size() - 1)};
}

std::optional<ModelIndex> Pool::find_model(std::string_view name) const {
  const auto found = std::ranges::find(tables_->models, name);
  if (found == tables_->models.end()) return std::nullopt;
  return ModelIndex{static_cast<std::uint16_t>(found - tables_->models.begin())};
}

const std::string& Pool::model_name(ModelIndex model) const {
  return tables_->models.at(static_cast<std::size_t>(model));
}

NodeIndex Pool::add_node(const NodeSpec& spec) {
  GALLEY_CHECK(spec.devices.size() <= std::size_t{kMostGpusOfANode}, "too many devices on a node");
  GALLEY_CHECK(spec.cpu_milli >= 0 && spec.memory_mib >= 0, "a node with less than nothing");
  NodeShape shape{.cpu_milli = spec.cpu_milli,
                  .memory_mib = spec.memory_mib,
                  .devices = spec.devices,
                  .models = {},
                  .memory_mib_of = {},
                  .cells = complete_cells(spec.cells, static_cast<int>(spec.devices.size())),
                  .abilities = spec.abilities,
                  .has_inner_cells = false,
                  .all = 0};
  if (!shape.cells.empty()) shape.all = shape.cells.back();
  shape.has_inner_cells = shape.cells.size() > spec.devices.size() + 1;
  for (const auto& device : spec.devices) {
    shape.models.push_back(model(device.model));
    shape.memory_mib_of.push_back(dense_memory(device.memory_mib));
  }

  auto known = std::ranges::find_if(tables_->shapes,
                                    [&](const NodeShape& old) { return same_shape(old, shape); });
  const auto number = static_cast<std::uint32_t>(known - tables_->shapes.begin());
  const auto zone = std::ranges::find(tables_->zones, spec.zone);
  const auto zone_number = static_cast<std::uint32_t>(zone - tables_->zones.begin());
  if (known == tables_->shapes.end() || zone == tables_->zones.end()) {
    auto tables = std::make_shared<PoolTables>(*tables_);
    if (number == tables->shapes.size()) tables->shapes.push_back(shape);
    if (zone_number == tables->zones.size()) tables->zones.push_back(spec.zone);
    tables_ = std::move(tables);
  }

  const NodeIndex node{static_cast<std::uint32_t>(node_count())};
  shape_.push_back(number);
  zone_.push_back(zone_number);
  first_device_.push_back(static_cast<std::uint32_t>(milli_left_.size()));
  cpu_free_milli_.push_back(spec.cpu_milli);
  memory_free_mib_.push_back(spec.memory_mib);
  free_.push_back(shape.all);
  whole_.push_back(0);
  in_service_.push_back(shape.all);
  open_.push_back(1);
  group_of_.push_back(kNoGroup);
  milli_left_.insert(milli_left_.end(), spec.devices.size(), kWholeGpuMilli);
  memory_left_mib_.insert(memory_left_mib_.end(), shape.memory_mib_of.begin(),
                          shape.memory_mib_of.end());
  regroup(node);
  return node;
}

const NodeShape& Pool::shape(NodeIndex node) const { return tables_->shapes[shape_[at(node)]]; }
std::int64_t Pool::cpu_milli(NodeIndex node) const { return shape(node).cpu_milli; }
std::int64_t Pool::memory_mib(NodeIndex node) const { return shape(node).memory_mib; }
int Pool::gpu_count(NodeIndex node) const { return static_cast<int>(shape(node).devices.size()); }
Abilities Pool::abilities(NodeIndex node) const { return shape(node).abilities; }
int Pool::free_gpus(NodeIndex node) const { return std::popcount(free_devices(node)); }
std::span<const DeviceSet> Pool::cells(NodeIndex node) const { return shape(node).cells; }
const std::vector<std::string>& Pool::zone(NodeIndex node) const {
  return tables_->zones[zone_[at(node)]];
}

int Pool::idle_milli(NodeIndex node, int device) const {
  return milli_left_[first_device_[at(node)] + static_cast<std::size_t>(device)];
}
std::int64_t Pool::idle_memory_mib(NodeIndex node, int device) const {
  return memory_left_mib_[first_device_[at(node)] + static_cast<std::size_t>(device)];
}
ModelIndex Pool::device_model(NodeIndex node, int device) const {
  return shape(node).models[static_cast<std::size_t>(device)];
}
std::int64_t Pool::device_memory_mib(NodeIndex node, int device) const {
  return shape(node).memory_mib_of[static_cast<std::size_t>(device)];
}
bool Pool::device_shareable(NodeIndex node, int device) const {
  return shape(node).devices[static_cast<std::size_t>(device)].shareable;
}

std::int64_t Pool::idle_milli(NodeIndex node) const {
  std::int64_t idle = 0;
  for_each_device(in_service(node), [&](int device) { idle += idle_milli(node, device); });
  return idle;
}

void Pool::set_in_service(NodeIndex node, DeviceSet devices) {
  in_service_[at(node)] = devices & shape(node).all;
  regroup(node);
}

void Pool::set_open(NodeIndex node, bool open) {
  open_[at(node)] = open ? 1 : 0;
  regroup(node);
}

/// The devices that hold the request each on its own: all of those that a whole request may use,
/// or those with the share to spare.
DeviceSet Pool::holders(NodeIndex node, const Request& request) const {
  const NodeShape& build = shape(node);
  DeviceSet found = 0;
  if (request.is_share()) {
    for_each_device(in_service(node) & ~whole_[at(node)], [&](int device) {
      const auto d = static_cast<std::size_t>(device);
      if (build.devices[d].shareable && idle_milli(node, device) >= request.gpu_milli &&
          idle_memory_mib(node, device) >= request.gpu_memory_mib &&
          allows_model(request, build.models[d]))
        found |= bit(device);
    });
    return found;
  }
  for_each_device(free_devices(node), [&](int device) {
    const auto d = static_cast<std::size_t>(device);
    if (build.memory_mib_of[d] >= request.gpu_memory_mib && allows_model(request, build.models[d]))
      found |= bit(device);
  });
  return found;
}

bool Pool::fits(NodeIndex node, const Request& request) const {
  const auto n = at(node);
  if (open_[n] == 0 || cpu_free_milli_[n] < request.cpu_milli ||
      memory_free_mib_[n] < request.memory_mib || (request.needs & ~abilities(node)) != 0)
    return false;
  return request.gpus == 0 || std::popcount(holders(node, request)) >= request.gpus;
}

bool Pool::could_fit(NodeIndex node, const Request& request) const {
  const NodeShape& build = shape(node);
  if (build.cpu_milli < request.cpu_milli || build.memory_mib < request.memory_mib ||
      (request.needs & ~build.abilities) != 0)
    return false;
  int holders = 0;
  for (std::size_t d = 0; d < build.devices.size(); ++d)
    if (build.memory_mib_of[d] >= request.gpu_memory_mib &&
        allows_model(request, build.models[d]) &&
        (!request.is_share() || build.devices[d].shareable))
      ++holders;
  return holders >= request.gpus;
}

DeviceSet Pool::choose_cells(NodeIndex node, int gpus, DeviceSet allowed) const {
  return pick_cells(shape(node).cells, free_devices(node) & allowed, gpus);
}

DeviceSet Pool::choose_devices(NodeIndex node, const Request& request) const {
  if (request.gpus == 0) return 0;
  const DeviceSet found = holders(node, request);
  if (request.is_share()) {
    int best = -1;
    for_each_device(found, [&](int device) {
      if (best < 0 || idle_milli(node, device) < idle_milli(node, best)) best = device;
    });
    GALLEY_CHECK(best >= 0, "no device holds the share");
    // A device that nothing is held on is a cell: which one is opened is a question of cells.
    if (idle_milli(node, best) == kWholeGpuMilli) return choose_cells(node, 1, found);
    return bit(best);
  }
  // One model for all where one suffices, the scarcest first: a job's GPUs wait for the slowest.
  std::map<ModelIndex, DeviceSet> by_model;
  for_each_device(found, [&](int device) { by_model[device_model(node, device)] |= bit(device); });
  DeviceSet among = found;
  int fewest = kMostGpusOfANode + 1;
  for (const auto& [model, devices] : by_model) {
    const int count = std::popcount(devices);
    if (count < request.gpus || count >= fewest) continue;
    fewest = count;
    among = devices;
  }
  return choose_cells(node, request.gpus, among);
}

void Pool::take(const Request& request, const Grant& grant) {
  const auto n = at(grant.node);
  GALLEY_CHECK(is_valid(request), "an invalid request was granted");
  GALLEY_CHECK(n < node_count(), "a grant on a node that is not there");
  GALLEY_CHECK(std::popcount(grant.devices) == request.gpus, "a grant of another number of GPUs");
  cpu_free_milli_[n] -= request.cpu_milli;
  memory_free_mib_[n] -= request.memory_mib;
  GALLEY_CHECK(cpu_free_milli_[n] >= 0 && memory_free_mib_[n] >= 0,
               "more processors or memory given than the node has");
  GALLEY_CHECK((grant.devices & ~shape(grant.node).all) == 0, "a grant of a device not there");
  for_each_device(grant.devices, [&](int device) {
    const auto d = first_device_[n] + static_cast<std::size_t>(device);
    if (request.is_share()) {
      GALLEY_CHECK(device_shareable(grant.node, device), "a share of a device not to be shared");
      GALLEY_CHECK((whole_[n] & bit(device)) == 0, "a share of a device that is given whole");
      GALLEY_CHECK(
          milli_left_[d] >= request.gpu_milli && memory_left_mib_[d] >= request.gpu_memory_mib,
          "a share larger than what the device has left");
      milli_left_[d] = static_cast<std::int16_t>(milli_left_[d] - request.gpu_milli);
      memory_left_mib_[d] = static_cast<std::int32_t>(memory_left_mib_[d] - request.gpu_memory_mib);
    } else {
      GALLEY_CHECK((free_[n] & bit(device)) != 0, "a GPU given twice");
      milli_left_[d] = 0;
      memory_left_mib_[d] = 0;
      whole_[n] |= bit(device);
    }
    free_[n] &= ~bit(device);
  });
  regroup(grant.node);
}

void Pool::give(const Request& request, const Grant& grant) {
  const auto n = at(grant.node);
  GALLEY_CHECK(n < node_count(), "a grant on a node that is not there");
  GALLEY_CHECK(is_valid(request) && std::popcount(grant.devices) == request.gpus &&
                   (grant.devices & ~shape(grant.node).all) == 0,
               "a grant that was never made");
  cpu_free_milli_[n] += request.cpu_milli;
  memory_free_mib_[n] += request.memory_mib;
  const NodeShape& build = shape(grant.node);
  GALLEY_CHECK(cpu_free_milli_[n] <= build.cpu_milli && memory_free_mib_[n] <= build.memory_mib,
               "more processors or memory given back than the node has");
  for_each_device(grant.devices, [&](int device) {
    const auto d = first_device_[n] + static_cast<std::size_t>(device);
    const auto all_memory = build.memory_mib_of[static_cast<std::size_t>(device)];
    if (request.is_share()) {
      GALLEY_CHECK((whole_[n] & bit(device)) == 0, "a share given back of a device given whole");
      milli_left_[d] = static_cast<std::int16_t>(milli_left_[d] + request.gpu_milli);
      const auto memory = memory_left_mib_[d] + request.gpu_memory_mib;
      GALLEY_CHECK(milli_left_[d] <= kWholeGpuMilli && memory <= all_memory,
                   "more of a device given back than it has");
      memory_left_mib_[d] = static_cast<std::int32_t>(memory);
    } else {
      GALLEY_CHECK((whole_[n] & bit(device)) != 0, "a GPU given back that was not held");
      whole_[n] &= ~bit(device);
      milli_left_[d] = kWholeGpuMilli;
      memory_left_mib_[d] = all_memory;
    }
    if (milli_left_[d] == kWholeGpuMilli) free_[n] |= bit(device);
  });
  regroup(grant.node);
}

std::vector<FreeCells> Pool::free_cells() const {
  std::map<std::pair<ModelIndex, int>, std::int64_t> counts;
  for (std::size_t n = 0; n < node_count(); ++n) {
    const NodeIndex node{static_cast<std::uint32_t>(n)};
    if (open_[n] == 0) continue;
    DeviceSet covered = 0;
    const auto free = free_devices(node);
    const auto& cells = shape(node).cells;
    for (auto cell = cells.rbegin(); cell != cells.rend(); ++cell) {
      if ((*cell & free) != *cell || (*cell & covered) == *cell) continue;
      covered |= *cell;
      ++counts[{device_model(node, std::countr_zero(*cell)), std::popcount(*cell)}];
    }
  }
  std::vector<FreeCells> found;
  for (const auto& [key, count] : counts) found.push_back({key.first, key.second, count});
  return found;
}

}  // namespace galley::scheduler
