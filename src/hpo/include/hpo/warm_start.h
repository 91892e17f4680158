#pragma once

#include <optional>
#include <vector>

#include "hpo/study.h"

namespace galley::hpo {

/// The same settings as a point of another space: parameters go by name, choices by value. Absent
/// if the other space has a parameter that is not known here, a value that it cannot take, or
/// settings that its rules forbid. O(size of both).
std::optional<Point> translate(const Space& from, const Point& point, const Space& to);

struct OldTrials {
  std::vector<Event> events;  // of kind known, in the order of the old trials; trial: its number
  std::size_t left_out = 0;   // trials with nothing to tell, or with settings of another space
};

/// What an old study knows, as events for a new one that asks other questions, or the same on: to
/// merge studies, tell the new one of several. Trials that were stopped early count at the same
/// share of the new budget; their weights stay where they are. Pure; O(trials).
/// Errors: invalid_argument  the old study did not measure what the new one asks for.
Result<OldTrials> old_trials(const Study& old, const StudySpec& spec, const Space& space);

}  // namespace galley::hpo
