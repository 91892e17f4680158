#include "guides.h"

#include <vector>

#include "estimates/estimates.h"
#include "protocol/guide.h"
#include "protocol/records.h"
#include "reply.h"

namespace galley::api {
namespace {

using protocol::GuideRecord;
using protocol::JobSpec;
using protocol::Resources;

/// An amount above what a job file can say, and the most that it can.
struct Cut {
  std::string found;
  std::string most;
};

template <class Field>
void cut(Json& resources, const Field& field, std::vector<Cut>& cuts) {
  const auto value = resources.find(std::string(field.name));
  if (value == resources.end() || !value->is_number_integer()) return;
  const bool above = value->is_number_unsigned()
                         ? value->template get<std::uint64_t>() > std::uint64_t(field.maximum)
                         : value->template get<std::int64_t>() > field.maximum;
  if (!above) return;
  cuts.push_back({dump_json(*value), std::to_string(field.maximum)});
  *value = field.maximum;
}

/// Cuts amounts to the largest that the form holds: no machine has as much either, so the planner's
/// answer to that is the answer to more.
std::vector<Cut> cut_amounts(Json& spec) {
  std::vector<Cut> cuts;
  Json& resources = spec["resources"];
  std::apply([&](const auto&... field) { (cut(resources, field, cuts), ...); },
             protocol::Fields<Resources>::table);
  return cuts;
}

std::string with_found_amounts(std::string sentence, const std::vector<Cut>& cuts) {
  for (const auto& [found, most] : cuts)
    if (const auto at = sentence.find(most); at != std::string::npos)
      sentence.replace(at, most.size(), found);
  return sentence;
}

GuideRecord as_guide(const Error& error) {
  Error sentence = error;
  sentence.hint.clear();
  return {
      .binding = protocol::Binding::impossible, .reason = describe(sentence), .field = error.field};
}

/// What a job takes and costs, beside when it starts.
void add_estimate(const Context& context, const JobSpec& spec, Json& to) {
  if (context.services.estimates == nullptr) return;
  auto estimate = context.services.estimates->of_job(spec);
  if (estimate && estimate->is_object()) to["estimate"] = *std::move(estimate);
}

/// The guide, with what the job itself and each alternative would take and cost.
Json with_estimates(const Context& context, const JobSpec& spec, const GuideRecord& guide) {
  Json printed = protocol::print_struct(guide);
  add_estimate(context, spec, printed);
  for (std::size_t i = 0; i < guide.alternatives.size(); ++i) {
    JobSpec changed = spec;
    changed.resources = guide.alternatives[i].resources;
    changed.priority_class = guide.alternatives[i].priority_class;
    changed.team = guide.alternatives[i].team;
    add_estimate(context, changed, printed["alternatives"][i]);
  }
  return printed;
}

Json guide_schema() {
  Json schema = protocol::schema_of<GuideRecord>();
  const Json estimate = object_schema({{"runtime_s", type_schema("object")},
                                       {"cost_usd", type_schema("number")},
                                       {"gpu", type_schema("string")},
                                       {"source", type_schema("string")}});
  schema["properties"]["estimate"] = estimate;
  schema["properties"]["alternatives"]["items"]["properties"]["estimate"] = estimate;
  return schema;
}

Result<http::Response> guide_before(const Context& context, const http::Request& request) {
  GALLEY_TRY(const auto json, body_json(request));
  const auto spec = protocol::parse_job_spec(json);
  if (!spec && protocol::is_about_amounts(json, spec.error()))
    return reply(guide_of_amounts(context, request, json, spec.error()));
  if (!spec) return spec.error();
  GALLEY_TRY(const auto guide, context.services.controller.guide(*spec, caller_of(request)));
  return reply(with_estimates(context, *spec, guide));
}

}  // namespace

Json guide_of_refusal(const Error& error) { return protocol::print_struct(as_guide(error)); }

Json guide_of_amounts(const Context& context, const http::Request& request, const Json& spec,
                      const Error& error) {
  GuideRecord guide = as_guide(error);
  Json most = spec;
  const auto cuts = cut_amounts(most);
  if (const auto nearest = protocol::parse_job_spec(most); !cuts.empty() && nearest)
    if (auto planned = context.services.controller.guide(*nearest, caller_of(request)); planned) {
      guide.alternatives = std::move(planned->alternatives);
      for (auto& alternative : guide.alternatives)
        alternative.change = with_found_amounts(std::move(alternative.change), cuts);
    }
  return protocol::print_struct(guide);
}

http::Response refuse_with_guide(const Error& error, const http::Request& request, Json guide) {
  auto response = http::problem(error, request.id);
  auto body = parse_json(response.body);
  GALLEY_CHECK(body, "a problem is JSON");
  (*body)["guide"] = std::move(guide);
  response.body = dump_json(*body);
  return response;
}

void add_guide_routes(Endpoints& endpoints, Context& context) {
  endpoints.add(
      "POST", "/api/v1/jobs/guide", http::Run::pool,
      {.summary = "Says, without submitting it, when a job would start, what stands "
                  "before that, and which changes would help.",
       .request = protocol::schema_of<JobSpec>(),
       .response = guide_schema()},
      [&context](const http::Request& request) { return guide_before(context, request); });
  endpoints.add("GET", "/api/v1/jobs/{id}/guide", http::Run::pool,
                {.summary = "Says when a waiting job starts and which changes would help.",
                 .response = guide_schema()},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto id, JobId::parse(request.param("id")));
                  GALLEY_TRY(const auto guide, context.services.controller.guide(id));
                  GALLEY_TRY(const auto job, context.services.controller.job(id));
                  return reply(with_estimates(context, job.spec, guide));
                });
  Json why_schema = protocol::schema_of<protocol::WhyRecord>();
  why_schema["properties"]["state"] = type_schema("string");
  endpoints.add("GET", "/api/v1/jobs/{id}/why", http::Run::pool,
                {.summary = "Says why a job waits, which nodes were looked at and what each would "
                            "cost it; or what happened to it.",
                 .response = std::move(why_schema)},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto id, JobId::parse(request.param("id")));
                  GALLEY_TRY(const auto job, context.services.controller.job(id));
                  GALLEY_TRY(const auto why, context.services.controller.why(id));
                  Json body = protocol::print_struct(why);
                  body["state"] = protocol::word_of(job.state);
                  return reply(body);
                });
}

}  // namespace galley::api
