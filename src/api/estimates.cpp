#include "estimates/estimates.h"

#include "context.h"
#include "reply.h"

namespace galley::api {
namespace {

Json advice_schema() {
  Json item = Json::object();
  for (const char* name : {"name", "gpu", "verdict", "memory", "note", "nearest", "familiarity"})
    item[name] = type_schema("string");
  for (const char* name : {"gpus", "nodes", "usd_per_hour", "wait_s", "step_s", "cost_usd",
                           "cost_usd_p90", "finish_s", "finish_s_p90", "similarity_ratio"})
    item[name] = type_schema("number");
  for (const char* name : {"spot", "owned", "guessed_gpu", "pareto", "recommended"})
    item[name] = type_schema("boolean");
  item["runtime_s"] = object_schema({{"p10", type_schema("number")},
                                     {"p50", type_schema("number")},
                                     {"p90", type_schema("number")}});
  return object_schema({{"items", list_of(object_schema(std::move(item)))},
                        {"reason", type_schema("string")},
                        {"name", type_schema("string")},
                        {"history", object_schema({{"runs", type_schema("integer")},
                                                   {"runtime_s", type_schema("object")},
                                                   {"cost_usd", type_schema("number")}})},
                        {"model", object_schema({{"source", type_schema("string")},
                                                 {"records", type_schema("number")},
                                                 {"site_rows", type_schema("integer")}})}});
}

Json options_schema() {
  Json properties = Json::object();
  for (const char* name : {"gpus", "networks", "offers", "cluster"})
    properties[name] = list_of(type_schema("object"));
  properties["precisions"] = list_of(type_schema("string"));
  return object_schema(std::move(properties));
}

Json accuracy_schema() {
  return object_schema({{"items", list_of(type_schema("object"))},
                        {"mdape_pct", type_schema("number")},
                        {"coverage90_pct", type_schema("number")},
                        {"count", type_schema("integer")}});
}

}  // namespace

void add_estimate_routes(Endpoints& endpoints, Context& context) {
  if (context.services.estimates == nullptr) return;
  const std::string base = "/api/v1/estimates";
  endpoints.add("POST", base, http::Run::pool,
                {.summary = "Says what a training would take and cost on each machine that can be "
                            "had, and which to take; starts nothing.",
                 .request = type_schema("object"),
                 .response = advice_schema()},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto question, body_json(request));
                  GALLEY_TRY(const auto answer,
                             context.services.estimates->answer(question, caller_of(request)));
                  return reply(answer);
                });
  endpoints.add("GET", base + "/options", http::Run::pool,
                {.summary = "Lists devices, networks, precisions and prices that estimates know.",
                 .response = options_schema()},
                [&context](const http::Request&) -> Result<http::Response> {
                  return reply(context.services.estimates->options());
                });
  endpoints.add("GET", base + "/accuracy", http::Run::pool,
                {.summary = "Compares estimates of jobs with what the jobs took, newest first.",
                 .response = accuracy_schema(),
                 .query = {{"limit", "At most so many.", "integer"}}},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto limit, query_limit(request));
                  GALLEY_TRY(const auto accuracy, context.services.estimates->accuracy(limit));
                  return reply(accuracy);
                });
}

}  // namespace galley::api
