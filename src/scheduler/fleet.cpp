#include "fleet.h"

#include <algorithm>
#include <bit>
#include <cctype>

namespace galley::scheduler {
namespace {

constexpr std::int64_t kMebibyte = std::int64_t{1} << 20;
/// No model has this number: a request for it fits nowhere.
constexpr ModelIndex kNoModel{0xffff};

std::int64_t to_mib(std::int64_t bytes) { return (bytes + kMebibyte - 1) / kMebibyte; }

bool contains_words(const std::string& model, const std::string& words) {
  const auto same_letter = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  return std::search(model.begin(), model.end(), words.begin(), words.end(), same_letter) !=
         model.end();
}

Abilities abilities_of(const NodeOffer& offer) {
  return static_cast<Abilities>((offer.runs_images ? kRunsImages : 0) |
                                (offer.builds_images ? kBuildsImages : 0));
}

Abilities needs_of(const QueuedJob& job) {
  switch (job.container) {
    case Container::none:
      return 0;
    case Container::run:
      return kRunsImages;
    case Container::build:
      return kRunsImages | kBuildsImages;
  }
  return 0;
}

NodeSpec spec_of(const NodeOffer& offer) {
  NodeSpec spec{.cpu_milli = offer.cpus * 1000,
                .memory_mib = offer.memory_bytes / kMebibyte,
                .devices = {},
                .cells = {offer.cells.begin(), offer.cells.end()},
                .zone = offer.zone,
                .abilities = abilities_of(offer)};
  for (const Device& device : offer.devices)
    spec.devices.push_back({device.model, device.memory_bytes / kMebibyte, device.shareable});
  return spec;
}

DeviceSet in_service(const NodeOffer& offer) {
  DeviceSet devices = 0;
  for (std::size_t i = 0; i < offer.devices.size(); ++i)
    if (offer.devices[i].in_service) devices |= DeviceSet{1} << i;
  return devices;
}

/// The same but for what is in service: the node's place in the Pool can stay.
bool same_shape(const NodeOffer& left, const NodeOffer& right) {
  if (left.cpus != right.cpus || left.memory_bytes != right.memory_bytes ||
      left.cells != right.cells || left.zone != right.zone ||
      abilities_of(left) != abilities_of(right))
    return false;
  return std::ranges::equal(left.devices, right.devices, [](const Device& a, const Device& b) {
    return a.id == b.id && a.model == b.model && a.memory_bytes == b.memory_bytes &&
           a.shareable == b.shareable;
  });
}

}  // namespace

DeviceSet devices_of(const Pool& pool, NodeIndex node, const std::vector<ModelIndex>& models) {
  DeviceSet devices = 0;
  for (int i = 0; i < pool.gpu_count(node); ++i)
    if (models.empty() || std::ranges::binary_search(models, pool.device_model(node, i)))
      devices |= DeviceSet{1} << i;
  return devices;
}

void Fleet::set(NodeOffer offer) {
  if (offer.devices.size() > kMostGpusOfANode) offer.devices.resize(kMostGpusOfANode);
  auto shared = std::make_shared<const NodeOffer>(std::move(offer));
  const auto index = find(shared->id);
  if (!changed_ && index && same_shape(this->offer(*index), *shared)) {
    pool_.set_in_service(*index, in_service(*shared));
    pool_.set_open(*index, shared->open);
    by_index_[static_cast<std::size_t>(*index)] = shared;
  } else {
    changed_ = true;
  }
  offers_[shared->id] = std::move(shared);
}

void Fleet::remove(const NodeId& node) {
  if (offers_.erase(node) > 0) changed_ = true;
}

bool Fleet::renumber() {
  if (!changed_) return false;
  changed_ = false;
  pool_ = Pool();
  by_index_.clear();
  index_of_.clear();
  model_names_.clear();
  most_gpus_of_a_node_ = 0;
  for (const auto& [id, offer] : offers_) {
    const NodeIndex index = pool_.add_node(spec_of(*offer));
    pool_.set_in_service(index, in_service(*offer));
    pool_.set_open(index, offer->open);
    by_index_.push_back(offer);
    index_of_.emplace(id, index);
    most_gpus_of_a_node_ = std::max(most_gpus_of_a_node_, pool_.gpu_count(index));
    for (const Device& device : offer->devices) {
      const auto model = static_cast<std::size_t>(pool_.model(device.model));
      if (model_names_.size() <= model) model_names_.resize(model + 1);
      model_names_[model] = device.model;
    }
  }
  return true;
}

const std::string& Fleet::name(NodeIndex node) const {
  const NodeOffer& known = offer(node);
  return known.name.empty() ? known.id.str() : known.name;
}

std::optional<NodeIndex> Fleet::find(const NodeId& node) const {
  const auto found = index_of_.find(node);
  if (found == index_of_.end()) return std::nullopt;
  return found->second;
}

std::vector<ModelIndex> Fleet::models(const std::string& words) const {
  std::vector<ModelIndex> models;
  if (words.empty()) return models;
  for (std::size_t i = 0; i < model_names_.size(); ++i)
    if (contains_words(model_names_[i], words)) models.push_back(static_cast<ModelIndex>(i));
  if (models.empty()) models.push_back(kNoModel);
  return models;
}

std::vector<Request> Fleet::members(const QueuedJob& job) const {
  const protocol::Resources& resources = job.resources;
  Request request{
      .cpu_milli = resources.cpus * 1000,
      .memory_mib = to_mib(resources.memory.count),
      .gpus = static_cast<int>(std::min<std::int64_t>(resources.gpus, kMostGpusOfANode + 1)),
      .gpu_milli = static_cast<int>(resources.gpu_milli.value_or(kWholeGpuMilli)),
      .gpu_memory_mib = to_mib(resources.gpu_memory.value_or(protocol::Bytes{}).count),
      .models = models(resources.gpu_type.value_or("")),
      .needs = needs_of(job)};
  if (request.gpus == 0) request.models.clear();
  std::vector<Request> members;
  for (const std::int64_t gpus : job.uneven_gpus) {
    request.gpus = static_cast<int>(gpus);
    members.push_back(request);
  }
  if (members.empty())
    members.assign(static_cast<std::size_t>(std::max<std::int64_t>(resources.nodes, 1)), request);
  return members;
}

Placement Fleet::placement(const std::vector<Grant>& grants) const {
  Placement placement;
  for (const Grant& grant : grants) {
    const NodeOffer& node = offer(grant.node);
    NodeShare share{node.id, {}};
    for (DeviceSet left = grant.devices; left != 0; left &= left - 1)
      share.device_ids.push_back(node.devices[static_cast<std::size_t>(std::countr_zero(left))].id);
    placement.shares.push_back(std::move(share));
  }
  return placement;
}

std::vector<Held> Fleet::take(const QueuedJob& job, const Placement& placement) {
  std::vector<Held> held;
  const std::vector<Request> asked = members(job);
  for (std::size_t i = 0; i < placement.shares.size(); ++i) {
    const NodeShare& share = placement.shares[i];
    const auto node = find(share.node);
    if (!node) continue;
    Held one{asked[std::min(i, asked.size() - 1)], {}, {*node, 0}};
    const auto& devices = offer(*node).devices;
    for (std::size_t d = 0; d < devices.size(); ++d)
      if (std::ranges::find(share.device_ids, devices[d].id) != share.device_ids.end())
        one.grant.devices |= DeviceSet{1} << d;
    one.asked.gpus = std::popcount(one.grant.devices);
    one.asked.needs = 0;  // it runs: that its node has lost its engine meanwhile changes nothing
    if (one.asked.gpus == 0) {  // its devices are gone: no part of one is held either
      one.asked.gpu_milli = kWholeGpuMilli;
      one.asked.gpu_memory_mib = 0;
      one.asked.models.clear();
    }
    take(one);
    held.push_back(std::move(one));
  }
  return held;
}

void Fleet::take(Held& held) {
  held.request = held.asked;
  held.request.cpu_milli = std::min(held.asked.cpu_milli, pool_.cpu_free_milli(held.grant.node));
  held.request.memory_mib = std::min(held.asked.memory_mib, pool_.memory_free_mib(held.grant.node));
  pool_.take(held.request, held.grant);
}

}  // namespace galley::scheduler
