#pragma once

#include <cstddef>
#include <vector>

#include "hpo/pool.h"

namespace galley::studies {

/// How full a study's pools were, as steps over time. What came closer together than the history is
/// fine becomes one step, and the history grows coarser as it grows longer, so that it stays small
/// however many trials there are. Every point that is kept is exact. Not thread-safe.
class PoolHistory {
 public:
  struct Point {
    double at_s = 0;
    hpo::PoolCounts pools;
  };

  /// Times never fall.
  void note(double at_s, const hpo::PoolCounts& pools);
  const std::vector<Point>& points() const { return points_; }

 private:
  std::vector<Point> points_;
  double least_gap_s_ = 0;
};

}  // namespace galley::studies
