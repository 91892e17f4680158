#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "hpo/space.h"

namespace galley::hpo {

/// A list in a study file longer than this is refused.
inline constexpr std::size_t kMaxListed = 10'000;

/// "PATH is FOUND", with FOUND cut short.
Error wrong_json(std::string path, const Json& found, std::string expected, std::string hint = {});
/// "PARENT has no 'KEY'", with the nearest of the known keys.
Error unknown_json_key(const std::string& parent, const std::string& key,
                       const std::vector<std::string>& known);

/// What a study file has under `h_params.NAME`, and back.
Result<Parameter> read_parameter(const std::string& name, const Json& spec);
Json print_parameter(const Parameter& parameter);

/// A value as a Point holds it: a choice's index, a number itself, in range or not.
Result<double> read_value(const Parameter& parameter, const Json& value, const std::string& path);
Json print_value(const Parameter& parameter, double value);

}  // namespace galley::hpo
