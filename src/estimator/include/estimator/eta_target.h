#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "estimator/progress.h"

namespace galley::estimator {

/// A wanted value of a metric.
struct MetricTarget {
  double value = 0;
  bool lower_is_better = true;
};

enum class TargetAnswer : std::uint8_t {
  cannot_tell,   // too few values, too much noise, or too far beyond what was seen
  reached,       // already
  out_of_reach,  // the curve levels off before it, as far as can be seen
  expected,      // with the figures below
};

/// When a metric is expected to reach its target.
struct TargetEstimate {
  TargetAnswer answer = TargetAnswer::cannot_tell;
  Spread progress;  // at which it is reached
  Spread remaining_s;
  Spread remaining_cost_usd;
};

/// The values of a metric so far, and where their curve leads.
///
/// A power law c + a p^-b is fitted for a grid of b by least squares to all but the first tenth,
/// the later half of the curve counting twice; each b then weighs as much as its residuals are
/// likely, and so does the answer that it gives. Further than four times the progress seen, nobody
/// can tell.
///
/// Keeps at most 256 values by averaging neighbours. One thread at a time.
class MetricCurve {
 public:
  /// Values that are not finite, or that go backwards in progress, are ignored.
  void add(double progress, double value);

  /// `progress` alone is filled in; the seconds are the caller's.
  TargetEstimate extrapolate(const MetricTarget& target) const;

  std::size_t points() const { return points_.size(); }

 private:
  struct Point {
    double progress;
    double value;
    double weight;
  };
  std::vector<Point> points_;
  double lowest_ = 0;  // of all values added
  double highest_ = 0;
  std::size_t stride_ = 1;  // values that one point averages
};

}  // namespace galley::estimator
