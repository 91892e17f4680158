#include <fmt/format.h>

#include "error_reply.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

constexpr std::string_view kPrefix = "/api/2.0/mlflow";
constexpr std::string_view kPagePrefix = "/ajax-api/2.0/mlflow";
// What clients compare with their own to know what a server can do.
constexpr std::string_view kClaimedVersion = "3.1.0";

http::DeferredHandler plain(std::function<http::Response(const http::Request&)> answer) {
  return [answer = std::move(answer)](http::Exchange exchange) {
    exchange.responder()(answer(exchange.request()));
  };
}

Route route_of(Service::Impl& service, const Line& line) {
  Route route = route_at(line.method, line.path, line.summary);
  route.effect = line.effect;
  route.jobs = line.jobs;
  route.handler = plain([&service, line](const http::Request& request) {
    const auto call = Call::read(request);
    if (!call) return error_answer(call.error());
    if (call->is_job() && !line.jobs)
      return error_answer(
          Error{Errc::forbidden, "a job may do this for no one", {}, "a person's token"});
    const auto reply = line.handle(service, *call);
    if (!reply) return error_answer(reply.error());
    if (line.effect == Effect::change && service.notice)
      service.notice(request, std::string(line.action), reply->subject);
    return http::Response::json(dump_json(reply->body));
  });
  return route;
}

Route open_route(std::string_view path, std::string_view summary,
                 std::function<http::Response(const http::Request&)> answer) {
  Route route{.method = "GET", .pattern = std::string(path), .aliases = {}};
  route.summary = summary;
  route.run = http::Run::inline_on_io;
  route.open = true;
  route.jobs = true;
  route.handler = plain(std::move(answer));
  return route;
}

}  // namespace

Route route_at(std::string_view method, std::string_view path, std::string_view summary) {
  Route route;
  route.method = method;
  route.pattern = fmt::format("{}{}", kPrefix, path);
  route.aliases.push_back(fmt::format("{}{}", kPagePrefix, path));
  route.summary = summary;
  return route;
}

void add_server_routes(std::vector<Route>& routes) {
  routes.push_back(open_route("/health", "Says OK, as MLflow's servers do.",
                              [](const http::Request&) { return http::Response::text("OK"); }));
  routes.push_back(open_route(
      "/version", "The version of MLflow's protocol that is served.",
      [](const http::Request&) { return http::Response::text(std::string(kClaimedVersion)); }));
  Route info = open_route(
      "/api/3.0/mlflow/server-info", "What the tracking server can do.", [](const http::Request&) {
        return http::Response::json(
            dump_json({{"store_type", "SqlStore"}, {"workspaces_enabled", false}}));
      });
  info.aliases = {"/ajax-api/3.0/mlflow/server-info", "/api/2.0/mlflow/server-info",
                  "/ajax-api/2.0/mlflow/server-info"};
  routes.push_back(std::move(info));
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    Route rest = route_at(method, "/{path...}", "Says that MLflow's call is unknown here.");
    rest.run = http::Run::inline_on_io;
    rest.jobs = true;
    rest.handler = plain([](const http::Request& request) {
      return error_answer(Error{
          Errc::not_found,
          fmt::format("{} {} is not served here", request.method, request.path.substr(0, 200)),
          {},
          {},
          std::string(kEndpointNotFound)});
    });
    routes.push_back(std::move(rest));
  }
}

Error no_run(const RunId& run) {
  return missing(fmt::format("Run with id={} not found", run.str()));
}

Status check_run(store::Transaction& transaction, const std::string& own_run, const RunId& run) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select owner_run from runs where id = :1", {run.str()}));
  if (own_run.empty()) return row ? ok() : Status(no_run(run));
  if (row && (run.str() == own_run || row->text(0) == own_run)) return ok();
  return Error{Errc::forbidden,
               fmt::format("the token of this job is good for run {} and for those that it makes,"
                           " not for {}",
                           own_run, run.str())};
}

Status check_active_run(store::Transaction& transaction, const std::string& own_run,
                        const RunId& run) {
  GALLEY_TRY_STATUS(check_run(transaction, own_run, run));
  GALLEY_TRY(const auto row,
             transaction.query_one("select 1 from runs where id = :1 and deleted_ms is null",
                                   {run.str()}));
  if (row) return ok();
  return fault(fmt::format("The run {} must be in the 'active' state. Current state is deleted.",
                           run.str()));
}

Service::Service(Services services) : impl_(std::make_unique<Impl>(services)) {}
Service::~Service() = default;

void Service::on_change(Notice notice) { impl_->notice = std::move(notice); }
void Service::on_points(Arrival arrival) { impl_->arrival = std::move(arrival); }

std::vector<Route> Service::routes() {
  std::vector<Route> routes;
  for (auto* const lines :
       {&experiment_lines, &run_lines, &tag_lines, &history_lines, &lineage_lines, &artifact_lines,
        &logged_model_lines, &registered_model_lines, &model_version_lines})
    for (const Line& line : lines()) routes.push_back(route_of(*impl_, line));
  add_logging_routes(*impl_, routes);
  add_artifact_routes(*impl_, routes);
  add_server_routes(routes);
  return routes;
}

}  // namespace galley::mlflow
