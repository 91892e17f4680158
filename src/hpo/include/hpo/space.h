#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "hpo/random.h"

namespace galley::hpo {

enum class ParameterKind { real, integer, categorical, ordered };

/// One value that a categorical or ordered parameter may take; monostate is JSON's null.
using Choice = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

/// One hyperparameter. Numbers lie in [low, high]; a choice is its index in `choices`.
struct Parameter {
  std::string name;
  ParameterKind kind = ParameterKind::real;
  double low = 0;
  double high = 1;
  bool log = false;  // of numbers: uniform in the logarithm
  double step = 0;   // of numbers: low + k * step; 0: any (whole numbers: 1)
  double hard_low = -std::numeric_limits<double>::infinity();  // what a perturbation may not leave
  double hard_high = std::numeric_limits<double>::infinity();
  std::vector<Choice> choices;  // of categorical and ordered

  bool is_number() const { return kind == ParameterKind::real || kind == ParameterKind::integer; }
  /// How many values it can take; 0: a continuum, or more than 2^53.
  std::uint64_t level_count() const;
};

/// A configuration: one slot a parameter, in the order of the space. A number is itself, a choice
/// is its index, a parameter whose conditions do not hold is NaN.
using Point = std::vector<double>;

/// Holds for a point in which the parameter is active and has one of the values (a choice's are
/// indices), or, where there are none, lies in [low, high].
struct Term {
  std::size_t parameter = 0;
  std::vector<double> values{};
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  bool holds(const Point& point) const;
  bool accepts(double value) const;
};

/// A parameter exists only where the term holds; of several conditions on one parameter all must.
struct Condition {
  std::size_t parameter = 0;
  Term when;
};

/// What a point may not break, besides the ranges.
struct Rule {
  enum class Kind {
    forbidden,  // the terms may not all hold
    together,   // if one of the terms holds, those of the other active parameters hold too
    implies     // if all terms before `then_from` hold, so do those from it on that are active
  };
  Kind kind = Kind::forbidden;
  std::vector<Term> terms;
  std::size_t then_from = 0;

  bool holds(const Point& point) const;
};

/// The configurations that a study may try. A value, fixed once made; safe to read from any thread.
/// Its unit cube has one axis a parameter, which is uniform where a draw is: the logarithm's for a
/// log range, equal cells for what has levels.
class Space {
 public:
  /// Errors: invalid_argument for no or more than 1,000 parameters, names that repeat, empty or
  /// infinite ranges, conditions in a circle, and rules that no point of 10,000 draws kept.
  static Result<Space> make(std::vector<Parameter> parameters,
                            std::vector<Condition> conditions = {}, std::vector<Rule> rules = {});

  std::size_t size() const { return parameters_.size(); }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const Parameter& parameter(std::size_t index) const { return parameters_[index]; }
  const std::vector<Condition>& conditions() const { return conditions_; }
  const std::vector<Rule>& rules() const { return rules_; }
  std::optional<std::size_t> find(std::string_view name) const;

  /// The number of points if no parameter is a continuum and it is below 2^53, counted without
  /// conditions and rules; else 0.
  std::uint64_t point_count() const { return point_count_; }
  bool has_conditions() const { return !conditions_.empty(); }

  /// Whether the point is one of this space. O(size + conditions + rules).
  bool contains(const Point& point) const;
  /// The same within the hard bounds instead of the ranges: what a perturbed point must keep.
  bool contains_hard(const Point& point) const;

  /// The nearest value that the parameter can take, within its range or its hard bounds.
  double nearest(std::size_t index, double value) const;
  double nearest_hard(std::size_t index, double value) const;

  /// [0, 1] to a value of the parameter and back (to the middle of its cell where it has levels).
  double from_unit(std::size_t index, double unit) const;
  double to_unit(std::size_t index, double value) const;

  /// Drops what its conditions switch off and draws what they switch on.
  void settle(Point& point, Rng& rng) const;
  /// Settles, then redraws what breaks a rule; the space's witness if that does not help.
  void repair(Point& point, Rng& rng) const;
  /// A uniform draw that keeps every rule.
  Point draw(Rng& rng) const;
  double draw_value(std::size_t index, Rng& rng) const;

  /// Equal points have equal keys: for finding duplicates.
  static std::uint64_t hash(const Point& point);
  static bool equal(const Point& a, const Point& b);

  /// Parameters so that whatever a condition looks at comes first.
  const std::vector<std::size_t>& order() const { return order_; }
  bool is_active(const Point& point, std::size_t index) const;

 private:
  Space() = default;
  Status sort_by_conditions();
  Status find_witness();
  bool keeps_rules(const Point& point) const;
  bool contains_within(const Point& point, bool hard) const;

  /// What the unit cube needs of a parameter, computed once.
  struct Axis {
    double levels = 0;  // 0: a continuum
    double log_low = 0;
    double log_width = 0;
  };

  std::vector<Parameter> parameters_;
  std::vector<Axis> axes_;
  std::vector<Condition> conditions_;
  std::vector<Rule> rules_;
  std::vector<std::size_t> order_;
  std::vector<std::vector<std::size_t>> conditions_of_;  // by parameter: indices of conditions_
  std::uint64_t point_count_ = 0;
  Point witness_;
};

}  // namespace galley::hpo
