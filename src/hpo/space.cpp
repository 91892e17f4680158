#include "hpo/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <utility>

namespace galley::hpo {
namespace {

constexpr std::size_t kMaxParameters = 1000;
constexpr double kMaxCountedPoints = 0x1.0p53;
/// Redraws of what breaks a rule before the witness is used, and draws before a space is refused.
constexpr int kRepairs = 40;
constexpr int kWitnessDraws = 10'000;
/// Of a step, by which a grid value may be off through rounding.
constexpr double kGridSlack = 1e-9;

Error space_error(const std::string& what, const std::string& name) {
  return Error{Errc::invalid_argument, fmt::format("parameter '{}': {}", name, what), name};
}

double effective_step(const Parameter& p) {
  return p.kind == ParameterKind::integer && p.step == 0 ? 1 : p.step;
}

Status check_parameter(const Parameter& p) {
  if (p.name.empty()) return Error{Errc::invalid_argument, "a parameter has no name"};
  if (!p.is_number()) {
    if (p.choices.empty()) return space_error("has no choices", p.name);
    const std::set<Choice> distinct(p.choices.begin(), p.choices.end());
    if (distinct.size() != p.choices.size())
      return space_error("names a choice more than once", p.name);
    return ok();
  }
  if (!std::isfinite(p.low) || !std::isfinite(p.high) || p.low > p.high)
    return space_error(
        fmt::format("its range [{}, {}] is not two finite numbers in order", p.low, p.high),
        p.name);
  if (!std::isfinite(p.high - p.low)) return space_error("its range is too wide", p.name);
  if (p.log && p.low <= 0)
    return space_error(fmt::format("a logarithmic range starts above 0, not at {}", p.low), p.name);
  if (!std::isfinite(p.step) || p.step < 0)
    return space_error(fmt::format("its step {} is not a positive number", p.step), p.name);
  if (p.kind == ParameterKind::integer &&
      (p.low != std::floor(p.low) || p.high != std::floor(p.high) || p.step != std::floor(p.step) ||
       std::abs(p.low) > 0x1.0p53 || std::abs(p.high) > 0x1.0p53))
    return space_error("its range and step are not whole numbers below 2^53", p.name);
  if (std::isnan(p.hard_low) || std::isnan(p.hard_high) || p.hard_low > p.low ||
      p.hard_high < p.high || (p.log && p.hard_low <= 0 && std::isfinite(p.hard_low)))
    return space_error(fmt::format("its hard bounds [{}, {}] do not contain its range [{}, {}]",
                                   p.hard_low, p.hard_high, p.low, p.high),
                       p.name);
  return ok();
}

Status check_term(const Term& term, const std::vector<Parameter>& parameters) {
  if (term.parameter >= parameters.size())
    return Error{Errc::invalid_argument, "a term names a parameter that is not there"};
  const Parameter& p = parameters[term.parameter];
  if (!p.is_number())
    for (const double value : term.values)
      if (value != std::floor(value) || value < 0 || value >= static_cast<double>(p.choices.size()))
        return space_error("a term names a choice that is not there", p.name);
  return ok();
}

/// Snaps to low + k * step within [low, high], where low is the range's own also for hard bounds.
double snap(double value, double origin, double step, double low, double high) {
  value = std::clamp(value, low, high);
  if (step <= 0) return value;
  double snapped = origin + std::round((value - origin) / step) * step;
  if (snapped > high + step * kGridSlack)
    snapped = origin + std::floor((high - origin) / step + kGridSlack) * step;
  if (snapped < low - step * kGridSlack)
    snapped = origin + std::ceil((low - origin) / step - kGridSlack) * step;
  return snapped;
}

}  // namespace

std::uint64_t Parameter::level_count() const {
  if (!is_number()) return choices.size();
  if (low == high) return 1;
  const double by = effective_step(*this);
  if (by == 0) return 0;
  const double count = std::floor((high - low) / by + kGridSlack) + 1;
  return count < kMaxCountedPoints ? static_cast<std::uint64_t>(count) : 0;
}

bool Term::accepts(double value) const {
  if (std::isnan(value)) return false;
  if (!values.empty()) return std::ranges::find(values, value) != values.end();
  return value >= low && value <= high;
}

bool Term::holds(const Point& point) const { return accepts(point[parameter]); }

bool Rule::holds(const Point& point) const {
  const auto absent_or_holds = [&](const Term& term) {
    return std::isnan(point[term.parameter]) || term.holds(point);
  };
  const auto then = terms.begin() + static_cast<std::ptrdiff_t>(then_from);
  switch (kind) {
    case Kind::forbidden:
      return !std::ranges::all_of(terms, [&](const Term& term) { return term.holds(point); });
    case Kind::together:
      return std::ranges::none_of(terms, [&](const Term& term) { return term.holds(point); }) ||
             std::ranges::all_of(terms, absent_or_holds);
    case Kind::implies:
      return !std::all_of(terms.begin(), then, [&](const Term& term) {
        return term.holds(point);
      }) || std::all_of(then, terms.end(), absent_or_holds);
  }
  return true;
}

Result<Space> Space::make(std::vector<Parameter> parameters, std::vector<Condition> conditions,
                          std::vector<Rule> rules) {
  if (parameters.empty() || parameters.size() > kMaxParameters)
    return Error{Errc::invalid_argument, fmt::format("a space has 1 to {} parameters, not {}",
                                                     kMaxParameters, parameters.size())};
  std::set<std::string_view> names;
  for (const Parameter& p : parameters) {
    GALLEY_TRY_STATUS(check_parameter(p));
    if (!names.insert(p.name).second) return space_error("is named twice", p.name);
  }
  for (const Condition& condition : conditions) {
    if (condition.parameter >= parameters.size())
      return Error{Errc::invalid_argument, "a condition names a parameter that is not there"};
    GALLEY_TRY_STATUS(check_term(condition.when, parameters));
  }
  for (const Rule& rule : rules) {
    if (rule.terms.empty() || rule.then_from > rule.terms.size())
      return Error{Errc::invalid_argument, "a rule has no terms"};
    for (const Term& term : rule.terms) GALLEY_TRY_STATUS(check_term(term, parameters));
  }

  Space space;
  space.parameters_ = std::move(parameters);
  space.conditions_ = std::move(conditions);
  space.rules_ = std::move(rules);
  for (Parameter& p : space.parameters_) {
    if (!p.is_number()) {
      p.low = 0;
      p.high = static_cast<double>(p.choices.size() - 1);
    }
    p.step = p.is_number() ? effective_step(p) : 1;
  }
  for (const Parameter& p : space.parameters_) {
    // Half a step beyond either end of a logarithmic range, so that the end values are as likely as
    // the others.
    Axis axis{.levels = static_cast<double>(p.level_count())};
    if (p.log) {
      axis.log_low = std::log(p.low - std::min(p.step, p.low) / 2);
      axis.log_width = std::log(p.high + p.step / 2) - axis.log_low;
    }
    space.axes_.push_back(axis);
  }
  double points = 1;
  for (const Parameter& p : space.parameters_) points *= static_cast<double>(p.level_count());
  space.point_count_ = points < kMaxCountedPoints ? static_cast<std::uint64_t>(points) : 0;
  GALLEY_TRY_STATUS(space.sort_by_conditions());
  GALLEY_TRY_STATUS(space.find_witness());
  return space;
}

Status Space::sort_by_conditions() {
  conditions_of_.resize(size());
  for (std::size_t i = 0; i < conditions_.size(); ++i)
    conditions_of_[conditions_[i].parameter].push_back(i);
  std::vector<bool> placed(size(), false);
  while (order_.size() < size()) {
    const std::size_t before = order_.size();
    for (std::size_t i = 0; i < size(); ++i) {
      if (placed[i] || !std::ranges::all_of(conditions_of_[i], [&](std::size_t c) {
            return placed[conditions_[c].when.parameter];
          }))
        continue;
      placed[i] = true;
      order_.push_back(i);
    }
    if (order_.size() == before) {
      const auto stuck = std::ranges::find(placed, false) - placed.begin();
      return space_error("its condition depends, through others, on itself",
                         parameters_[static_cast<std::size_t>(stuck)].name);
    }
  }
  return ok();
}

Status Space::find_witness() {
  Rng rng(0);
  for (int i = 0; i < (rules_.empty() ? 1 : kWitnessDraws); ++i) {
    Point point(size(), std::nan(""));
    settle(point, rng);
    if (!keeps_rules(point)) continue;
    witness_ = std::move(point);
    return ok();
  }
  return Error{
      Errc::invalid_argument,
      fmt::format("none of {} random configurations keeps the space's rules", kWitnessDraws), "",
      "rules that leave more than a few in a thousand configurations"};
}

std::optional<std::size_t> Space::find(std::string_view name) const {
  const auto found = std::ranges::find(parameters_, name, &Parameter::name);
  if (found == parameters_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - parameters_.begin());
}

bool Space::is_active(const Point& point, std::size_t index) const {
  return std::ranges::all_of(conditions_of_[index],
                             [&](std::size_t c) { return conditions_[c].when.holds(point); });
}

bool Space::keeps_rules(const Point& point) const {
  return std::ranges::all_of(rules_, [&](const Rule& rule) { return rule.holds(point); });
}

bool Space::contains_within(const Point& point, bool hard) const {
  if (point.size() != size()) return false;
  for (std::size_t i = 0; i < size(); ++i) {
    const double value = point[i];
    if (std::isnan(value) == is_active(point, i)) return false;
    if (std::isnan(value)) continue;
    const double snapped = hard ? nearest_hard(i, value) : nearest(i, value);
    if (std::abs(snapped - value) > 1e-9 * std::max(1.0, std::abs(value))) return false;
  }
  return keeps_rules(point);
}

bool Space::contains(const Point& point) const { return contains_within(point, false); }
bool Space::contains_hard(const Point& point) const { return contains_within(point, true); }

double Space::nearest(std::size_t index, double value) const {
  const Parameter& p = parameters_[index];
  return snap(value, p.low, p.step, p.low, p.high);
}

double Space::nearest_hard(std::size_t index, double value) const {
  const Parameter& p = parameters_[index];
  if (!p.is_number()) return snap(value, p.low, p.step, p.low, p.high);
  // Without hard bounds a logarithmic range still ends above zero.
  const double low = p.log ? std::max(p.hard_low, p.low * 1e-12) : p.hard_low;
  return snap(value, p.low, p.step, low, p.hard_high);
}

double Space::from_unit(std::size_t index, double unit) const {
  const Parameter& p = parameters_[index];
  const Axis& axis = axes_[index];
  unit = std::clamp(unit, 0.0, 1.0);
  if (p.low == p.high) return p.low;
  if (p.log)
    return snap(std::exp(axis.log_low + unit * axis.log_width), p.low, p.step, p.low, p.high);
  if (axis.levels == 0) return std::min(p.high, p.low + unit * (p.high - p.low));
  return p.low + p.step * std::min(axis.levels - 1, std::floor(unit * axis.levels));
}

double Space::to_unit(std::size_t index, double value) const {
  const Parameter& p = parameters_[index];
  const Axis& axis = axes_[index];
  if (p.low == p.high || std::isnan(value)) return 0.5;
  double unit = 0;
  if (p.log)
    unit = (std::log(std::max(value, 1e-300)) - axis.log_low) / axis.log_width;
  else if (axis.levels == 0)
    unit = (value - p.low) / (p.high - p.low);
  else
    unit = ((value - p.low) / p.step + 0.5) / axis.levels;
  return std::clamp(unit, 0.0, 1.0);
}

double Space::draw_value(std::size_t index, Rng& rng) const {
  return from_unit(index, rng.uniform());
}

void Space::settle(Point& point, Rng& rng) const {
  for (const std::size_t i : order_) {
    if (!is_active(point, i))
      point[i] = std::nan("");
    else if (std::isnan(point[i]))
      point[i] = draw_value(i, rng);
  }
}

void Space::repair(Point& point, Rng& rng) const {
  settle(point, rng);
  for (int i = 0; i < kRepairs; ++i) {
    const auto broken =
        std::ranges::find_if(rules_, [&](const Rule& rule) { return !rule.holds(point); });
    if (broken == rules_.end()) return;
    const Term& term = broken->terms[rng.below(broken->terms.size())];
    // What must go together is more often reached by taking a value that is named than by chance.
    if (broken->kind != Rule::Kind::forbidden && !term.values.empty() && rng.uniform() < 0.5)
      point[term.parameter] = term.values[rng.below(term.values.size())];
    else
      point[term.parameter] = std::nan("");
    settle(point, rng);
  }
  if (!keeps_rules(point)) point = witness_;
}

Point Space::draw(Rng& rng) const {
  Point point(size(), std::nan(""));
  settle(point, rng);
  // Rejection keeps the draw uniform; only where rules leave little of the space, repair steps in.
  for (int i = 0; i < kRepairs && !keeps_rules(point); ++i) {
    std::ranges::fill(point, std::nan(""));
    settle(point, rng);
  }
  if (!rules_.empty()) repair(point, rng);
  return point;
}

std::uint64_t Space::hash(const Point& point) {
  std::uint64_t key = 0xCBF29CE484222325U;
  for (const double value : point) {
    key ^= std::isnan(value) ? 0x7FF8U : std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
    key *= 0x9E3779B97F4A7C15U;
    key ^= key >> 29U;
  }
  return key;
}

bool Space::equal(const Point& a, const Point& b) {
  return std::ranges::equal(
      a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

}  // namespace galley::hpo
