#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "event_feed.h"
#include "tracking/records.h"

namespace galley::api {

/// A run: the last values of at most kListedMetrics of its series.
inline constexpr std::size_t kListedMetrics = 50;
Json print_run(const tracking::Run& run, const std::vector<tracking::SeriesSummary>& series);
/// The keys of metrics, parameters and tags that a reader of a list wants to see first.
struct WantedKeys {
  std::vector<std::string> metrics{};
  std::vector<std::string> params{};
  std::vector<std::string> tags{};
};
/// From "metrics.loss", "params.lr", "tags.who". Errors: invalid_argument.
Result<WantedKeys> parse_wanted_keys(std::span<const std::string> columns);

/// A run in a list: kListedMetrics last values and as many parameters, the wanted ones first, with
/// texts cut to kListedBytes; of the tags the wanted ones alone.
inline constexpr std::size_t kListedBytes = 200;
Json print_listed(const tracking::RunDetails& details,
                  const std::vector<tracking::SeriesSummary>& series, const WantedKeys& wanted);
Json print_details(const tracking::RunDetails& details,
                   const std::vector<tracking::SeriesSummary>& series,
                   const std::vector<tracking::Artifact>& artifacts);
/// Values that are not finite become null, which is all that JSON has for them.
Json print_points(const std::string& key, std::span<const tracking::Point> points);

Json run_schema();
Json listed_schema();
Json details_schema();
Json points_schema();

/// Tells watchers which series of a run have grown.
void announce_metrics(EventFeed& feed, const RunId& run, const std::vector<std::string>& keys);

}  // namespace galley::api
