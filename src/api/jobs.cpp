#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "context.h"
#include "estimates/live_etas.h"
#include "guides.h"
#include "protocol/guide.h"
#include "protocol/records.h"
#include "reply.h"
#include "store/filter.h"

namespace galley::api {
namespace {

using protocol::AttemptRecord;
using protocol::EventRecord;
using protocol::JobRecord;
using protocol::JobSpec;

constexpr std::array kJobFields{
    store::FilterField{"id", "id"},
    store::FilterField{"name", "name"},
    store::FilterField{"team", "team"},
    store::FilterField{"state", "state"},
    store::FilterField{"priority_class", "priority_class"},
    store::FilterField{"principal", "principal"},
    store::FilterField{"run_id", "run_id"},
    store::FilterField{"reason", "reason"},
    store::FilterField{"attempts", "attempts", store::FilterType::integer},
    store::FilterField{"exit_code", "exit_code", store::FilterType::integer},
    store::FilterField{"created_at", "created_ms", store::FilterType::time},
    store::FilterField{"started_at", "started_ms", store::FilterType::time},
    store::FilterField{"finished_at", "finished_ms", store::FilterType::time}};

constexpr std::size_t kMaxKeyBytes = 255;

Result<JobId> job_id(const http::Request& request) { return JobId::parse(request.param("id")); }

/// What the fleet can never hold is refused with what it could.
Result<http::Response> refuse(const Context& context, const http::Request& request,
                              const JobSpec& spec, const Error& error) {
  if (error.code != Errc::invalid_argument) return error;
  const auto guide = context.services.controller.guide(spec, caller_of(request));
  if (!guide || guide->binding != protocol::Binding::impossible) return error;
  return refuse_with_guide(error, request, protocol::print_struct(*guide));
}

/// What the user's teams and quota allow. Jobs that wait are counted where the job is written.
Status check_rights(const Identity& who, const JobSpec& spec) {
  GALLEY_TRY_STATUS(check_team(who, spec.team));
  const auto most = who.user ? who.user->quota.max_job_gpus : std::nullopt;
  const std::int64_t gpus = spec.resources.gpus * spec.resources.nodes;
  if (!most || gpus <= *most) return ok();
  return Error{
      Errc::forbidden,
      fmt::format("the job asks for {} GPUs, and the quota of {} is {} a job", gpus, who.principal,
                  *most),
      "resources.gpus", fmt::format("at most {} over all nodes", *most),
      fmt::format("ask an administrator: galley users set {} --max-job-gpus", who.principal)};
}

Result<http::Response> submit_job(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto who, context.auth->identify(request));
  auto caller = caller_of(request);
  if (who.user) caller.max_queued_jobs = who.user->quota.max_queued_jobs;
  caller.idempotency_key = request.headers.get("Idempotency-Key");
  if (caller.idempotency_key.size() > kMaxKeyBytes || !is_valid_utf8(caller.idempotency_key))
    return Error{Errc::invalid_argument, "found an Idempotency-Key that cannot be kept",
                 "Idempotency-Key", "at most " + std::to_string(kMaxKeyBytes) + " bytes of UTF-8"};
  if (!caller.idempotency_key.empty()) caller.request_sha256 = sha256_hex(request.body);
  GALLEY_TRY(auto json, body_json(request));
  if (json.is_object() && !json.contains("team")) json["team"] = usual_team(who);
  const auto spec = protocol::parse_job_spec(json);
  if (!spec && protocol::is_about_amounts(json, spec.error()))
    return refuse_with_guide(spec.error(), request,
                             guide_of_amounts(context, request, json, spec.error()));
  if (!spec) return spec.error();
  GALLEY_TRY_STATUS(check_rights(who, *spec));
  GALLEY_TRY_STATUS(context.secrets->check(spec->team, spec->secrets));
  const auto accepted = context.services.controller.submit(*spec, caller);
  if (!accepted) return refuse(context, request, *spec, accepted.error());
  auto response = reply(protocol::print_struct(accepted->job), 201);
  response.headers.set("Location", "/api/v1/jobs/" + accepted->job.id.str());
  if (accepted->repeated) response.headers.set("Idempotent-Replayed", "true");
  return response;
}

/// The record, and while the job runs, when it will be done.
Json job_with_eta(const Context& context, const JobRecord& job) {
  Json body = protocol::print_struct(job);
  if (job.state != protocol::JobState::running || context.services.live_etas == nullptr)
    return body;
  if (const auto eta = context.services.live_etas->eta(job.id))
    body["eta"] = protocol::print_struct(*eta);
  return body;
}

Json job_with_eta_schema() {
  Json schema = protocol::schema_of<JobRecord>();
  schema["properties"]["eta"] = protocol::schema_of<protocol::JobEta>();
  return schema;
}

Result<http::Response> list_jobs(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto limit, query_limit(request));
  GALLEY_TRY(auto filter, store::parse_filter(query_text(request, "filter"), kJobFields));
  GALLEY_TRY(const auto page,
             context.services.controller.jobs({.where_sql = std::move(filter.sql),
                                               .where_parameters = std::move(filter.parameters),
                                               .limit = limit,
                                               .cursor = query_text(request, "cursor")}));
  Json items = Json::array();
  for (const auto& job : page.jobs) items.push_back(job_with_eta(context, job));
  return reply_list(std::move(items), page.next_cursor);
}

Result<http::Response> show_job(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto id, job_id(request));
  GALLEY_TRY(const auto job, context.services.controller.job(id));
  GALLEY_TRY(const auto attempts, context.services.controller.attempts(id));
  Json body = job_with_eta(context, job);
  body["attempt_list"] = protocol::detail::print_value(attempts);
  return reply(body);
}

Json job_with_attempts_schema() {
  Json schema = job_with_eta_schema();
  schema["properties"]["attempt_list"] = list_of(protocol::schema_of<AttemptRecord>());
  return schema;
}

void add_history(Endpoints& endpoints, Context& context) {
  endpoints.add("GET", "/api/v1/jobs/{id}/events", http::Run::pool,
                {.summary = "Lists what happened to a job, oldest first.",
                 .response = list_schema(protocol::schema_of<EventRecord>())},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto id, job_id(request));
                  GALLEY_TRY(const auto events, context.services.controller.job_events(id));
                  return reply_list(protocol::detail::print_value(events));
                });
}

}  // namespace

void add_job_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("POST", "/api/v1/jobs", http::Run::pool,
                {.summary = "Submits a job. A repeated Idempotency-Key returns the first answer.",
                 .request = protocol::schema_of<JobSpec>(),
                 .response = protocol::schema_of<JobRecord>(),
                 .status = 201},
                [&context](const http::Request& request) { return submit_job(context, request); });
  endpoints.add("GET", "/api/v1/jobs", http::Run::pool,
                {.summary = "Lists jobs, newest first.",
                 .response = list_schema(job_with_eta_schema()),
                 .query = list_parameters(true)},
                [&context](const http::Request& request) { return list_jobs(context, request); });
  endpoints.add(
      "GET", "/api/v1/jobs/{id}", http::Run::pool,
      {.summary = "Shows a job and its attempts.", .response = job_with_attempts_schema()},
      [&context](const http::Request& request) { return show_job(context, request); });
  endpoints.add("POST", "/api/v1/jobs/{id}/cancel", http::Run::pool,
                {.summary = "Ends a queued job, or asks a running one to stop.",
                 .response = protocol::schema_of<JobRecord>()},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto id, job_id(request));
                  GALLEY_TRY(const auto who, context.auth->identify(request));
                  GALLEY_TRY(const auto before, context.services.controller.job(id));
                  GALLEY_TRY_STATUS(check_owner(who, before.principal, "job " + id.str()));
                  GALLEY_TRY(const auto job,
                             context.services.controller.cancel(id, caller_of(request)));
                  return reply(protocol::print_struct(job));
                });
  add_history(endpoints, context);
}

}  // namespace galley::api
