#include "hpo/warm_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace galley::hpo {
namespace {

std::optional<double> translated_value(const Parameter& from, double value, const Parameter& to) {
  if (from.is_number() != to.is_number()) return std::nullopt;
  if (to.is_number()) return value;
  const auto& wanted = from.choices[static_cast<std::size_t>(value)];
  const auto found = std::ranges::find(to.choices, wanted);
  if (found == to.choices.end()) return std::nullopt;
  return static_cast<double>(found - to.choices.begin());
}

}  // namespace

std::optional<Point> translate(const Space& from, const Point& point, const Space& to) {
  Point out(to.size(), std::nan(""));
  // In the order of conditions, so that what one looks at is there.
  for (const std::size_t index : to.order()) {
    if (!to.is_active(out, index)) continue;
    const auto source = from.find(to.parameter(index).name);
    if (!source || std::isnan(point[*source])) return std::nullopt;
    const auto value =
        translated_value(from.parameter(*source), point[*source], to.parameter(index));
    if (!value) return std::nullopt;
    out[index] = *value;
  }
  if (!to.contains(out)) return std::nullopt;
  return out;
}

Result<OldTrials> old_trials(const Study& old, const StudySpec& spec, const Space& space) {
  std::vector<std::size_t> measures;
  for (const auto& measure : spec.measures) {
    const auto found = std::ranges::find(old.spec().measures, measure.name, &Measure::name);
    if (found == old.spec().measures.end())
      return Error{Errc::invalid_argument,
                   fmt::format("the old study did not measure {}", measure.name),
                   "measure",
                   fmt::format("as there: {}", old.spec().measures[0].name),
                   {}};
    measures.push_back(static_cast<std::size_t>(found - old.spec().measures.begin()));
  }
  OldTrials out;
  for (const Trial& trial : old.trials()) {
    const bool failed = trial.state == TrialState::failed || trial.state == TrialState::infeasible;
    const auto point = translate(old.space(), trial.point, space);
    if (!point || (!failed && trial.objectives.empty())) {
      ++out.left_out;
      continue;
    }
    std::vector<double> objectives;
    if (!failed)
      for (const std::size_t measure : measures) objectives.push_back(trial.objectives[measure]);
    const double share = std::min(1.0, trial.resource / trial.budget);
    const bool is_whole = trial.has_ended();
    Event& event = out.events.emplace_back(
        known_event(*point, is_whole ? 0 : share * spec.max_resource, std::move(objectives)));
    event.trial = trial.number;
  }
  return out;
}

}  // namespace galley::hpo
