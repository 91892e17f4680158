#pragma once

#include <string>
#include <vector>

#include "scheduler/scheduler.h"

namespace galley::scheduler {

/// An id that tests can write: its number, with zeros before it.
template <class Tag>
Id<Tag> id(int number) {
  const std::string digits = std::to_string(number);
  return Id<Tag>::trusted(std::string(Tag::prefix) + std::string(26 - digits.size(), '0') + digits);
}
inline JobId job(int number) { return id<JobTag>(number); }
inline NodeId node(int number) { return id<NodeTag>(number); }

constexpr WallTime kNow{Millis{1'700'000'000'000}};

struct Machine {
  std::int64_t cpus = 8;
  int gpus = 0;
  std::string model = "NVIDIA H100 80GB HBM3";
  std::int64_t memory_bytes = std::int64_t{64} << 30;
  std::vector<std::string> zone;
};

/// A node whose GPUs are called "1:0", "1:1", … (number of the node, index).
inline NodeUp up(int number, const Machine& machine) {
  NodeOffer offer;
  offer.id = node(number);
  offer.name = "n" + std::to_string(number);
  offer.cpus = machine.cpus;
  offer.memory_bytes = machine.memory_bytes;
  offer.zone = machine.zone;
  for (int i = 0; i < machine.gpus; ++i)
    offer.devices.push_back({.id = std::to_string(number) + ":" + std::to_string(i),
                             .model = machine.model,
                             .memory_bytes = std::int64_t{80} << 30});
  // Pairs and quads, as on a machine whose GPUs are all linked alike.
  for (int size = 2; size < machine.gpus; size *= 2)
    for (int i = 0; i + size <= machine.gpus; i += size)
      offer.cells.push_back(((std::uint64_t{1} << size) - 1) << i);
  return {offer};
}

/// A queued job; its number is also its place in the order of acceptance.
inline QueuedJob queued(int number, const protocol::Resources& resources,
                        protocol::PriorityClass priority_class = protocol::PriorityClass::normal) {
  QueuedJob queued;
  queued.id = job(number);
  queued.seq = number;
  queued.priority_class = priority_class;
  queued.resources = resources;
  queued.queued_at = kNow;
  return queued;
}

}  // namespace galley::scheduler
