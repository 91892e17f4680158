#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace galley::cli {

/// A line of the comparison of two runs. A value that a run does not have is null.
struct RunDifference {
  std::string section;  // params, metrics, lineage, tags
  std::string key;
  Json first;
  Json second;
  bool operator==(const RunDifference&) const = default;
};

/// What two runs, as the API shows them, have different; with `all` also what they share. Metrics
/// are compared by their last value, lineage by what it names. Sections in the order above, keys by
/// name. Pure.
std::vector<RunDifference> diff_runs(const Json& first, const Json& second, bool all);

}  // namespace galley::cli
