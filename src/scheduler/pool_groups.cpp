// The index of a Pool's states: which nodes are alike, and how much they have free.
#include <algorithm>
#include <bit>

#include "base/result.h"
#include "buddy.h"
#include "gpu_states.h"
#include "node_shape.h"
#include "scheduler/pool.h"

namespace galley::scheduler {
namespace {

constexpr std::size_t kFewestSlots = 64;

std::size_t number(GroupIndex group) { return static_cast<std::size_t>(group); }

}  // namespace

GpuState Pool::state_of(NodeIndex node) const {
  const NodeShape& build = shape(node);
  GpuState state;
  state.abilities = build.abilities;
  for (DeviceSet left = in_service(node); left != 0; left &= left - 1) {
    const int device = std::countr_zero(left);
    const int idle = idle_milli(node, device);
    if (idle == 0) continue;
    const auto d = static_cast<std::size_t>(device);
    state.gpus.push_back({.model = build.models[d],
                          .shareable = build.devices[d].shareable,
                          .milli = static_cast<std::int16_t>(idle),
                          .memory_mib = static_cast<std::int32_t>(idle_memory_mib(node, device)),
                          .count = 1});
  }
  std::ranges::sort(state.gpus);
  std::size_t kept = 0;
  for (std::size_t i = 1; i < state.gpus.size(); ++i) {
    auto same = state.gpus[i];
    same.count = state.gpus[kept].count;
    if (same == state.gpus[kept])
      ++state.gpus[kept].count;
    else
      state.gpus[++kept] = state.gpus[i];
  }
  if (!state.gpus.empty()) state.gpus.resize(kept + 1);
  if (build.has_inner_cells) state.cells = whole_cells(build.cells, free_devices(node));
  return state;
}

std::size_t Pool::bucket_of(NodeIndex node) const {
  const int whole = free_gpus(node);
  if (whole > 0) return 1 + static_cast<std::size_t>(whole);
  return idle_milli(node) > 0 ? 1 : 0;
}

GpuState Pool::gpu_state(GpuStateId id) const { return states_->state(id); }

void Pool::regroup(NodeIndex node) {
  leave_group(node);
  if (open_[at(node)] == 0) return;
  if (states_->size() > GpuStates::kMost + node_count()) renew_states();
  join_group(node, states_->number(state_of(node)), bucket_of(node));
}

/// Starts a new table with the states that this pool's nodes are in; copies keep the old one.
void Pool::renew_states() {
  states_ = std::make_shared<GpuStates>();
  groups_.clear();
  unused_groups_.clear();
  slots_.clear();
  groups_used_ = 0;
  std::ranges::fill(bucket_first_, kNoGroup);
  for (std::size_t n = 0; n < node_count(); ++n) {
    if (group_of_[n] == kNoGroup) continue;
    group_of_[n] = kNoGroup;
    const NodeIndex node{static_cast<std::uint32_t>(n)};
    join_group(node, states_->number(state_of(node)), bucket_of(node));
  }
}

std::size_t Pool::home_slot(GpuStateId gpus, std::int64_t cpu, std::int64_t memory) const {
  auto hash = static_cast<std::uint64_t>(gpus) * 0x9E3779B97F4A7C15ULL;
  hash = (hash ^ static_cast<std::uint64_t>(cpu)) * 0xC2B2AE3D27D4EB4FULL;
  hash = (hash ^ (hash >> 29) ^ static_cast<std::uint64_t>(memory)) * 0x165667B19E3779F9ULL;
  return static_cast<std::size_t>(hash ^ (hash >> 32)) & (slots_.size() - 1);
}

void Pool::grow_slots() {
  const auto old = std::move(slots_);
  slots_.assign(std::max(kFewestSlots, old.size() * 2), kNoGroup);
  for (const auto index : old) {
    if (index == kNoGroup) continue;
    const Group& moved = groups_[number(index)];
    auto slot = home_slot(moved.gpus, moved.cpu_free_milli, moved.memory_free_mib);
    while (slots_[slot] != kNoGroup) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = index;
  }
}

void Pool::join_group(NodeIndex node, GpuStateId gpus, std::size_t bucket) {
  if (2 * (groups_used_ + 1) > slots_.size()) grow_slots();
  const auto cpu = cpu_free_milli(node);
  const auto memory = memory_free_mib(node);
  auto slot = home_slot(gpus, cpu, memory);
  for (; slots_[slot] != kNoGroup; slot = (slot + 1) & (slots_.size() - 1)) {
    Group& known = groups_[number(slots_[slot])];
    if (known.gpus != gpus || known.cpu_free_milli != cpu || known.memory_free_mib != memory)
      continue;
    ++known.nodes;
    group_of_[at(node)] = slots_[slot];
    return;
  }
  GroupIndex index{static_cast<std::uint32_t>(groups_.size())};
  if (unused_groups_.empty()) {
    groups_.emplace_back();
  } else {
    index = unused_groups_.back();
    unused_groups_.pop_back();
  }
  ++groups_used_;
  slots_[slot] = index;
  group_of_[at(node)] = index;
  const auto first = bucket_first_[bucket];
  groups_[number(index)] = {.gpus = gpus,
                            .cpu_free_milli = cpu,
                            .memory_free_mib = memory,
                            .nodes = 1,
                            .bucket = static_cast<std::uint32_t>(bucket),
                            .next = first,
                            .previous = kNoGroup};
  if (first != kNoGroup) groups_[number(first)].previous = index;
  bucket_first_[bucket] = index;
}

void Pool::leave_group(NodeIndex node) {
  const auto index = group_of_[at(node)];
  if (index == kNoGroup) return;
  group_of_[at(node)] = kNoGroup;
  Group& left = groups_[number(index)];
  if (--left.nodes > 0) return;

  if (left.next != kNoGroup) groups_[number(left.next)].previous = left.previous;
  if (left.previous != kNoGroup)
    groups_[number(left.previous)].next = left.next;
  else
    bucket_first_[left.bucket] = left.next;

  // Linear probing without tombstones: what follows in the same run moves up into the hole.
  const auto mask = slots_.size() - 1;
  auto hole = home_slot(left.gpus, left.cpu_free_milli, left.memory_free_mib);
  while (slots_[hole] != index) hole = (hole + 1) & mask;
  for (auto slot = (hole + 1) & mask; slots_[slot] != kNoGroup; slot = (slot + 1) & mask) {
    const Group& other = groups_[number(slots_[slot])];
    const auto home = home_slot(other.gpus, other.cpu_free_milli, other.memory_free_mib);
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    slots_[hole] = slots_[slot];
    hole = slot;
  }
  slots_[hole] = kNoGroup;
  unused_groups_.push_back(index);
  --groups_used_;
}

NodeIndex Pool::lowest_node(GroupIndex group) const {
  const auto found = std::ranges::find(group_of_, group);
  GALLEY_CHECK(found != group_of_.end(), "a group without nodes");
  return NodeIndex{static_cast<std::uint32_t>(found - group_of_.begin())};
}

std::size_t Pool::highest_bucket() const {
  for (auto bucket = kBuckets; bucket-- > 0;)
    if (bucket_first_[bucket] != kNoGroup) return bucket;
  return 0;
}

std::int64_t Pool::idle_milli() const {
  std::int64_t idle = 0;
  for (const auto first : bucket_first_)
    for (auto index = first; index != kNoGroup; index = group(index).next) {
      std::int64_t each = 0;
      for (const auto& gpus : gpu_state(group(index).gpus).gpus) each += gpus.milli * gpus.count;
      idle += each * group(index).nodes;
    }
  return idle;
}

}  // namespace galley::scheduler
