#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "profiling/profile.h"

namespace galley::profiling {

/// Fills one experiment's table, whose columns are those of the catalogue.
class Table {
 public:
  /// `id` is one of kExperiments.
  explicit Table(std::string_view id);
  /// One cell for each column, in the catalogue's order.
  void add(std::vector<Cell> row);
  /// Kept once, however often it is said.
  void note(std::string note);
  void notes(std::vector<std::string> notes);
  std::size_t rows() const { return experiment_.rows.size(); }
  Experiment take() { return std::move(experiment_); }

 private:
  Experiment experiment_;
};

inline Cell number(double value) { return Cell{value}; }
template <class Integer>
Cell count(Integer value) {
  return Cell{static_cast<double>(value)};
}
/// Nothing where the figure is unknown.
inline Cell known(std::uint64_t value) {
  return value == 0 ? Cell{} : Cell{static_cast<double>(value)};
}

/// The value that so many of a hundred do not exceed (nearest rank); `values` is not empty.
double percentile(std::vector<double> values, double share);

}  // namespace galley::profiling
