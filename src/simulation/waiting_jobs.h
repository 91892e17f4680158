#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "simulation/workload.h"

namespace galley::simulation {

/// A waiting job's place in an order; lower is served first, ties in order of acceptance.
struct Place {
  double key = 0;
  JobIndex job{};
  bool operator<(const Place& other) const {
    return std::tie(key, job) < std::tie(other.key, other.job);
  }
};

/// Waiting jobs by shape. Within one pass resources only shrink, so that a shape that did not fit
/// once need not be asked again: a pass costs as much as its starts and the number of shapes, not
/// the length of the queue.
class WaitingJobs {
 public:
  explicit WaitingJobs(std::size_t shapes) : by_shape_(shapes) {}

  void add(ShapeIndex shape, Place place) { by_shape_[at(shape)].insert(place); }
  void remove(ShapeIndex shape, Place place) { by_shape_[at(shape)].erase(place); }
  const std::set<Place>& of(ShapeIndex shape) const { return by_shape_[at(shape)]; }
  std::size_t shape_count() const { return by_shape_.size(); }

  /// The first of all whose shape is not marked.
  std::optional<std::pair<ShapeIndex, Place>> first(const std::vector<bool>& skip) const {
    std::optional<std::pair<ShapeIndex, Place>> best;
    for (std::size_t shape = 0; shape < by_shape_.size(); ++shape) {
      if (skip[shape] || by_shape_[shape].empty()) continue;
      const Place& head = *by_shape_[shape].begin();
      if (!best || head < best->second) best = {static_cast<ShapeIndex>(shape), head};
    }
    return best;
  }

 private:
  static std::size_t at(ShapeIndex shape) { return static_cast<std::size_t>(shape); }
  std::vector<std::set<Place>> by_shape_;
};

/// The key of the documented order without teams: class first, then acceptance.
inline double class_key(const Job& job) { return static_cast<double>(job.priority_class); }

}  // namespace galley::simulation
