#include "pool_history.h"

namespace galley::studies {
namespace {

constexpr std::size_t kMostSteps = 2048;  // four for each that a chart shows

bool equal_pools(const hpo::PoolCounts& a, const hpo::PoolCounts& b) {
  return a.live == b.live && a.stop == b.stop && a.dead == b.dead && a.ended == b.ended;
}

}  // namespace

void PoolHistory::note(double at_s, const hpo::PoolCounts& pools) {
  if (!points_.empty() && equal_pools(points_.back().pools, pools)) return;
  const std::size_t count = points_.size();
  // The last point is of now; it stays apart once the one before it is far enough.
  if (count >= 2 && points_[count - 1].at_s - points_[count - 2].at_s < least_gap_s_)
    points_.back() = {at_s, pools};
  else if (count == 1 && points_[0].at_s == at_s)
    points_[0].pools = pools;
  else
    points_.push_back({at_s, pools});
  if (points_.size() <= kMostSteps) return;
  const double span_s = points_.back().at_s - points_.front().at_s;
  least_gap_s_ = span_s / (static_cast<double>(kMostSteps) / 2);
  std::vector<Point> kept;
  for (const Point& point : points_) {
    if (kept.size() >= 2 && kept.back().at_s - kept[kept.size() - 2].at_s < least_gap_s_)
      kept.back() = point;
    else
      kept.push_back(point);
  }
  points_ = std::move(kept);
}

}  // namespace galley::studies
