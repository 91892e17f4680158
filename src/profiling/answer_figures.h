#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profiling/profile.h"

/// Reading an experiment's table by the names of its columns.
namespace galley::profiling {

/// Looks at a table that outlives it. A column that the table lacks is a column of nothing, so that
/// profiles of older versions read as incomplete ones.
class Figures {
 public:
  explicit Figures(const Experiment& experiment) : experiment_(experiment) {}

  std::size_t rows() const { return experiment_.rows.size(); }
  /// A finite number, or nothing.
  std::optional<double> number(std::size_t row, std::string_view column) const;
  /// A word; a number as it would be typed ("4"); empty where there is nothing.
  std::string text(std::size_t row, std::string_view column) const;
  bool refused(std::size_t row) const { return !text(row, "refused").empty(); }
  /// All words of a column once, in order of first appearance.
  std::vector<std::string> distinct(std::string_view column) const;

 private:
  const Cell* cell(std::size_t row, std::string_view column) const;

  const Experiment& experiment_;
};

/// The columns of rows that have all of them; refused rows are left out.
/// result[i] is the column names[i]; all are equally long.
std::vector<std::vector<double>> complete_columns(const Figures& figures,
                                                  const std::vector<std::string_view>& names);

/// Positive values of one column by repetition, of the rows where `key_column` is `key`. A
/// repetition that stands twice is averaged; rows without one are numbered in order.
using Repetitions = std::map<double, double>;
Repetitions by_repetition(const Figures& figures, std::string_view key_column, std::string_view key,
                          std::string_view value_column);

/// a ÷ b for each repetition that both have.
std::vector<double> paired_ratios(const Repetitions& a, const Repetitions& b);
/// The geometric mean; 0 without values.
double typical(const Repetitions& values);

}  // namespace galley::profiling
