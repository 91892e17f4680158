// Studies of hyperparameters: create, look, ask, tell, stop.
#include "studies/studies.h"

#include <array>
#include <cmath>
#include <limits>

#include "context.h"
#include "reply.h"
#include "study_bodies.h"

namespace galley::api {
namespace {

using studies::Told;

constexpr std::int64_t kTrialsOfAPage = 1000;
constexpr std::int64_t kMostTrialsOfAPage = 100'000;
constexpr std::array<std::pair<std::string_view, Told::Kind>, 5> kToldWords{
    {{"running", Told::Kind::running},
     {"complete", Told::Kind::complete},
     {"failed", Told::Kind::failed},
     {"infeasible", Told::Kind::infeasible},
     {"released", Told::Kind::released}}};

Json print_values(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(std::isfinite(value) ? Json(value) : nullptr);
  return list;
}

Json print_summary(const studies::StudySummary& summary) {
  Json printed{{"trials", summary.trials},
               {"pools",
                {{"live", summary.live},
                 {"stop", summary.stop},
                 {"dead", summary.dead},
                 {"ended", summary.ended}}},
               {"gpu_seconds", summary.gpu_seconds}};
  if (summary.best)
    printed["best"] = {{"trial", *summary.best}, {"values", print_values(summary.best_values)}};
  return printed;
}

Json print_study(const studies::StudyRecord& study) {
  Json printed{{"id", study.id.str()},
               {"name", study.name},
               {"team", study.team},
               {"principal", study.principal},
               {"state", std::string(to_string(study.state))},
               {"reason", study.reason},
               {"has_job", study.has_job},
               {"created_at", to_rfc3339(study.created)}};
  if (study.ended) printed["ended_at"] = to_rfc3339(*study.ended);
  if (study.summary) printed["summary"] = print_summary(*study.summary);
  return printed;
}

Json print_details(const studies::StudyDetails& study) {
  const auto& progress = study.progress;
  Json printed = print_study(study.record);
  printed["methods"] = study.methods;
  printed["file"] = study.record.file;
  printed["measures"] = Json::array();
  for (const auto& measure : progress.measures)
    printed["measures"].push_back(
        {{"name", measure.name}, {"order", measure.maximise ? "descending" : "ascending"}});
  printed["resource"] = progress.resource;
  printed["max_resource"] = progress.max_resource;
  if (progress.max_trials) printed["max_trials"] = *progress.max_trials;
  printed["trials"] = progress.trials;
  printed["pools"] = {{"live", progress.live},
                      {"stop", progress.stop},
                      {"dead", progress.dead},
                      {"ended", progress.ended}};
  printed["gpu_seconds"] = progress.gpu_seconds;
  if (!progress.finalists.empty()) {
    printed["finalists"] = Json::array();
    for (const auto& raced : progress.finalists)
      printed["finalists"].push_back({{"trial", raced.trial},
                                      {"runs", raced.runs},
                                      {"mean", raced.mean},
                                      {"interval", print_values({raced.low, raced.high})}});
  }
  if (!study.obstacle.empty())
    printed["obstacle"] = {{"reason", study.obstacle}, {"help", study.help}};
  if (progress.best)
    printed["best"] = {{"trial", *progress.best},
                       {"values", print_values(progress.best_values)},
                       {"params", progress.best_params}};
  return printed;
}

Json print_trial(const studies::TrialView& trial) {
  Json printed{{"number", trial.number},
               {"attempt", trial.attempt},
               {"state", trial.state},
               {"params", trial.params},
               {"resource", trial.resource},
               {"budget", trial.budget},
               {"values", print_values(trial.values)},
               {"why", trial.why}};
  if (!trial.checkpoint.empty()) printed["checkpoint"] = trial.checkpoint;
  if (!trial.job_id.empty()) printed["job_id"] = trial.job_id;
  if (!trial.worker.empty()) printed["worker"] = trial.worker;
  if (trial.repeat_of) printed["repeat_of"] = *trial.repeat_of;
  return printed;
}

Json print_order(const studies::Order& order) {
  Json printed{{"trial", order.trial},   {"attempt", order.attempt}, {"params", order.params},
               {"budget", order.budget}, {"seed", order.seed},       {"why", order.why}};
  if (!order.checkpoint.empty()) {
    printed["checkpoint"] = order.checkpoint;
    printed["from_resource"] = order.from_resource;
  }
  return printed;
}

Json study_schema() {
  Json properties = Json::object();
  for (const char* name :
       {"id", "name", "team", "principal", "state", "reason", "methods", "created_at", "ended_at"})
    properties[name] = type_schema("string");
  properties["has_job"] = type_schema("boolean");
  properties["trials"] = type_schema("integer");
  for (const char* name : {"gpu_seconds", "max_resource"}) properties[name] = type_schema("number");
  properties["resource"] = type_schema("string");
  properties["max_trials"] = type_schema("integer");
  for (const char* name : {"measures", "finalists"})
    properties[name] = list_of(type_schema("object"));
  for (const char* name : {"file", "pools", "best", "obstacle", "summary"})
    properties[name] = type_schema("object");
  return object_schema(std::move(properties));
}

Json trial_schema() {
  Json properties = Json::object();
  for (const char* name : {"number", "attempt", "repeat_of"})
    properties[name] = type_schema("integer");
  for (const char* name : {"resource", "budget"}) properties[name] = type_schema("number");
  for (const char* name : {"state", "why", "checkpoint", "job_id", "worker"})
    properties[name] = type_schema("string");
  properties["params"] = type_schema("object");
  properties["values"] = list_of(type_schema("number"));
  return object_schema(std::move(properties));
}

/// The parameters as the text has them, since JSON's objects here are sorted by name.
void note_order(Json& file, std::string_view text) {
  if (!file.is_object() || file.contains("axes")) return;
  const auto told = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!told.is_object() || !told.contains("h_params") || !told["h_params"].is_object()) return;
  Json order = Json::array();
  for (const auto& [name, unused] : told["h_params"].items()) order.push_back(name);
  if (!std::ranges::is_sorted(order)) file["axes"] = std::move(order);
}

Result<double> number_or_nan(const std::string& field, const Json& value) {
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  if (value.is_number()) return value.get<double>();
  return Error{Errc::invalid_argument, "found " + dump_json(value).substr(0, 66), field,
               "a number, or null"};
}

Result<Told> told_of(const TellBody& body) {
  Told told{.trial = body.trial,
            .attempt = body.attempt,
            .resource = body.resource,
            .checkpoint = body.checkpoint,
            .reason = body.reason};
  const auto word =
      std::ranges::find(kToldWords, body.state, [](const auto& one) { return one.first; });
  if (word == kToldWords.end())
    return Error{Errc::invalid_argument, "found '" + body.state + "'", "state",
                 "running, complete, failed, infeasible or released"};
  told.kind = word->second;
  if (body.value) {
    GALLEY_TRY(const double value, number_or_nan("value", *body.value));
    told.values = {value};
  }
  if (!body.values) return told;
  if (body.value || !body.values->is_array())
    return Error{Errc::invalid_argument, "found " + dump_json(*body.values).substr(0, 66), "values",
                 "a list of numbers, and no value beside it"};
  for (std::size_t i = 0; i < body.values->size(); ++i) {
    GALLEY_TRY(const double value,
               number_or_nan("values[" + std::to_string(i) + "]", (*body.values)[i]));
    told.values.push_back(value);
  }
  return told;
}

/// What a trial's job may ask for, as when it were submitted.
Status check_job(const Context& context, const Identity& who, const std::string& team,
                 const Json& file) {
  if (!file.contains("job") || !file["job"].is_object()) return ok();
  const Json& job = file["job"];
  if (const auto secrets = job.find("secrets"); secrets != job.end() && secrets->is_array()) {
    std::vector<std::string> names;
    for (const Json& name : *secrets)
      if (name.is_string()) names.push_back(name.get<std::string>());
    GALLEY_TRY_STATUS(context.secrets->check(team, names));
  }
  const auto most = who.user ? who.user->quota.max_job_gpus : std::nullopt;
  const Json resources = job.value("resources", Json::object());
  if (!most || !resources.is_object() || !resources.value("gpus", Json(0)).is_number_integer())
    return ok();
  const auto gpus = resources.value("gpus", std::int64_t{0});
  if (gpus <= *most) return ok();
  return Error{Errc::forbidden,
               "a trial asks for " + std::to_string(gpus) + " GPUs, and the quota of " +
                   who.principal + " is " + std::to_string(*most) + " a job",
               "job.resources.gpus", "at most " + std::to_string(*most)};
}

Result<http::Response> create_study(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  GALLEY_TRY(auto file, body_json(request));
  std::string team = usual_team(who);
  if (file.is_object() && file.contains("team")) {
    if (!file["team"].is_string())
      return protocol::detail::wrong_type("team", "a text", file["team"]);
    team = file["team"].get<std::string>();
  }
  GALLEY_TRY_STATUS(check_team(who, team));
  if (file.is_object()) GALLEY_TRY_STATUS(check_job(context, who, team, file));
  note_order(file, request.body);
  GALLEY_TRY(const auto study,
             context.services.studies->create(
                 {.team = team, .principal = who.principal, .file = std::move(file)}));
  GALLEY_TRY_STATUS(audit(context, request, "study.create", study.record.id.str()));
  auto response = reply(print_details(study), 201);
  response.headers.set("Location", "/api/v1/studies/" + study.record.id.str());
  return response;
}

Result<http::Response> preview_study(Context& context, const http::Request& request) {
  GALLEY_TRY(auto body, body_as<PreviewBody>(request));
  GALLEY_TRY(const auto preview,
             context.services.studies->preview(
                 {.file = std::move(body.file)},
                 {.gpus = body.gpus, .seconds_per_resource = body.seconds_per_resource}));
  return reply(studies::to_json(preview));
}

Result<http::Response> show_importance(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto importance, context.services.studies->importance(request.param("id")));
  Json alone = Json::array(), pairs = Json::array();
  for (const auto& [name, share] : importance.alone)
    alone.push_back({{"name", name}, {"share", share}});
  for (const auto& pair : importance.pairs)
    pairs.push_back({{"names", {pair.first, pair.second}}, {"share", pair.share}});
  return reply({{"items", std::move(alone)},
                {"pairs", std::move(pairs)},
                {"trials", importance.trials},
                {"known", importance.known}});
}

void add_foresight(Endpoints& endpoints, Context& context, const std::string& base) {
  endpoints.add(
      "POST", base + "/preview", http::Run::pool,
      {.summary = "Says what a study will take, and begins nothing.",
       .request = protocol::schema_of<PreviewBody>(),
       .response = object_schema({{"trials", type_schema("integer")},
                                  {"slots", type_schema("integer")},
                                  {"gpu_hours", type_schema("number")},
                                  {"hours", type_schema("number")},
                                  {"seconds_per_resource", type_schema("number")},
                                  {"seconds_from", type_schema("string")},
                                  {"resource", type_schema("string")},
                                  {"ends_by", type_schema("string")},
                                  {"endless", type_schema("boolean")},
                                  {"gpu_type", type_schema("string")},
                                  {"reason", type_schema("string")},
                                  {"lengths", list_of(type_schema("object"))}})},
      [&context](const http::Request& request) { return preview_study(context, request); });
  endpoints.add(
      "GET", base + "/{id}/importance", http::Run::pool,
      {.summary = "Says how much each parameter matters (fANOVA).",
       .response = object_schema({{"items", list_of(type_schema("object"))},
                                  {"pairs", list_of(type_schema("object"))},
                                  {"trials", type_schema("integer")},
                                  {"known", type_schema("integer")}})},
      [&context](const http::Request& request) { return show_importance(context, request); });
}

/// The study of the path, where the caller's team may use it.
Result<std::string> study_of(const Context& context, const http::Request& request) {
  std::string study(request.param("id"));
  GALLEY_TRY(const auto who, context.auth->identify(request));
  GALLEY_TRY(const auto team, context.services.studies->team_of(study));
  GALLEY_TRY_STATUS(check_team(who, team));
  return study;
}

Result<http::Response> list_studies(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto limit, query_limit(request));
  GALLEY_TRY(const auto page, context.services.studies->list(limit, query_text(request, "cursor")));
  Json items = Json::array();
  for (const auto& study : page.studies) items.push_back(print_study(study));
  return reply_list(std::move(items), page.next_cursor);
}

Result<http::Response> list_trials(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto from,
             query_integer(request, "from", 0, 0, std::numeric_limits<std::int32_t>::max()));
  GALLEY_TRY(const auto limit,
             query_integer(request, "limit", kTrialsOfAPage, 1, kMostTrialsOfAPage));
  GALLEY_TRY(const auto trials, context.services.studies->trials(request.param("id"), from, limit));
  Json items = Json::array();
  for (const auto& trial : trials) items.push_back(print_trial(trial));
  return reply_list(std::move(items));
}

Result<http::Response> ask_study(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto study, study_of(context, request));
  GALLEY_TRY(const auto body, body_as<AskBody>(request));
  GALLEY_TRY(const auto orders, context.services.studies->ask(study, body.count, body.worker));
  Json items = Json::array();
  for (const auto& order : orders) items.push_back(print_order(order));
  return reply_list(std::move(items));
}

Result<http::Response> tell_study(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto study, study_of(context, request));
  GALLEY_TRY(const auto body, body_as<TellBody>(request));
  GALLEY_TRY(const auto told, told_of(body));
  GALLEY_TRY(const auto verdict, context.services.studies->tell(study, told));
  return reply({{"state", verdict.state}, {"go_on", verdict.goes_on}, {"why", verdict.why}});
}

Result<http::Response> stop_study(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  GALLEY_TRY(const auto study, study_of(context, request));
  GALLEY_TRY(const auto ended, context.services.studies->end(study, who.principal));
  GALLEY_TRY_STATUS(audit(context, request, "study.stop", ended.record.id.str()));
  return reply(print_details(ended));
}

void add_asking(Endpoints& endpoints, Context& context, const std::string& base) {
  const Json verdict = object_schema({{"state", type_schema("string")},
                                      {"go_on", type_schema("boolean")},
                                      {"why", type_schema("string")}});
  const Json order = object_schema({{"trial", type_schema("integer")},
                                    {"attempt", type_schema("integer")},
                                    {"params", type_schema("object")},
                                    {"budget", type_schema("number")},
                                    {"seed", type_schema("integer")},
                                    {"checkpoint", type_schema("string")},
                                    {"from_resource", type_schema("number")},
                                    {"why", type_schema("string")}});
  endpoints.add("POST", base + "/{id}/ask", http::Run::pool,
                {.summary = "Gives trials to carry out; none when results are waited for.",
                 .request = protocol::schema_of<AskBody>(),
                 .response = list_schema(order)},
                [&context](const http::Request& request) { return ask_study(context, request); });
  endpoints.add("POST", base + "/{id}/tell", http::Run::pool,
                {.summary = "Says what became of a trial, on its way or at its end.",
                 .request = protocol::schema_of<TellBody>(),
                 .response = verdict},
                [&context](const http::Request& request) { return tell_study(context, request); });
}

}  // namespace

void add_study_routes(Endpoints& endpoints, Context& context) {
  if (context.services.studies == nullptr) return;
  const std::string base = "/api/v1/studies";
  endpoints.add(
      "POST", base, http::Run::pool,
      {.summary = "Begins a study; the body is its file.",
       .request = type_schema("object"),
       .response = study_schema(),
       .status = 201},
      [&context](const http::Request& request) { return create_study(context, request); });
  endpoints.add(
      "GET", base, http::Run::pool,
      {.summary = "Lists studies, newest first.",
       .response = list_schema(study_schema()),
       .query = list_parameters()},
      [&context](const http::Request& request) { return list_studies(context, request); });
  endpoints.add("GET", base + "/{id}", http::Run::pool,
                {.summary = "Shows a study, by its id or the newest of that name.",
                 .response = study_schema()},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto study, context.services.studies->get(request.param("id")));
                  return reply(print_details(study));
                });
  endpoints.add(
      "GET", base + "/{id}/trials", http::Run::pool,
      {.summary = "Lists the trials of a study by number.",
       .response = list_schema(trial_schema()),
       .query = {{"from", "First number.", "integer"}, {"limit", "At most so many.", "integer"}}},
      [&context](const http::Request& request) { return list_trials(context, request); });
  endpoints.add("POST", base + "/{id}/stop", http::Run::pool,
                {.summary = "Ends a study and lets its trials go.", .response = study_schema()},
                [&context](const http::Request& request) { return stop_study(context, request); });
  add_foresight(endpoints, context, base);
  add_asking(endpoints, context, base);
}

}  // namespace galley::api
