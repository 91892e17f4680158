#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "hpo/sampler.h"

namespace galley::hpo {

/// What a sampler remembers of trials: a row each in the order of their first mention, running ones
/// apart, and a ranking of those with a result.
///
/// Results at different resources are not comparable as they are. The reference is the largest
/// resource that enough results reached; rows that reached it are ranked by their values, before
/// all that stopped earlier, which are ranked by how far they came and then by their values: an
/// early stopping rule judged them worse. Failed rows are in no ranking.
///
/// Finding a row and a new result are O(1); the ranking is sorted when it is looked at, which costs
/// O(rows) moved words and O(log rows) comparisons for each result since, and O(rows log rows)
/// after the reference changed. Not thread-safe.
class History {
 public:
  enum class State : std::uint8_t { running, finished, failed, forgotten };

  explicit History(std::size_t dims) : dims_(dims) {}

  /// The row of a new trial, or of the known one, which then runs again.
  std::size_t start(TrialNumber trial, const Point& point);
  /// The row that it concerns. An observation of a smaller resource than one before changes
  /// nothing.
  std::size_t observe(const Observation& observation);
  void forget(TrialNumber trial);

  std::size_t size() const { return states_.size(); }
  State state(std::size_t row) const { return states_[row]; }
  const double* point(std::size_t row) const { return points_.data() + row * dims_; }
  Point point_copy(std::size_t row) const { return {point(row), point(row) + dims_}; }
  double value(std::size_t row) const { return values_[row]; }
  const std::vector<double>& objectives(std::size_t row) const { return objectives_[row]; }
  bool is_at_reference(std::size_t row) const { return resources_[row] >= reference_; }

  const std::vector<std::uint32_t>& ranking() const;  // best first
  const std::vector<std::uint32_t>& failed() const { return failed_; }
  const std::vector<std::uint32_t>& running() const { return running_; }
  bool has_seen(const Point& point) const { return seen_.contains(Space::hash(point)); }
  std::size_t observed_count() const { return observed_count_; }  // calls that changed something

 private:
  bool is_before(std::uint32_t a, std::uint32_t b) const;
  void leave_lists(std::uint32_t row);
  void update_reference();

  std::size_t dims_;
  std::vector<double> points_;
  std::vector<double> values_;
  std::vector<double> resources_;                // of the result; the whole budget is infinite
  std::vector<std::vector<double>> objectives_;  // kept only where there are several
  std::vector<State> states_;
  std::unordered_map<TrialNumber, std::uint32_t> rows_;
  std::unordered_set<std::uint64_t> seen_;
  mutable std::vector<std::uint32_t> ranking_;
  mutable std::size_t ranked_ = 0;  // so many of them are sorted, the others came since
  std::vector<std::uint32_t> failed_;
  std::vector<std::uint32_t> running_;
  std::map<double, std::size_t> at_resource_;  // finished rows
  double reference_ = 0;
  std::size_t observed_count_ = 0;
};

}  // namespace galley::hpo
