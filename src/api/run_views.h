#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "event_feed.h"
#include "store/filter.h"
#include "tracking/records.h"

namespace galley::api {

inline constexpr std::array kRunFields{
    store::FilterField{"id", "id"},
    store::FilterField{"name", "name"},
    store::FilterField{"experiment", "experiment"},
    store::FilterField{"job_id", "job_id"},
    store::FilterField{"state", "state"},
    store::FilterField{"created_at", "created_ms", store::FilterType::time},
    store::FilterField{"ended_at", "ended_ms", store::FilterType::time}};

/// A run in a list: the last values of at most kListedMetrics of its series.
inline constexpr std::size_t kListedMetrics = 50;
Json print_run(const tracking::Run& run, const std::vector<tracking::SeriesSummary>& series);
Json print_details(const tracking::RunDetails& details,
                   const std::vector<tracking::SeriesSummary>& series,
                   const std::vector<tracking::Artifact>& artifacts);
/// Values that are not finite become null, which is all that JSON has for them.
Json print_points(const std::string& key, std::span<const tracking::Point> points);

Json run_schema();
Json details_schema();
Json points_schema();

/// Tells watchers which series of a run have grown.
void announce_metrics(EventFeed& feed, const RunId& run, const std::vector<std::string>& keys);

}  // namespace galley::api
