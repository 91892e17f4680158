#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "blobs/freeze.h"
#include "bodies.h"
#include "context.h"
#include "estimates/live_etas.h"
#include "reply.h"
#include "run_compare.h"
#include "run_views.h"
#include "tracking/tracking.h"

namespace galley::api {
namespace {

using tracking::KeyValue;

constexpr std::int64_t kDefaultPoints = 500;
constexpr std::int64_t kMaxPoints = 20'000;
constexpr std::size_t kMaxKeys = 100;  // series of one question

Result<RunId> run_id(const http::Request& request) { return RunId::parse(request.param("id")); }

std::vector<std::string> all_of(const http::Request& request, std::string_view parameter) {
  std::vector<std::string> values;
  for (const auto& [name, value] : request.query)
    if (name == parameter) values.push_back(value);
  return values;
}

Result<http::Response> list_runs(Context& context, const http::Request& request) {
  tracking::RunQuestion question{.filter = query_text(request, "filter"),
                                 .order = query_text(request, "order"),
                                 .cursor = query_text(request, "cursor"),
                                 .with_total = query_text(request, "total") == "true"};
  GALLEY_TRY(question.limit, query_limit(request));
  if (request.query_value("offset")) {
    GALLEY_TRY(question.offset, query_integer(request, "offset", 0, 0, tracking::kMaxRunOffset));
  }
  GALLEY_TRY(const auto wanted, parse_wanted_keys(all_of(request, "column")));
  auto& tracking = context.services.tracking;
  GALLEY_TRY(const auto found, tracking.find(question));
  Json items = Json::array();
  for (const auto& run : found.runs) {
    GALLEY_TRY(const auto details, tracking.get(run.id));
    GALLEY_TRY(const auto series, tracking.series(run.id));
    items.push_back(print_listed(details, series, wanted));
  }
  Json body{{"items", std::move(items)}};
  if (!found.next_cursor.empty()) body["next_cursor"] = found.next_cursor;
  if (found.total) body["total"] = *found.total;
  return reply(body);
}

Result<http::Response> compare_runs(Context& context, const http::Request& request) {
  std::vector<RunToCompare> runs;
  const auto ids = all_of(request, "id");
  if (ids.empty() || ids.size() > kMaxCompared)
    return Error{Errc::invalid_argument, "found " + std::to_string(ids.size()) + " runs", "id",
                 "1 to " + std::to_string(kMaxCompared)};
  for (const auto& text : ids) {
    GALLEY_TRY(const auto id, RunId::parse(text));
    GALLEY_TRY(auto details, context.services.tracking.get(id));
    GALLEY_TRY(auto series, context.services.tracking.series(id));
    runs.push_back({std::move(details), std::move(series)});
  }
  return reply(print_comparison(runs));
}

Result<http::Response> show_run(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto id, run_id(request));
  auto& tracking = context.services.tracking;
  GALLEY_TRY(const auto details, tracking.get(id));
  GALLEY_TRY(const auto series, tracking.series(id));
  GALLEY_TRY(const auto artifacts, tracking.artifacts(id));
  return reply(print_details(details, series, artifacts));
}

Result<http::Response> run_eta(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto id, run_id(request));
  if (context.services.live_etas == nullptr)
    return Error{Errc::unsupported, "this server follows no runs"};
  GALLEY_TRY(const auto eta, context.services.live_etas->eta(id));
  return reply(protocol::print_struct(eta));
}

Result<http::Response> metrics(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto id, run_id(request));
  GALLEY_TRY(const auto max_points,
             query_integer(request, "max_points", kDefaultPoints, 4, kMaxPoints));
  std::vector<std::string> keys = all_of(request, "key");
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
  Json list = list_schema(listed_schema());
  list["properties"]["total"] = type_schema("integer");
  std::vector<Parameter> parameters = list_parameters(false);
  parameters.insert(
      parameters.end(),
      {{"filter",
        R"(A condition, such as metrics.loss < 0.3 and params.lr > 0.01 and tags.who = "me".)"},
       {"order",
        "created_at, ended_at, duration, name, experiment, state, job_id, metrics.NAME, "
        "params.NAME or tags.NAME; with a - before it descending. Newest first when absent."},
       {"offset", "Instead of a cursor: how many runs to pass over.", "integer"},
       {"total", "true: the answer says how many runs there are in all."},
       {"column", "metrics.NAME, params.NAME or tags.NAME that must not be left out.", "string",
        true}});
  endpoints.add("GET", "/api/v1/runs", http::Run::pool,
                {.summary = "Lists runs with parameters and the newest values of their metrics.",
                 .response = std::move(list),
                 .query = std::move(parameters)},
                [&context](const http::Request& request) { return list_runs(context, request); });
  endpoints.add(
      "GET", "/api/v1/runs/compare", http::Run::pool,
      {.summary = "Sets up to 20 runs side by side.",
       .response = comparison_schema(),
       .query = {{"id", "Which runs.", "string", true}}},
      [&context](const http::Request& request) { return compare_runs(context, request); });
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
  endpoints.add("GET", "/api/v1/runs/{id}/eta", http::Run::pool,
                {.summary = "When a run will be done, by the progress that was posted to it.",
                 .response = protocol::schema_of<protocol::JobEta>(),
                 .access = Access::own_run},
                [&context](const http::Request& request) { return run_eta(context, request); });
  add_writes(endpoints, context);
}

}  // namespace galley::api
