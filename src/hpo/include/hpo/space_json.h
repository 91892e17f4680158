#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "hpo/space.h"

namespace galley::hpo {

/// The keys of a study file that describe its space; a reader of the whole file passes over them.
const std::vector<std::string>& space_keys();

/// Reads `h_params`, `h_params_conditions`, `h_params_conjunctions` and `h_params_forbidden` of a
/// study file; its other keys are for others. The forms are in docs/hpo.md.
/// Errors: invalid_argument; `field` is the path ("h_params.lr.parameters[1]"), `hint` the nearest
/// key where one was misspelt.
Result<Space> parse_space(const nlohmann::json& study);

/// The same as the keys of a study file; parse_space reads it back to an equal space.
nlohmann::json print_space(const Space& space);

/// A value of a list as a study file has it.
nlohmann::json print_choice(const Choice& choice);

/// {"lr": 0.1, "opt": "sgd"}: the values that a trial is started with; inactive ones are absent.
nlohmann::json print_point(const Space& space, const Point& point);

/// Reads such values; parameters whose conditions do not hold may be absent.
/// Errors: invalid_argument with the parameter's name where one is unknown, missing or out of
/// range.
Result<Point> parse_point(const Space& space, const nlohmann::json& values);

}  // namespace galley::hpo
