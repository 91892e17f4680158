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

struct Machine {
  std::int64_t cpus = 8;
  int gpus = 0;
  std::string model = "NVIDIA H100 80GB HBM3";
  std::int64_t memory_bytes = std::int64_t{64} << 30;
};

/// A node whose GPUs are called "1:0", "1:1", … (number of the node, index).
inline NodeUp up(int number, const Machine& machine) {
  NodeOffer offer{node(number), machine.cpus, machine.memory_bytes, {}};
  for (int i = 0; i < machine.gpus; ++i)
    offer.devices.push_back({std::to_string(number) + ":" + std::to_string(i), machine.model});
  return {offer};
}

/// A queued job; its number is also its place in the order of acceptance.
inline QueuedJob queued(int number, const protocol::Resources& resources,
                        protocol::PriorityClass priority_class = protocol::PriorityClass::normal) {
  return {job(number), number, priority_class, resources, std::nullopt};
}

}  // namespace galley::scheduler
