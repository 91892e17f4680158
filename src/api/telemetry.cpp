// Time series of machines, GPUs and jobs, and the report of how far GPUs are used.
#include "telemetry/telemetry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/units.h"
#include "context.h"
#include "reply.h"

namespace galley::api {
namespace {

using telemetry::GpuNow;
using GaugeKind = telemetry::Kind;
using telemetry::NodeNow;
using telemetry::Telemetry;

constexpr std::int64_t kUsualPoints = 300;
constexpr Millis kUsualSpan = std::chrono::hours(1);
constexpr Millis kUsualReport = std::chrono::hours(24 * 7);

/// The double whose shortest text is the float's: 0.87, and not 0.8700000047683716.
Json number(float value) {
  if (!std::isfinite(value)) return nullptr;
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double wide = 0;
  std::from_chars(text.data(), end, wide);
  return wide;
}

/// A time, or how long ago: "2026-12-01T09:00Z", "7d".
Result<WallTime> query_moment(const http::Request& request, std::string_view name, WallTime now,
                              WallTime fallback) {
  const auto text = request.query_value(name);
  if (!text) return fallback;
  if (auto time = parse_rfc3339(*text)) return *time;
  if (const auto ago = parse_duration(*text)) return now - *ago;
  return Error{Errc::invalid_argument, "found '" + std::string(text->substr(0, 40)) + "'",
               std::string(name),
               "a time such as 2026-12-01T09:00Z, or how long ago, such as 6h or 7d"};
}

Result<Millis> query_step(const http::Request& request, Millis span) {
  const auto text = request.query_value("step");
  if (!text) {
    const std::int64_t period = telemetry::kPeriod.count();
    const std::int64_t wanted = span.count() / kUsualPoints;
    return Millis{std::max<std::int64_t>(1, (wanted + period - 1) / period) * period};
  }
  if (const auto step = parse_duration(*text)) return *step;
  return Error{Errc::invalid_argument, "found '" + std::string(text->substr(0, 40)) + "'", "step",
               "a duration of 5s or more, such as 1m"};
}

Error needless(std::string_view field, GaugeKind kind) {
  return Error{Errc::invalid_argument,
               "a metric of a " + std::string(word_of(kind)) + " takes no " + std::string(field),
               std::string(field), "another metric, or no " + std::string(field)};
}

/// A GPU of the node by its index, or any by its UUID.
Result<std::string> gpu_of(const Telemetry& store, const NodeId& node, const std::string& text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return text;
  const auto now = store.newest(node);
  if (now)
    for (const GpuNow& gpu : now->gpus)
      if (std::to_string(gpu.index) == text) return gpu.uuid;
  return Error{Errc::not_found, "the node has no GPU " + text.substr(0, 20) + " that reports",
               "gpu", "an index or a UUID", "leave it out for all GPUs of the node"};
}

/// Fills in whose series are asked for.
Status choose_subject(const Context& context, const http::Request& request,
                      telemetry::Query& query) {
  const Telemetry& store = *context.telemetry;
  const GaugeKind kind = query.metric.kind;
  const std::string node = query_text(request, "node");
  const std::string gpu = query_text(request, "gpu");
  const std::string job = query_text(request, "job");
  const std::string team = query_text(request, "team");
  const std::string user = query_text(request, "user");
  if (!gpu.empty() && kind != GaugeKind::gpu) return needless("gpu", kind);
  if (!job.empty() && kind != GaugeKind::job) return needless("job", kind);
  if (!team.empty() && kind != GaugeKind::team) return needless("team", kind);
  if (!user.empty() && kind != GaugeKind::user) return needless("user", kind);
  if (kind >= GaugeKind::team) {
    if (!node.empty()) return needless("node", kind);
    query.subject = kind == GaugeKind::team ? team : user;
    return ok();
  }
  if (kind == GaugeKind::job && !job.empty()) {
    GALLEY_TRY(const auto id, JobId::parse(job));
    GALLEY_TRY(const auto places, store.places_of(id));
    for (const auto& [place, attempt] : places) {
      if (!node.empty()) {
        GALLEY_TRY(const auto wanted, store.find_node(node));
        if (place != wanted) continue;
      }
      query.node = place;
      query.subject = attempt.str();
      return ok();
    }
    return Error{Errc::not_found, "job " + job + " has not run" + (node.empty() ? "" : " there"),
                 "job", "a job that was started"};
  }
  if (node.empty())
    return Error{
        Errc::invalid_argument,
        "a series of a " + std::string(word_of(kind)) + " belongs to a node, and none is named",
        "node", "a node's name or id", "fleet_* and team_* metrics need none"};
  GALLEY_TRY(query.node, store.find_node(node));
  GALLEY_TRY(query.subject, gpu_of(store, query.node, gpu));
  return ok();
}

Json print_series(const telemetry::Series& series, GaugeKind kind) {
  Json at = Json::array();
  Json mean = Json::array();
  Json least = Json::array();
  Json most = Json::array();
  Json last = Json::array();
  for (const telemetry::Point& point : series.points) {
    at.push_back(point.at_ms);
    mean.push_back(number(point.mean));
    least.push_back(number(point.min));
    most.push_back(number(point.max));
    last.push_back(number(point.last));
  }
  Json printed{{"at_ms", std::move(at)},
               {"mean", std::move(mean)},
               {"min", std::move(least)},
               {"max", std::move(most)},
               {"last", std::move(last)}};
  if (kind == GaugeKind::gpu) printed["uuid"] = series.subject;
  if (kind == GaugeKind::job) printed["attempt"] = series.subject;
  if (kind == GaugeKind::team) printed["team"] = series.subject;
  if (kind == GaugeKind::user) printed["user"] = series.subject;
  return printed;
}

Result<http::Response> query(const Context& context, const http::Request& request) {
  const std::string name = query_text(request, "metric");
  if (name.empty())
    return Error{Errc::invalid_argument, "no metric is named", "metric",
                 "a name such as gpu_utilization_ratio",
                 "GET /api/v1/telemetry/metrics lists them"};
  auto metric = telemetry::find_metric(name);
  if (!metric) {
    metric.error().code = Errc::invalid_argument;
    return std::move(metric).error();
  }
  const WallTime now = context.services.clock.wall();
  telemetry::Query query;
  query.metric = *metric;
  GALLEY_TRY(query.to, query_moment(request, "to", now, now + Millis{1}));
  GALLEY_TRY(query.from, query_moment(request, "from", now, query.to - kUsualSpan));
  GALLEY_TRY(query.step, query_step(request, query.to - query.from));
  GALLEY_TRY_STATUS(choose_subject(context, request, query));
  GALLEY_TRY(const auto found, context.telemetry->query(query));
  Json series = Json::array();
  for (const auto& one : found) series.push_back(print_series(one, query.metric.kind));
  Json body{{"metric", name},
            {"from", to_rfc3339(query.from)},
            {"to", to_rfc3339(query.to)},
            {"step_s", static_cast<double>(query.step.count()) / 1e3},
            {"series", std::move(series)}};
  if (!query.node.empty()) body["node_id"] = query.node.str();
  return reply(body);
}

Json print_values(GaugeKind kind, const std::vector<float>& values) {
  Json printed = Json::object();
  const auto all = telemetry::gauges(kind);
  for (std::size_t i = 0; i < values.size() && i < all.size(); ++i)
    if (!std::isnan(values[i])) printed[std::string(all[i].field)] = number(values[i]);
  return printed;
}

Json print_node(const NodeNow& node) {
  Json gpus = Json::array();
  for (const GpuNow& gpu : node.gpus) {
    Json printed = print_values(GaugeKind::gpu, gpu.values);
    printed["uuid"] = gpu.uuid;
    printed["index"] = gpu.index;
    printed["model"] = gpu.model;
    printed["allocated"] = gpu.allocated;
    printed["idle"] = gpu.idle;
    gpus.push_back(std::move(printed));
  }
  Json printed = print_values(GaugeKind::node, node.values);
  printed["node_id"] = node.id.str();
  printed["name"] = node.name;
  printed["at"] = to_rfc3339(node.at);
  printed["gpus"] = std::move(gpus);
  return printed;
}

Result<http::Response> newest(const Context& context, const http::Request& request) {
  Json items = Json::array();
  if (const std::string node = query_text(request, "node"); !node.empty()) {
    GALLEY_TRY(const auto id, context.telemetry->find_node(node));
    if (const auto now = context.telemetry->newest(id)) items.push_back(print_node(*now));
    return reply_list(std::move(items));
  }
  GALLEY_TRY(const auto limit, query_limit(request));
  const auto nodes =
      context.telemetry->newest(query_text(request, "cursor"), static_cast<std::size_t>(limit));
  for (const NodeNow& node : nodes) items.push_back(print_node(node));
  const bool more = std::ssize(nodes) == limit;
  return reply_list(std::move(items), more ? nodes.back().name : std::string());
}

http::Response list_metrics() {
  Json items = Json::array();
  for (std::size_t kind = 0; kind < telemetry::kKinds; ++kind) {
    const auto all = telemetry::gauges(static_cast<GaugeKind>(kind));
    for (std::size_t i = 0; i < all.size(); ++i)
      items.push_back({{"name", telemetry::name_of({static_cast<GaugeKind>(kind), i})},
                       {"of", std::string(word_of(static_cast<GaugeKind>(kind)))},
                       {"help", std::string(all[i].help)}});
  }
  return reply_list(std::move(items));
}

Json print_usage(const telemetry::Usage& usage) {
  Json printed{{"name", usage.name},
               {"allocated_gpu_hours", usage.allocated_gpu_h},
               {"measured_gpu_hours", usage.measured_gpu_h},
               {"used_gpu_hours", usage.used_gpu_h},
               {"idle_gpu_hours", usage.idle_gpu_h},
               {"utilization_ratio", usage.utilization_ratio}};
  if (!usage.title.empty()) printed["job_name"] = usage.title;
  return printed;
}

Result<http::Response> utilization(const Context& context, const http::Request& request) {
  const WallTime now = context.services.clock.wall();
  const std::string by = std::string(request.query_value("by").value_or("team"));
  GALLEY_TRY(const auto group, telemetry::parse_group_by(by));
  GALLEY_TRY(const auto to, query_moment(request, "to", now, now));
  GALLEY_TRY(const auto from, query_moment(request, "from", now, to - kUsualReport));
  GALLEY_TRY(const auto report, context.telemetry->usage(from, to, group));
  Json items = Json::array();
  for (const telemetry::Usage& usage : report.rows) items.push_back(print_usage(usage));
  return reply({{"by", by},
                {"from", to_rfc3339(report.from)},
                {"to", to_rfc3339(report.to)},
                {"items", std::move(items)},
                {"total", print_usage(report.total)},
                {"shortened", report.shortened}});
}

Json usage_schema() {
  Json properties = Json::object();
  for (const char* name : {"allocated_gpu_hours", "measured_gpu_hours", "used_gpu_hours",
                           "idle_gpu_hours", "utilization_ratio"})
    properties[name] = type_schema("number");
  properties["name"] = type_schema("string");
  properties["job_name"] = type_schema("string");
  return object_schema(std::move(properties));
}

Json series_schema() {
  Json properties = Json::object();
  for (const char* name : {"at_ms", "mean", "min", "max", "last"})
    properties[name] = list_of(type_schema("number"));
  for (const char* name : {"uuid", "attempt", "team", "user"})
    properties[name] = type_schema("string");
  return object_schema(std::move(properties));
}

Json answer_schema() {
  return object_schema({{"metric", type_schema("string")},
                        {"node_id", type_schema("string")},
                        {"from", type_schema("string")},
                        {"to", type_schema("string")},
                        {"step_s", type_schema("number")},
                        {"series", list_of(series_schema())}});
}

std::vector<Parameter> span_parameters() {
  return {{"from", "Begin: a time, or how long ago, such as 6h."},
          {"to", "End, likewise; now when absent."}};
}

}  // namespace

void add_telemetry_routes(Endpoints& endpoints, Context& context) {
  const std::string base = "/api/v1/telemetry";
  std::vector<Parameter> parameters{
      {"metric", "What to follow, such as gpu_utilization_ratio."},
      {"node", "Name or id of the node."},
      {"gpu", "Index or UUID of one of its GPUs; all when absent."},
      {"job", "Id of a job, for job_* metrics: its newest attempt."},
      {"team", "Of team_* metrics; all when absent."},
      {"user", "Of user_* metrics; all when absent."},
      {"step", "Length of one point, 5s or more; about 300 points when absent."}};
  for (auto& parameter : span_parameters()) parameters.push_back(std::move(parameter));
  endpoints.add("GET", base, http::Run::pool,
                {.summary = "What a machine, GPU, job, team or the fleet did over time.",
                 .response = answer_schema(),
                 .query = std::move(parameters)},
                [&context](const http::Request& request) { return query(context, request); });
  std::vector<Parameter> list = list_parameters();
  list.push_back({"node", "Name or id of one node; all that report when absent."});
  endpoints.add("GET", base + "/newest", http::Run::pool,
                {.summary = "The newest numbers of machines and their GPUs.",
                 .response = list_schema(type_schema("object")),
                 .query = std::move(list)},
                [&context](const http::Request& request) { return newest(context, request); });
  endpoints.add("GET", base + "/metrics", http::Run::pool,
                {.summary = "The metrics that can be asked for and that alerts may watch.",
                 .response = list_schema(object_schema({{"name", type_schema("string")},
                                                        {"of", type_schema("string")},
                                                        {"help", type_schema("string")}}))},
                [](const http::Request&) -> Result<http::Response> { return list_metrics(); });
  std::vector<Parameter> report = span_parameters();
  report.push_back({"by", "team, user or job; team when absent."});
  endpoints.add("GET", "/api/v1/reports/utilization", http::Run::pool,
                {.summary = "Who holds GPUs, and how far they are used.",
                 .response = object_schema({{"by", type_schema("string")},
                                            {"from", type_schema("string")},
                                            {"to", type_schema("string")},
                                            {"items", list_of(usage_schema())},
                                            {"total", usage_schema()},
                                            {"shortened", type_schema("boolean")}}),
                 .query = std::move(report)},
                [&context](const http::Request& request) { return utilization(context, request); });
}

}  // namespace galley::api
