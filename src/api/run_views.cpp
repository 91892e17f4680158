#include "run_views.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "reply.h"

namespace galley::api {
namespace {

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json print_pairs(const std::vector<tracking::KeyValue>& pairs) {
  Json json = Json::object();
  for (const auto& [key, value] : pairs) json[key] = value;
  return json;
}

Json print_series(const std::vector<tracking::SeriesSummary>& series) {
  Json list = Json::array();
  for (const auto& one : series)
    list.push_back({{"key", one.key},
                    {"point_count", one.count},
                    {"last_step", one.last_step},
                    {"last_value", finite(one.last_value)},
                    {"min_value", finite(one.min_value)},
                    {"max_value", finite(one.max_value)},
                    {"last_at", to_rfc3339(one.last_at)}});
  return list;
}

/// What the run comes from, out of the tags that say so.
Json print_lineage(const std::vector<tracking::KeyValue>& tags) {
  constexpr std::string_view kDataSet = "galley.dataset.";
  constexpr std::string_view kCode = "galley.git.";
  constexpr std::array<std::string_view, 10> kEnvironment{
      "node",  "nodes",        "gpus",   "gpu.type", "gpu.driver",
      "image", "image.digest", "python", "os",       "cuda"};
  constexpr std::array<std::string_view, 3> kOrigin{"user", "parent", "attempts"};
  Json lineage = Json::object();
  const auto strip = [](std::string_view key) { return std::string(key.substr(7)); };
  for (const auto& [key, value] : tags) {
    if (!key.starts_with("galley.")) continue;
    const std::string name = strip(key);
    if (key.starts_with(kCode))
      lineage["code"][key.substr(kCode.size())] = value;
    else if (key.starts_with(kDataSet))
      lineage["datasets"][key.substr(kDataSet.size())] = value;
    else if (std::ranges::find(kEnvironment, name) != kEnvironment.end())
      lineage["environment"][name] = value;
    else if (std::ranges::find(kOrigin, name) != kOrigin.end())
      lineage[name] = value;
  }
  return lineage;
}

Json print_artifacts(const std::vector<tracking::Artifact>& artifacts) {
  Json list = Json::array();
  for (const auto& artifact : artifacts)
    list.push_back({{"path", artifact.path},
                    {"kind", tracking::to_string(artifact.kind)},
                    {"size_bytes", artifact.size_bytes},
                    {"manifest", artifact.manifest_sha256},
                    {"created_at", to_rfc3339(artifact.created)}});
  return list;
}

}  // namespace

Json print_run(const tracking::Run& run, const std::vector<tracking::SeriesSummary>& series) {
  Json json{{"id", run.id.str()},
            {"name", run.name},
            {"experiment", run.experiment},
            {"state", tracking::to_string(run.state)},
            {"created_at", to_rfc3339(run.created)},
            {"metrics", Json::object()}};
  if (!run.job_id.empty()) json["job_id"] = run.job_id;
  if (run.ended) json["ended_at"] = to_rfc3339(*run.ended);
  for (const auto& one : series) {
    if (json["metrics"].size() >= kListedMetrics) break;
    json["metrics"][one.key] = finite(one.last_value);
  }
  return json;
}

Result<WantedKeys> parse_wanted_keys(std::span<const std::string> columns) {
  WantedKeys wanted;
  for (const std::string& column : columns) {
    const auto dot = column.find('.');
    const std::string family = column.substr(0, dot);
    auto* const keys = family == "metrics"  ? &wanted.metrics
                       : family == "params" ? &wanted.params
                       : family == "tags"   ? &wanted.tags
                                            : nullptr;
    if (keys == nullptr || dot == std::string::npos || keys->size() >= kListedMetrics)
      return Error{Errc::invalid_argument, "found '" + column.substr(0, 60) + "'", "column",
                   "metrics.NAME, params.NAME or tags.NAME, at most " +
                       std::to_string(kListedMetrics) + " of each"};
    keys->push_back(column.substr(dot + 1));
  }
  return wanted;
}

Json print_listed(const tracking::RunDetails& details,
                  const std::vector<tracking::SeriesSummary>& series, const WantedKeys& wanted) {
  Json json = print_run(details.run, {});
  const auto is_wanted = [](const std::vector<std::string>& keys, const std::string& key) {
    return std::ranges::find(keys, key) != keys.end();
  };
  auto& metrics = json["metrics"];
  auto& params = json["params"] = Json::object();
  auto& tags = json["tags"] = Json::object();
  // First what is wanted, then whatever still finds room.
  for (const bool first : {true, false}) {
    for (const auto& one : series)
      if (metrics.size() < kListedMetrics && is_wanted(wanted.metrics, one.key) == first)
        metrics[one.key] = finite(one.last_value);
    for (const auto& [key, value] : details.params)
      if (params.size() < kListedMetrics && is_wanted(wanted.params, key) == first)
        params[key] = to_valid_utf8(value.substr(0, kListedBytes));
  }
  for (const auto& [key, value] : details.tags)
    if (is_wanted(wanted.tags, key)) tags[key] = to_valid_utf8(value.substr(0, kListedBytes));
  return json;
}

Json print_details(const tracking::RunDetails& details,
                   const std::vector<tracking::SeriesSummary>& series,
                   const std::vector<tracking::Artifact>& artifacts) {
  Json json = print_run(details.run, series);
  json["params"] = print_pairs(details.params);
  json["tags"] = print_pairs(details.tags);
  json["lineage"] = print_lineage(details.tags);
  json["series"] = print_series(series);
  json["artifacts"] = print_artifacts(artifacts);
  return json;
}

Json print_points(const std::string& key, std::span<const tracking::Point> points) {
  Json steps = Json::array();
  Json values = Json::array();
  Json times = Json::array();
  for (const auto& point : points) {
    steps.push_back(point.step);
    values.push_back(finite(point.value));
    times.push_back(point.at_ms);
  }
  return {{"key", key},
          {"steps", std::move(steps)},
          {"values", std::move(values)},
          {"times_ms", std::move(times)}};
}

Json run_schema() {
  Json properties{{"metrics",
                   {{"type", "object"},
                    {"additionalProperties", {{"type", Json::array({"number", "null"})}}}}}};
  for (const char* name : {"id", "name", "experiment", "state", "created_at", "job_id", "ended_at"})
    properties[name] = type_schema("string");
  return object_schema(std::move(properties));
}

Json listed_schema() {
  Json schema = run_schema();
  const Json texts{{"type", "object"}, {"additionalProperties", type_schema("string")}};
  schema["properties"]["params"] = texts;
  schema["properties"]["tags"] = texts;
  return schema;
}

Json details_schema() {
  Json schema = listed_schema();
  const Json texts{{"type", "object"}, {"additionalProperties", type_schema("string")}};
  schema["properties"]["lineage"] = object_schema({{"code", texts},
                                                   {"environment", texts},
                                                   {"datasets", texts},
                                                   {"user", type_schema("string")},
                                                   {"parent", type_schema("string")},
                                                   {"attempts", type_schema("string")}});
  const Json number_or_null{{"type", Json::array({"number", "null"})}};
  schema["properties"]["series"] = list_of(object_schema({{"key", type_schema("string")},
                                                          {"point_count", type_schema("integer")},
                                                          {"last_step", type_schema("integer")},
                                                          {"last_value", number_or_null},
                                                          {"min_value", number_or_null},
                                                          {"max_value", number_or_null},
                                                          {"last_at", type_schema("string")}}));
  schema["properties"]["artifacts"] =
      list_of(object_schema({{"path", type_schema("string")},
                             {"kind", type_schema("string")},
                             {"size_bytes", type_schema("integer")},
                             {"manifest", type_schema("string")},
                             {"created_at", type_schema("string")}}));
  return schema;
}

Json points_schema() {
  return object_schema({{"key", type_schema("string")},
                        {"steps", list_of(type_schema("integer"))},
                        {"values", list_of({{"type", Json::array({"number", "null"})}})},
                        {"times_ms", list_of(type_schema("integer"))}});
}

void announce_metrics(EventFeed& feed, const RunId& run, const std::vector<std::string>& keys) {
  feed.announce("metrics", dump_json({{"run_id", run.str()}, {"keys", keys}}));
}

}  // namespace galley::api
