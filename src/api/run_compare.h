#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tracking/records.h"

namespace galley::api {

inline constexpr std::size_t kMaxCompared = 20;

struct RunToCompare {
  tracking::RunDetails details;
  std::vector<tracking::SeriesSummary> series;
};

/// Whether less or more of a metric is better, as its name tells ("val_loss", "accuracy"); nothing
/// where it tells nothing.
std::optional<bool> less_is_better(std::string_view metric);

/// {runs, params, tags, metrics}: each parameter, tag and metric is a row with a value for each
/// run, null where it has none, and whether the runs differ in it. A metric has its last, least and
/// greatest values, and `best` where its name says which of the two that is.
Json print_comparison(std::span<const RunToCompare> runs);
Json comparison_schema();

}  // namespace galley::api
