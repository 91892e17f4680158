#include "protocol/health.h"

#include "context.h"
#include "reply.h"

namespace galley::api {
namespace {

using protocol::DrainSpec;
using protocol::HealthRecord;
using protocol::ResumeSpec;

Result<http::Response> reply_health(Result<std::vector<HealthRecord>> records) {
  if (!records) return std::move(records).error();
  return reply_list(protocol::detail::print_value(*records));
}

Result<http::Response> drain(Context& context, const http::Request& request) {
  const std::string node(request.param("id"));
  GALLEY_TRY(const auto spec, body_as<DrainSpec>(request));
  GALLEY_TRY(auto records, context.services.controller.drain(node, spec, caller_of(request)));
  GALLEY_TRY_STATUS(audit(context, request, "node.drain", node));
  return reply_health(std::move(records));
}

Result<http::Response> resume(Context& context, const http::Request& request) {
  const std::string node(request.param("id"));
  GALLEY_TRY(const auto spec, body_as<ResumeSpec>(request));
  GALLEY_TRY(auto records, context.services.controller.resume(node, spec, caller_of(request)));
  GALLEY_TRY_STATUS(audit(context, request, "node.resume", node));
  return reply_health(std::move(records));
}

}  // namespace

void add_health_routes(Endpoints& endpoints, Context& context) {
  const Json list = list_schema(protocol::schema_of<HealthRecord>());
  endpoints.add(
      "GET", "/api/v1/health", http::Run::pool,
      {.summary = "Explains the health of every machine and GPU: state, reason, evidence, "
                  "owner, and what happens next.",
       .response = list},
      [&context](const http::Request&) {
        return reply_health(context.services.controller.health());
      });
  const std::string base = "/api/v1/nodes/{id}";
  endpoints.add("GET", base + "/health", http::Run::pool,
                {.summary = "Explains the health of a machine, by id or name, and of its GPUs.",
                 .response = list},
                [&context](const http::Request& request) {
                  return reply_health(context.services.controller.health(request.param("id")));
                });
  endpoints.add(
      "POST", base + "/drain", http::Run::pool,
      {.summary = "Gives a machine, or one of its GPUs, no new work; what runs may finish.",
       .request = protocol::schema_of<DrainSpec>(),
       .response = list},
      [&context](const http::Request& request) { return drain(context, request); });
  endpoints.add("POST", base + "/resume", http::Run::pool,
                {.summary = "Ends a drain or an exclusion; what is faulty is tested first.",
                 .request = protocol::schema_of<ResumeSpec>(),
                 .response = list},
                [&context](const http::Request& request) { return resume(context, request); });
}

}  // namespace galley::api
