#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "traces/openb.h"
#include "traces/reference.h"

namespace galley::bench {

/// What a replay ended with: GPUs allocated as per cent of the cluster's.
struct ReplayResult {
  double allocated_pct_100 = 0;  // when the GPUs asked for so far last were at most the cluster's
  double allocated_pct_130 = 0;  // at the end
  double cpu_s = 0;              // of this thread, for all decisions
  std::size_t decisions = 0;
  std::vector<float> decision_us;  // each one's wall time; Galley's only
};

inline constexpr double kReplayLoad = 1.3;

/// Arrivals only: each task is placed when it arrives or dropped, and none ends.
ReplayResult replay(const OpenbTrace& trace, std::uint64_t seed,
                    const std::function<bool(std::uint32_t)>& place);

ReplayResult replay_reference(const OpenbTrace& trace, std::span<const TaskClass> mix,
                              Reference policy, std::uint64_t seed);

/// With Galley's own Pool and Placer, new ones, told the mix of the trace's tasks; its nodes are
/// added in the given order. A decision is choose and take.
ReplayResult replay_galley(const OpenbTrace& trace, std::span<const std::uint32_t> node_order,
                           std::uint64_t seed);

}  // namespace galley::bench
