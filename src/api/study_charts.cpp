// What the charts of a study's page show.
#include "studies/study_charts.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/text.h"
#include "context.h"
#include "deflate.h"
#include "reply.h"

namespace galley::api {
namespace {

using studies::TableAxis;
using studies::TrialCurve;

constexpr std::size_t kMostNamedTrials = 500;
constexpr std::array<const char*, 4> kAxisKinds{"real", "integer", "categorical", "ordered"};

// Columns are written as text at once: 10,000 trials of 10 parameters as JSON objects would take
// longer to make than to send. Six figures are more than a screen has pixels; whole numbers that
// are not too large are exact.
void add_number(std::string& out, double value) {
  if (!std::isfinite(value))
    out += "null";
  else if (value == std::floor(value) && std::abs(value) < 1e15)
    fmt::format_to(std::back_inserter(out), "{}", static_cast<std::int64_t>(value));
  else
    fmt::format_to(std::back_inserter(out), "{:.6g}", value);
}

template <class Values>
std::string column(const Values& values) {
  std::string out = "[";
  for (const auto value : values) {
    if (out.size() > 1) out += ',';
    add_number(out, static_cast<double>(value));
  }
  return out + "]";
}

/// {…} with columns after it.
std::string with_columns(const Json& head,
                         std::initializer_list<std::pair<std::string_view, std::string>> columns) {
  std::string out = dump_json(head);
  out.pop_back();
  for (const auto& [name, text] : columns) {
    if (out.size() > 1) out += ',';
    fmt::format_to(std::back_inserter(out), "\"{}\":{}", name, text);
  }
  return out + "}";
}

template <class Items, class Print>
std::string printed_list(const Items& items, Print print) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += print(item);
  }
  return out + "]";
}

std::string_view word_of_order(const studies::MeasureView& measure) {
  return measure.maximise ? "descending" : "ascending";
}

http::Response compressed(const http::Request& request, std::string body) {
  auto response = http::Response::json(std::move(body));
  compress_reply(request, response);
  return response;
}

std::string print_axis(const TableAxis& axis) {
  Json head{{"name", axis.name},
            {"kind", kAxisKinds[static_cast<std::size_t>(axis.kind)]},
            {"conditional", axis.conditional}};
  if (axis.kind == TableAxis::Kind::real || axis.kind == TableAxis::Kind::integer) {
    head["low"] = axis.low;
    head["high"] = axis.high;
    head["log"] = axis.log;
    if (axis.step > 0) head["step"] = axis.step;
  } else {
    head["choices"] = axis.choices;
  }
  return with_columns(head, {{"values", column(axis.values)}});
}

Result<http::Response> show_table(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto table, context.services.studies->table(request.param("id")));
  Json head{{"count", table.states.size()}, {"states", table.state_words}, {"front", table.front}};
  if (table.best) head["best"] = *table.best;
  const auto& known = table.known;
  Json sources = Json::array();
  for (const auto& [id, name] : known.studies) sources.push_back({{"id", id}, {"name", name}});
  const auto columns = [](const std::vector<std::vector<double>>& all) {
    return printed_list(all, [](const auto& one) { return column(one); });
  };
  return compressed(
      request,
      with_columns(
          head,
          {{"axes", printed_list(table.axes, print_axis)},
           {"measures", printed_list(table.measures,
                                     [](const auto& one) {
                                       return with_columns({{"name", one.measure.name},
                                                            {"order", word_of_order(one.measure)}},
                                                           {{"values", column(one.values)}});
                                     })},
           {"state", column(table.states)},
           {"attempt", column(table.attempts)},
           {"resource", column(table.resources)},
           {"budget", column(table.budgets)},
           {"gpu_seconds", column(table.gpu_seconds)},
           {"known", with_columns({{"count", known.from.size()}, {"studies", std::move(sources)}},
                                  {{"study", column(known.from)},
                                   {"number", column(known.numbers)},
                                   {"failed", column(known.failed)},
                                   {"resource", column(known.resources)},
                                   {"axes", columns(known.axes)},
                                   {"measures", columns(known.measures)}})}}));
}

std::string print_curve(const TrialCurve& curve) {
  return with_columns({{"trial", curve.trial}}, {{"at_s", column(curve.at_s)},
                                                 {"resource", column(curve.resource)},
                                                 {"value", column(curve.value)}});
}

Result<std::vector<std::int64_t>> named_trials(const http::Request& request) {
  std::vector<std::int64_t> trials;
  for (const std::string_view part : split(query_text(request, "trials"), ',')) {
    const std::string_view word = trim(part);
    if (word.empty()) continue;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || end != word.data() + word.size() || number < 0)
      return Error{Errc::invalid_argument, fmt::format("found '{}'", word.substr(0, 40)), "trials",
                   "numbers of trials with commas between"};
    trials.push_back(number);
  }
  if (trials.size() > kMostNamedTrials)
    return Error{Errc::invalid_argument, fmt::format("found {} trials", trials.size()), "trials",
                 fmt::format("at most {}", kMostNamedTrials)};
  return trials;
}

Result<http::Response> show_curves(const Context& context, const http::Request& request) {
  studies::CurvesWanted wanted;
  GALLEY_TRY(wanted.trials, named_trials(request));
  GALLEY_TRY(wanted.limit, query_integer(request, "limit", wanted.limit, 1, 2000));
  GALLEY_TRY(const auto found, context.services.studies->curves(request.param("id"), wanted));
  return compressed(request, with_columns({{"measure", found.measure.name},
                                           {"order", word_of_order(found.measure)},
                                           {"of", found.of}},
                                          {{"curves", printed_list(found.curves, print_curve)}}));
}

Result<http::Response> show_timeline(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto line, context.services.studies->timeline(request.param("id")));
  std::int64_t gpus = 0;
  for (const auto& node : context.services.controller.nodes())
    for (const auto& device : node.devices) gpus += device.state == "in_service" ? 1 : 0;
  return compressed(
      request,
      with_columns(
          {{"began_at", to_rfc3339(line.began)}, {"until_s", line.until_s}, {"gpus", gpus}},
          {{"pools", with_columns(Json::object(), {{"at_s", column(line.at_s)},
                                                   {"live", column(line.live)},
                                                   {"stop", column(line.stop)},
                                                   {"dead", column(line.dead)},
                                                   {"ended", column(line.ended)}})},
           {"share", with_columns(Json::object(), {{"at_s", column(line.share_at_s)},
                                                   {"study", column(line.this_gpus)},
                                                   {"tuning", column(line.tuning_gpus)},
                                                   {"people", column(line.people_gpus)}})}}));
}

Json print_attempt(const studies::TrialHistory::Attempt& attempt) {
  Json printed{{"number", attempt.number},
               {"ended_by", attempt.ended_by},
               {"from_resource", attempt.from_resource},
               {"to_resource", attempt.to_resource}};
  if (!attempt.job_id.empty()) printed["job_id"] = attempt.job_id;
  if (attempt.began_s) printed["began_s"] = *attempt.began_s;
  if (attempt.ended_s) printed["ended_s"] = *attempt.ended_s;
  return printed;
}

Result<http::Response> show_trial(const Context& context, const http::Request& request) {
  const std::string_view word = request.param("number");
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size())
    return Error{Errc::invalid_argument, fmt::format("found '{}'", word.substr(0, 40)), "number",
                 "the number of a trial"};
  GALLEY_TRY(const auto history, context.services.studies->trial(request.param("id"), number));
  Json attempts = Json::array(), lineage = Json::array(), values = Json::array();
  for (const auto& attempt : history.attempts) attempts.push_back(print_attempt(attempt));
  for (const auto& piece : history.lineage)
    lineage.push_back({{"trial", piece.trial},
                       {"params", piece.params},
                       {"from_resource", piece.from_resource},
                       {"to_resource", piece.to_resource}});
  const auto& trial = history.trial;
  for (const double value : trial.values)
    values.push_back(std::isfinite(value) ? Json(value) : nullptr);
  Json head{{"number", trial.number},
            {"state", trial.state},
            {"why", trial.why},
            {"params", trial.params},
            {"values", std::move(values)},
            {"resource", trial.resource},
            {"budget", trial.budget},
            {"gpu_seconds", history.gpu_seconds},
            {"lost_gpu_seconds", history.lost_gpu_seconds},
            {"attempts", std::move(attempts)},
            {"lineage", std::move(lineage)}};
  if (!trial.checkpoint.empty()) head["checkpoint"] = trial.checkpoint;
  if (!trial.worker.empty()) head["worker"] = trial.worker;
  if (!trial.job_id.empty()) head["job_id"] = trial.job_id;
  return compressed(request, with_columns(head, {{"curve", print_curve(history.curve)}}));
}

Json print_known_trial(const studies::KnownTrial& trial) {
  Json printed{{"study_id", trial.study_id},
               {"study", trial.study_name},
               {"state", trial.failed ? "failed" : "finished"},
               {"params", trial.params},
               {"resource", trial.resource},
               {"values", Json::array()}};
  for (const double value : trial.values)
    printed["values"].push_back(std::isfinite(value) ? Json(value) : nullptr);
  if (trial.number >= 0) printed["number"] = trial.number;
  return printed;
}

Result<http::Response> show_known(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto trials, context.services.studies->known(request.param("id")));
  Json items = Json::array();
  for (const auto& trial : trials) items.push_back(print_known_trial(trial));
  return reply_list(std::move(items));
}

Json columns_schema(std::initializer_list<const char*> names) {
  Json properties = Json::object();
  for (const char* name : names)
    properties[name] = list_of({{"type", Json::array({"number", "null"})}});
  return object_schema(std::move(properties));
}

Json table_schema() {
  Json schema = columns_schema({"state", "attempt", "resource", "budget", "gpu_seconds", "front"});
  auto& properties = schema["properties"];
  properties["count"] = type_schema("integer");
  properties["best"] = type_schema("integer");
  properties["states"] = list_of(type_schema("string"));
  properties["axes"] = list_of(type_schema("object"));
  properties["measures"] = list_of(type_schema("object"));
  properties["known"] = columns_schema({"study", "number", "failed", "resource"});
  return schema;
}

Json known_trial_schema() {
  Json properties = Json::object();
  for (const char* name : {"study_id", "study", "state"}) properties[name] = type_schema("string");
  properties["number"] = type_schema("integer");
  properties["resource"] = type_schema("number");
  properties["params"] = type_schema("object");
  properties["values"] = list_of(type_schema("number"));
  return object_schema(std::move(properties));
}

Json trial_history_schema() {
  Json properties = Json::object();
  for (const char* name : {"state", "why", "checkpoint", "worker", "job_id"})
    properties[name] = type_schema("string");
  for (const char* name : {"resource", "budget", "gpu_seconds", "lost_gpu_seconds"})
    properties[name] = type_schema("number");
  for (const char* name : {"attempts", "lineage"})
    properties[name] = list_of(type_schema("object"));
  properties["number"] = type_schema("integer");
  properties["params"] = type_schema("object");
  properties["values"] = list_of({{"type", Json::array({"number", "null"})}});
  properties["curve"] = columns_schema({"at_s", "resource", "value"});
  return object_schema(std::move(properties));
}

}  // namespace

void announce_studies(Context& context) {
  for (const StudyId& study : context.services.studies->take_changed())
    context.feed->announce("study", dump_json({{"study_id", study.str()}}));
}

void add_study_chart_routes(Endpoints& endpoints, Context& context) {
  if (context.services.studies == nullptr) return;
  const std::string base = "/api/v1/studies/{id}";
  const auto add = [&](const std::string& path, Doc doc,
                       Result<http::Response> (*show)(const Context&, const http::Request&)) {
    endpoints.add(
        "GET", base + path, http::Run::pool, std::move(doc),
        [&context, show](const http::Request& request) { return show(context, request); });
  };
  add("/table", {.summary = "All trials of a study, column by column.", .response = table_schema()},
      show_table);
  add("/known",
      {.summary = "Lists the trials of other studies that it began with.",
       .response = list_schema(known_trial_schema())},
      show_known);
  add("/curves",
      {.summary = "The first measure of trials as it was reported, thinned.",
       .response = object_schema({{"measure", type_schema("string")},
                                  {"order", type_schema("string")},
                                  {"of", type_schema("integer")},
                                  {"curves", list_of(type_schema("object"))}}),
       .query = {{"trials",
                  "Their numbers with commas between; the best and an even choice when "
                  "absent."},
                 {"limit", "Curves where none are named; 400 when absent.", "integer"}}},
      show_curves);
  add("/timeline",
      {.summary = "Its pools over time, and who held the GPUs meanwhile.",
       .response =
           object_schema({{"began_at", type_schema("string")},
                          {"until_s", type_schema("number")},
                          {"gpus", type_schema("integer")},
                          {"pools", columns_schema({"at_s", "live", "stop", "dead", "ended"})},
                          {"share", columns_schema({"at_s", "study", "tuning", "people"})}})},
      show_timeline);
  add("/trials/{number}",
      {.summary = "A trial: its attempts, its curve, and whose weights it went on with.",
       .response = trial_history_schema()},
      show_trial);
}

}  // namespace galley::api
