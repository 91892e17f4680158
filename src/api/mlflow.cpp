#include "base/log.h"
#include "context.h"
#include "mlflow/service.h"
#include "reply.h"
#include "run_views.h"

// MLflow's tracking server, with its own paths, shapes and errors, behind this server's
// authentication.
namespace galley::api {
namespace {

Access access_of(const mlflow::Route& route) {
  if (route.open) return Access::anyone;
  if (!route.jobs) return Access::owner;
  // Programs log as fast as they train; the store's queue bounds them.
  return route.effect == mlflow::Effect::stream ? Access::jobs_data : Access::jobs;
}

}  // namespace

void add_mlflow_routes(Endpoints& endpoints, Context& context) {
  mlflow::Service& service = *context.mlflow;
  service.on_change([&context](const http::Request& request, std::string action,
                               std::string subject) {
    const auto status = audit(context, request, std::move(action), std::move(subject));
    if (!status)
      log::warn("api", "a change is not in the audit log", {{"reason", describe(status.error())}});
  });
  service.on_points([&context](const RunId& run, const std::vector<std::string>& keys) {
    announce_metrics(*context.feed, run, keys);
  });
  for (mlflow::Route& route : service.routes()) {
    Doc doc{
        .summary = route.summary, .response = type_schema("object"), .access = access_of(route)};
    if (route.method != "GET") doc.request = type_schema("object");
    const auto handler = route.handler;
    endpoints.add_deferred(route.method, route.pattern, route.run, std::move(doc), handler);
    for (const std::string& alias : route.aliases)
      endpoints.add_alias(route.method, alias, route.pattern, route.run, handler);
  }
}

}  // namespace galley::api
