#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "traces/openb.h"

namespace galley::bench {

/// Small, fast and the same on every platform (SplitMix64); for replays, never for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Below `bound`, which is above 0.
  std::size_t below(std::size_t bound);
  /// From 0 to below 1.
  double uniform();

 private:
  std::uint64_t state_;
};

/// The GPUs' thousandths that a task asks for.
std::int64_t gpu_request_milli(const TraceTask& task);
std::int64_t gpu_capacity_milli(std::span<const TraceNode> nodes);

/// The tasks in the order of their arrival, as numbers into `tasks`: all of them once, then copies
/// of random ones until the next would lift the GPUs asked for past `load` times the capacity;
/// shuffled. Source: Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 6.
std::vector<std::uint32_t> arrivals(std::span<const TraceTask> tasks, std::int64_t capacity_milli,
                                    double load, std::uint64_t seed);

/// Numbers 0 to count - 1 in an order of that seed.
std::vector<std::uint32_t> shuffled(std::size_t count, std::uint64_t seed);

}  // namespace galley::bench
