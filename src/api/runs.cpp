#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "blobs/freeze.h"
#include "bodies.h"
#include "context.h"
#include "reply.h"
#include "run_views.h"
#include "tracking/tracking.h"

namespace galley::api {
namespace {

using tracking::KeyValue;

constexpr std::int64_t kDefaultPoints = 500;
constexpr std::int64_t kMaxPoints = 20'000;
constexpr std::size_t kMaxKeys = 100;  // series of one question

Result<RunId> run_id(const http::Request& request) { return RunId::parse(request.param("id")); }

Result<http::Response> list_runs(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto limit, query_limit(request));
  GALLEY_TRY(auto filter, store::parse_filter(query_text(request, "filter"), kRunFields));
  GALLEY_TRY(const auto page,
             context.services.tracking.list({.where_sql = std::move(filter.sql),
                                             .where_parameters = std::move(filter.parameters)},
                                            limit, query_text(request, "cursor")));
  Json items = Json::array();
  for (const auto& run : page.runs) {
    GALLEY_TRY(const auto series, context.services.tracking.series(run.id));
    items.push_back(print_run(run, series));
  }
  return reply_list(std::move(items), page.next_cursor);
}

Result<http::Response> show_run(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto id, run_id(request));
  auto& tracking = context.services.tracking;
  GALLEY_TRY(const auto details, tracking.get(id));
  GALLEY_TRY(const auto series, tracking.series(id));
  GALLEY_TRY(const auto artifacts, tracking.artifacts(id));
  return reply(print_details(details, series, artifacts));
}

Result<http::Response> metrics(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto id, run_id(request));
  GALLEY_TRY(const auto max_points,
             query_integer(request, "max_points", kDefaultPoints, 4, kMaxPoints));
  std::vector<std::string> keys;
  for (const auto& [name, value] : request.query)
    if (name == "key") keys.push_back(value);
  if (keys.size() > kMaxKeys)
    return Error{Errc::invalid_argument, "found " + std::to_string(keys.size()) + " keys", "key",
                 "at most " + std::to_string(kMaxKeys)};
  if (keys.empty()) {
    GALLEY_TRY(const auto series, context.services.tracking.series(id));
    for (const auto& one : series)
      if (keys.size() < kMaxKeys) keys.push_back(one.key);
  }
  Json series = Json::array();
  for (const auto& key : keys) {
    GALLEY_TRY(const auto points,
               context.services.tracking.points(id, key, static_cast<std::size_t>(max_points)));
    series.push_back(print_points(key, points));
  }
  return reply({{"series", std::move(series)}});
}

Result<http::Response> add_points(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto id, run_id(request));
  GALLEY_TRY(auto body, body_as<PointsBody>(request));
  const WallTime now = context.services.clock.wall();
  std::vector<tracking::MetricPoint> points;
  std::vector<std::string> keys;
  points.reserve(body.points.size());
  for (auto& point : body.points) {
    if (std::ranges::find(keys, point.key) == keys.end()) keys.push_back(point.key);
    points.push_back(
        {std::move(point.key), point.step, point.value, to_ms(point.at.value_or(now))});
  }
  GALLEY_TRY_STATUS(context.services.tracking.log_metrics(id, points));
  announce_metrics(*context.feed, id, keys);
  return no_content();
}

std::vector<KeyValue> pairs(const std::map<std::string, std::string>& map) {
  return {map.begin(), map.end()};
}

Result<http::Response> create_run(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto body, body_as<NewRunBody>(request));
  GALLEY_TRY(const auto run, context.services.tracking.create_run(body.name, body.experiment));
  GALLEY_TRY_STATUS(audit(context, request, "run.create", run.id.str()));
  auto response = reply(print_run(run, {}), 201);
  response.headers.set("Location", "/api/v1/runs/" + run.id.str());
  return response;
}

void add_writes(Endpoints& endpoints, Context& context) {
  endpoints.add("POST", "/api/v1/runs", http::Run::pool,
                {.summary = "Begins a run that no job of ours runs.",
                 .request = protocol::schema_of<NewRunBody>(),
                 .response = run_schema(),
                 .status = 201},
                [&context](const http::Request& request) { return create_run(context, request); });
  endpoints.add("POST", "/api/v1/runs/{id}/metrics", http::Run::pool,
                {.summary = "Appends points to a run's series.",
                 .request = protocol::schema_of<PointsBody>(),
                 .status = 204,
                 .access = Access::own_run},
                [&context](const http::Request& request) { return add_points(context, request); });
  endpoints.add("POST", "/api/v1/runs/{id}/params", http::Run::pool,
                {.summary = "Writes a run's parameters, each once.",
                 .request = protocol::schema_of<ParamsBody>(),
                 .status = 204,
                 .access = Access::own_run},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto id, run_id(request));
                  GALLEY_TRY(const auto body, body_as<ParamsBody>(request));
                  GALLEY_TRY_STATUS(context.services.tracking.log_params(id, pairs(body.params)));
                  GALLEY_TRY_STATUS(audit(context, request, "run.params", id.str()));
                  return no_content();
                });
  endpoints.add("POST", "/api/v1/runs/{id}/tags", http::Run::pool,
                {.summary = "Sets tags of a run.",
                 .request = protocol::schema_of<TagsBody>(),
                 .status = 204,
                 .access = Access::own_run},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto id, run_id(request));
                  GALLEY_TRY(const auto body, body_as<TagsBody>(request));
                  GALLEY_TRY_STATUS(context.services.tracking.set_tags(id, pairs(body.tags)));
                  GALLEY_TRY_STATUS(audit(context, request, "run.tags", id.str()));
                  return no_content();
                });
  endpoints.add("POST", "/api/v1/runs/{id}/finish", http::Run::pool,
                {.summary = "Ends a run.",
                 .request = protocol::schema_of<FinishBody>(),
                 .status = 204,
                 .access = Access::own_run},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto id, run_id(request));
                  GALLEY_TRY(const auto body, body_as<FinishBody>(request));
                  GALLEY_TRY(const auto state, tracking::parse_run_state(body.state));
                  GALLEY_TRY_STATUS(context.services.tracking.finish_run(id, state));
                  GALLEY_TRY_STATUS(audit(context, request, "run.finish", id.str()));
                  return no_content();
                });
}

}  // namespace

void add_run_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("GET", "/api/v1/runs", http::Run::pool,
                {.summary = "Lists runs, newest first, with the last values of their metrics.",
                 .response = list_schema(run_schema()),
                 .query = list_parameters(true)},
                [&context](const http::Request& request) { return list_runs(context, request); });
  endpoints.add("GET", "/api/v1/runs/{id}", http::Run::pool,
                {.summary = "Shows a run: parameters, tags, series and artifacts.",
                 .response = details_schema(),
                 .access = Access::own_run},
                [&context](const http::Request& request) { return show_run(context, request); });
  endpoints.add(
      "GET", "/api/v1/runs/{id}/metrics", http::Run::pool,
      {.summary = "Points of series, thinned so that no spike disappears.",
       .response = object_schema({{"series", list_of(points_schema())}}),
       .query = {{"key", "Which series; all of them when absent.", "string", true},
                 {"max_points", "At most this many of each; 500 when absent.", "integer"}},
       .access = Access::own_run},
      [&context](const http::Request& request) { return metrics(context, request); });
  add_writes(endpoints, context);
}

}  // namespace galley::api
