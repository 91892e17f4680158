#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "job_words.h"
#include "tracking/records.h"

namespace galley::estimates {

/// Points of a run's series by key, as far as they matter here.
using RunPoints = std::map<std::string, std::vector<tracking::Point>, std::less<>>;

/// Keys by which programs say how long a step takes: step_s, step_time, seconds_per_step, step_ms.
bool tells_step_time(std::string_view key);

/// Seconds of a step of a run: the median of what it said itself; else of the time between points
/// of its longest series, for each step between them. Series that count epochs are divided by the
/// steps of an epoch. Nothing where points are too few (below 6) or the steps of an epoch unknown.
std::optional<double> measured_step_s(const RunPoints& points, const JobWork& work, double gpus);

}  // namespace galley::estimates
