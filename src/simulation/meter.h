#pragma once

#include <cstdint>
#include <vector>

#include "machines.h"
#include "simulation/replay.h"

namespace galley::simulation {

/// Integrates over virtual time what the cluster looks like between events.
class Meter {
 public:
  explicit Meter(const Workload& workload);
  /// The state from `now` on.
  void note(WallTime now, const Machines& machines, std::int64_t waiting);
  void finish(Outcome& outcome, std::size_t slices) const;

 private:
  /// Idle GPUs that a job of typical size, by GPU time, cannot use.
  double stranded(const Machines& machines) const;

  struct Step {
    WallTime at{};
    std::int32_t busy = 0;
    std::int32_t waiting = 0;
    float stranded = 0;
  };
  struct Typical {
    const Shape* shape = nullptr;
    double share = 0;  // of the trace's GPU time
  };
  std::vector<Typical> typical_;
  WallTime last_submit_{};
  std::int32_t capacity_ = 0;
  std::vector<Step> steps_;
};

}  // namespace galley::simulation
