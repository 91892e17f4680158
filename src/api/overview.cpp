#include "context.h"
#include "controller/controller.h"
#include "load.h"
#include "reply.h"
#include "serving/model_host.h"

namespace galley::api {
namespace {

Json print_nodes(const std::vector<protocol::NodeRecord>& nodes) {
  std::int64_t up = 0;
  for (const auto& node : nodes) up += node.state == "up" ? 1 : 0;
  return {{"up", up}, {"down", std::ssize(nodes) - up}};
}

Json print_capacity(const std::vector<protocol::NodeRecord>& nodes) {
  std::int64_t cpus = 0;
  std::int64_t cpus_allocated = 0;
  std::int64_t gpus = 0;
  std::int64_t gpus_allocated = 0;
  std::int64_t memory = 0;
  std::int64_t memory_allocated = 0;
  for (const auto& node : nodes) {
    if (node.state != "up") continue;
    cpus += node.cpus;
    cpus_allocated += node.cpus_allocated;
    memory += node.memory_bytes;
    memory_allocated += node.memory_allocated_bytes;
    for (const auto& device : node.devices) {
      gpus += device.state == "in_service" ? 1 : 0;
      gpus_allocated += device.job_id ? 1 : 0;
    }
  }
  return {{"cpus", cpus},           {"cpus_allocated", cpus_allocated},
          {"gpus", gpus},           {"gpus_allocated", gpus_allocated},
          {"memory_bytes", memory}, {"memory_allocated_bytes", memory_allocated}};
}

Result<http::Response> overview(const Context& context) {
  const auto& services = context.services;
  GALLEY_TRY(auto queue, print_queue(services));
  const auto nodes = services.controller.nodes();
  const auto stats = services.models.stats();
  return reply({{"version", services.version},
                {"started_at", to_rfc3339(context.started)},
                {"data_folder", services.data_folder.string()},
                {"database", services.database.description()},
                {"queue", std::move(queue)},
                {"nodes", print_nodes(nodes)},
                {"capacity", print_capacity(nodes)},
                {"load", print_load(services)},
                {"serving",
                 {{"models", services.models.loaded().size()},
                  {"predictions_total", stats.predictions_total},
                  {"predictions_per_s", stats.predictions_per_s},
                  {"latency_ms_p50", stats.latency_ms_p50},
                  {"latency_ms_p99", stats.latency_ms_p99}}}});
}

Json overview_schema() {
  Json properties = Json::object();
  for (const char* name : {"version", "started_at", "data_folder", "database"})
    properties[name] = type_schema("string");
  for (const char* name : {"queue", "nodes", "capacity", "load", "serving"})
    properties[name] = {{"type", "object"}, {"additionalProperties", type_schema("number")}};
  return object_schema(std::move(properties));
}

}  // namespace

void add_overview_routes(Endpoints& endpoints, Context& context) {
  endpoints.add(
      "GET", "/healthz", http::Run::inline_on_io,
      {.summary = "Says ok while the server answers.",
       .content_type = "text/plain",
       .access = Access::anyone},
      [](const http::Request&) -> Result<http::Response> { return http::Response::text("ok"); });
  endpoints.add(
      "GET", "/api/v1/overview", http::Run::pool,
      {.summary = "The state of the installation at a glance.", .response = overview_schema()},
      [&context](const http::Request&) { return overview(context); });
}

}  // namespace galley::api
