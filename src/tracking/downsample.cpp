#include <algorithm>
#include <cmath>

#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

constexpr std::size_t kFewest = 4;  // the ends, and one stretch's least and greatest

/// Appends the least and the greatest of a stretch in their order, or its only extreme.
void keep_extremes(std::span<const Point> stretch, std::vector<Point>& kept) {
  const Point* least = &stretch.front();
  const Point* greatest = &stretch.front();
  for (const Point& point : stretch) {
    if (std::isnan(point.value)) continue;
    if (std::isnan(least->value) || point.value < least->value) least = &point;
    if (std::isnan(greatest->value) || point.value > greatest->value) greatest = &point;
  }
  kept.push_back(*std::min(least, greatest));
  if (least != greatest) kept.push_back(*std::max(least, greatest));
}

}  // namespace

std::vector<Point> downsample(std::span<const Point> points, std::size_t max_points) {
  max_points = std::max(max_points, kFewest);
  if (points.size() <= max_points) return {points.begin(), points.end()};
  const std::span<const Point> middle = points.subspan(1, points.size() - 2);
  const std::size_t stretches = (max_points - 2) / 2;
  std::vector<Point> kept;
  kept.reserve(max_points);
  kept.push_back(points.front());
  for (std::size_t i = 0; i < stretches; ++i) {
    const std::size_t from = middle.size() * i / stretches;
    const std::size_t to = middle.size() * (i + 1) / stretches;
    if (from < to) keep_extremes(middle.subspan(from, to - from), kept);
  }
  kept.push_back(points.back());
  return kept;
}

}  // namespace galley::tracking
