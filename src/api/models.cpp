#include <algorithm>

#include "bodies.h"
#include "reply.h"
#include "serving/model_host.h"
#include "snapshot_views.h"

namespace galley::api {
namespace {

using registry::Channel;
using registry::Kind;
using registry::Snapshot;

Json print_model(const Snapshot& latest, const std::vector<Channel>& channels,
                 const std::vector<serving::ModelHost::Loaded>& loaded) {
  Json by_name = Json::object();
  for (const auto& channel : channels)
    if (channel.model == latest.name) {
      Json entry = print_channel(channel);
      entry.erase("model");
      entry.erase("channel");
      by_name[channel.channel] = std::move(entry);
    }
  const bool is_loaded = std::ranges::any_of(
      loaded, [&](const auto& one) { return one.placement.model == latest.name; });
  return {{"name", latest.name},
          {"snapshots", latest.version},
          {"latest", print_snapshot(latest)},
          {"channels", std::move(by_name)},
          {"loaded", is_loaded}};
}

Json model_schema() {
  return object_schema(
      {{"name", type_schema("string")},
       {"snapshots", type_schema("integer")},
       {"latest", snapshot_schema()},
       {"channels", {{"type", "object"}, {"additionalProperties", channel_schema()}}},
       {"loaded", type_schema("boolean")}});
}

Json model_with_snapshots_schema() {
  Json schema = model_schema();
  schema["properties"]["snapshots"] = list_of(snapshot_schema());
  return schema;
}

Result<http::Response> list_models(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto limit, query_limit(request));
  GALLEY_TRY(const auto names,
             context.services.registry.names(Kind::model, limit, query_text(request, "cursor")));
  GALLEY_TRY(const auto channels, context.services.registry.channels());
  const auto loaded = context.services.models.loaded();
  Json items = Json::array();
  for (const auto& latest : names) items.push_back(print_model(latest, channels, loaded));
  const bool full = std::ssize(names) == limit;
  return reply_list(std::move(items), full ? names.back().name : std::string());
}

Result<http::Response> show_model(Context& context, const http::Request& request) {
  const auto name = request.param("name");
  GALLEY_TRY(const auto versions, versions_of(context, Kind::model, name));
  GALLEY_TRY(const auto channels, context.services.registry.channels(name));
  Json body = print_model(versions.front(), channels, context.services.models.loaded());
  body["snapshots"] = Json::array();
  for (const auto& version : versions) body["snapshots"].push_back(print_snapshot(version));
  return reply(body);
}

}  // namespace

void add_model_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("GET", "/api/v1/models", http::Run::pool,
                {.summary = "Lists models, their newest snapshots and their channels.",
                 .response = list_schema(model_schema()),
                 .query = list_parameters()},
                [&context](const http::Request& request) { return list_models(context, request); });
  endpoints.add("GET", "/api/v1/models/{name}", http::Run::pool,
                {.summary = "Shows a model and its snapshots, newest first.",
                 .response = model_with_snapshots_schema()},
                [&context](const http::Request& request) { return show_model(context, request); });
  endpoints.add(
      "POST", "/api/v1/models/{name}/snapshots", http::Run::pool,
      {.summary = "Gives frozen content, or an artifact of a run, the next version of a model.",
       .request = protocol::schema_of<FreezeBody>(),
       .response = snapshot_schema(),
       .status = 201},
      [&context](const http::Request& request) {
        return freeze(context, request, Kind::model, std::string(request.param("name")));
      });
}

}  // namespace galley::api
