#pragma once

#include <vector>

#include "hpo/space.h"

namespace galley::hpo {

/// PB2's model of what settings gain: a Gaussian process over the unit cube and time, whose older
/// data count less. Bounded: the last kPb2Rows intervals. Not thread-safe.
class IntervalBandit {
 public:
  IntervalBandit(const Space& space, std::uint64_t seed);
  /// Under these settings the loss fell by `gain` in the interval that ended at this resource.
  void observe(const Point& point, double resource, double gain);
  /// Of many draws within the hard bounds around and away from `near`, the one with the greatest
  /// upper confidence bound; choices stay as they are. `near` before there are data.
  Point suggest(const Point& near, double resource);

 private:
  struct Row {
    std::vector<double> unit;
    double resource = 0;
    double gain = 0;
  };
  const Space& space_;
  Rng rng_;
  std::vector<Row> rows_;
};

}  // namespace galley::hpo
