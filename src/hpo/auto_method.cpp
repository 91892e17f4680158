#include "hpo/auto_method.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace galley::hpo {
namespace {

/// With fewer reports a rung has nothing to judge by.
constexpr std::int64_t kReportsForRungs = 4;
/// How often a population compares its members within a budget where reports allow it, how many
/// reports it needs, and how many trials at once: with fewer, a model finds the target sooner.
constexpr std::int64_t kComparisons = 27;
constexpr std::int64_t kReportsForPopulation = 9;
constexpr std::int64_t kLeastPopulation = 8;

/// Whoever bounds a perturbation says that the parameter may change while a trial runs; without
/// that it may as well be a layer's width, with which no checkpoint can go on.
bool may_change_on_the_way(const Space& space) {
  return std::ranges::any_of(space.parameters(), [](const Parameter& p) {
    return std::isfinite(p.hard_low) || std::isfinite(p.hard_high);
  });
}

/// Where settings may change on the way, what leads early loses late: trials are not judged by
/// rungs, but against members of the same age, or at their ends.
AutoChoice schedule_choice(StudySpec spec, const AutoFacts& facts) {
  const std::int64_t members =
      std::max(std::min(facts.at_once, spec.termination.max_sessions.value_or(facts.at_once)),
               spec.population);
  if (members < kLeastPopulation) {
    spec.sampler = "hybrid";
    return {std::move(spec),
            fmt::format(
                "{} trial{} at once {} too few for a population of {}: a model of whole trials",
                members, members == 1 ? "" : "s", members == 1 ? "is" : "are", kLeastPopulation)};
  }
  spec.sampler = "random";
  spec.pbt.enabled = true;
  if (spec.population == 0) spec.population = members;
  if (spec.step <= 0)
    spec.step =
        spec.max_resource *
        static_cast<double>(std::max<std::int64_t>(facts.reports_of_a_trial / kComparisons, 1)) /
        static_cast<double>(facts.reports_of_a_trial);
  const auto population = spec.population;
  return {
      std::move(spec),
      fmt::format("p_range allows settings to change on the way: a population of {}, {} at once",
                  population, facts.at_once)};
}

}  // namespace

AutoChoice choose_method(StudySpec spec, const Space& space, const AutoFacts& facts) {
  if (spec.sampler != "auto") return {spec, "the study names its methods"};
  const auto sessions = spec.termination.max_sessions;
  if (spec.measures.size() > 1) {
    spec.sampler = "nsga2";
    return {spec, fmt::format("{} measures: a front, not a best", spec.measures.size())};
  }
  const std::uint64_t points = space.point_count();
  if (points > 0 && sessions && points <= static_cast<std::uint64_t>(*sessions) &&
      !space.has_conditions() && space.rules().empty()) {
    spec.sampler = "grid";
    return {spec, fmt::format("all {} settings fit into {} trials", points, *sessions)};
  }
  if (facts.reports_of_a_trial < kReportsForRungs) {
    spec.sampler = "hybrid";
    return {spec, fmt::format("trials report {} times, too rarely to be judged on the way",
                              facts.reports_of_a_trial)};
  }
  if (facts.writes_checkpoints && facts.reports_of_a_trial >= kReportsForPopulation &&
      spec.budget_parameter.empty() && may_change_on_the_way(space))
    return schedule_choice(std::move(spec), facts);
  spec.sampler = "rungs";
  spec.stopping.method = Stopping::asha;
  spec.stopping.promote = facts.writes_checkpoints;
  // A rung below the first report would only delay the first decision.
  const double reports = static_cast<double>(facts.reports_of_a_trial);
  spec.stopping.rungs = std::clamp(
      static_cast<int>(std::floor(std::log(reports) / std::log(spec.stopping.eta))), 1, 3);
  return {spec, fmt::format("trials report on the way: {} rung{} of their own budget, and a model "
                            "that learns from them",
                            spec.stopping.rungs, spec.stopping.rungs == 1 ? "" : "s")};
}

}  // namespace galley::hpo
