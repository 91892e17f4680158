#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace galley::estimator {

/// Where the speed of a job changed.
struct SpeedChange {
  std::size_t steps_ago = 0;  // steps since the change, the newest included
  double ratio = 1;           // new typical step time over the old one
};

/// Notices that a job's step time has changed for good: a rescale, a neighbour on the same GPU,
/// throttling. It compares the newest 6, 12, 24 and 48 steps with what was typical before them, and
/// speaks only when they lie apart by many times the noise (the short windows for quiet series,
/// the long ones for noisy ones) and by 15 % at least.
///
/// Medians decide, so that an epoch border or a checkpoint among the steps is no change. Memory is
/// bounded (the newest 256 steps); a step costs O(1) amortised. One thread at a time.
class ChangeDetector {
 public:
  /// Adds the time of a step in seconds; says so when the speed has changed, and forgets what was
  /// typical before. Times that are not positive are ignored.
  std::optional<SpeedChange> add(double step_s);

 private:
  std::optional<SpeedChange> look_back(std::size_t window);
  void learn_typical(std::size_t before);

  std::vector<double> logs_;  // of step times since the last change, oldest first
  std::size_t since_look_ = 0;
  std::size_t learned_from_ = 0;
  double typical_ = 0;  // median and spread of the logs before the longest window
  double spread_ = 0;
};

}  // namespace galley::estimator
