#include "run_compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "reply.h"
#include "run_views.h"

namespace galley::api {
namespace {

Json run_number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

bool run_values_differ(const Json& values) {
  return std::ranges::any_of(values, [&](const Json& value) { return value != values.front(); });
}

Json absent_values(std::size_t count) { return Json(std::vector<Json>(count)); }

/// A row for each key of the pairs, by key.
Json print_rows(std::span<const RunToCompare> runs,
                std::vector<tracking::KeyValue> tracking::RunDetails::*pairs) {
  std::map<std::string, Json> rows;
  for (std::size_t i = 0; i < runs.size(); ++i)
    for (const auto& [key, value] : runs[i].details.*pairs)
      rows.try_emplace(key, absent_values(runs.size())).first->second[i] = value;
  Json printed = Json::array();
  for (auto& [key, values] : rows) {
    const bool differs = run_values_differ(values);
    printed.push_back({{"key", key}, {"values", std::move(values)}, {"differs", differs}});
  }
  return printed;
}

Json print_metrics(std::span<const RunToCompare> runs) {
  struct Row {
    Json points;
    Json last;
    Json least;
    Json greatest;
  };
  std::map<std::string, Row> rows;
  for (std::size_t i = 0; i < runs.size(); ++i)
    for (const auto& series : runs[i].series) {
      const Json none = absent_values(runs.size());
      Row& row = rows.try_emplace(series.key, Row{none, none, none, none}).first->second;
      row.points[i] = series.count;
      row.last[i] = run_number_or_null(series.last_value);
      row.least[i] = run_number_or_null(series.min_value);
      row.greatest[i] = run_number_or_null(series.max_value);
    }
  Json printed = Json::array();
  for (auto& [key, row] : rows) {
    Json one{{"key", key}, {"differs", run_values_differ(row.last)}};
    if (const auto less = less_is_better(key)) {
      one["goal"] = *less ? "min" : "max";
      one["best"] = *less ? row.least : row.greatest;
    }
    one["points"] = std::move(row.points);
    one["last"] = std::move(row.last);
    one["min"] = std::move(row.least);
    one["max"] = std::move(row.greatest);
    printed.push_back(std::move(one));
  }
  return printed;
}

}  // namespace

std::optional<bool> less_is_better(std::string_view metric) {
  std::string name(metric);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  const auto holds = [&](std::string_view word) { return name.find(word) != std::string::npos; };
  constexpr std::array<std::string_view, 11> kLess{"loss", "error", "perplexity", "ppl",
                                                   "mse",  "mae",   "wer",        "latency",
                                                   "_err", "nll",   "regret"};
  constexpr std::array<std::string_view, 12> kMore{"acc",    "auc",  "f1",   "precision",
                                                   "recall", "bleu", "map",  "rouge",
                                                   "reward", "iou",  "dice", "score"};
  if (std::ranges::any_of(kLess, holds)) return true;
  if (std::ranges::any_of(kMore, holds)) return false;
  return std::nullopt;
}

Json print_comparison(std::span<const RunToCompare> runs) {
  Json listed = Json::array();
  for (const auto& run : runs) {
    Json one = print_run(run.details.run, {});
    one.erase("metrics");
    listed.push_back(std::move(one));
  }
  return {{"runs", std::move(listed)},
          {"params", print_rows(runs, &tracking::RunDetails::params)},
          {"tags", print_rows(runs, &tracking::RunDetails::tags)},
          {"metrics", print_metrics(runs)}};
}

Json comparison_schema() {
  const Json texts = list_of({{"type", Json::array({"string", "null"})}});
  const Json numbers = list_of({{"type", Json::array({"number", "null"})}});
  const Json row = object_schema(
      {{"key", type_schema("string")}, {"values", texts}, {"differs", type_schema("boolean")}});
  return object_schema(
      {{"runs", list_of(run_schema())},
       {"params", list_of(row)},
       {"tags", list_of(row)},
       {"metrics", list_of(object_schema({{"key", type_schema("string")},
                                          {"points", numbers},
                                          {"last", numbers},
                                          {"min", numbers},
                                          {"max", numbers},
                                          {"best", numbers},
                                          {"goal", type_schema("string")},
                                          {"differs", type_schema("boolean")}}))}});
}

}  // namespace galley::api
