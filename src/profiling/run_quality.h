#pragma once

#include <span>

#include "profiling/evaluation_set.h"
#include "run.h"

namespace galley::profiling {

/// Asks every question once, greedily and one after another.
///
/// A question with choices is decided by the likelier one: the sum of the log-probabilities of the
/// choice's tokens behind the prompt. A target cannot be asked for those everywhere, so it writes,
/// and the choice counts that its answer begins with.
Experiment run_quality(Subject& subject, std::span<const EvaluationItem> items,
                       const Budget& budget);

/// Whether an answer in the model's own words is the expected one or begins with it: case, white
/// space around it and what follows the first word border behind it do not count.
bool answers_match(std::string_view said, std::string_view expected);

}  // namespace galley::profiling
