#include "api/api.h"

#include <utility>

#include "agent_routes.h"
#include "base/log.h"
#include "blobs/format.h"
#include "context.h"
#include "estimates/live_etas.h"
#include "load.h"
#include "openai/service.h"
#include "run_views.h"
#include "store/events.h"

namespace galley::api {
namespace {

void add_routes(Endpoints& endpoints, Context& context) {
  add_auth_routes(endpoints, context);
  add_user_routes(endpoints, context);
  add_token_routes(endpoints, context);
  add_secret_routes(endpoints, context);
  add_audit_routes(endpoints, context);
  add_overview_routes(endpoints, context);
  add_availability_routes(endpoints, context);
  add_job_routes(endpoints, context);
  add_guide_routes(endpoints, context);
  add_team_routes(endpoints, context);
  add_log_routes(endpoints, context);
  add_node_routes(endpoints, context);
  add_health_routes(endpoints, context);
  add_join_token_routes(endpoints, context);
  add_controller_routes(endpoints, context);
  add_agent_routes(endpoints, context);
  add_topology_routes(endpoints, context);
  add_run_routes(endpoints, context);
  add_blob_routes(endpoints, context);
  add_snapshot_routes(endpoints, context);
  add_model_routes(endpoints, context);
  add_channel_routes(endpoints, context);
  add_predict_routes(endpoints, context);
  add_kserve_routes(endpoints, context);
  add_language_routes(endpoints, context);
  add_mlflow_routes(endpoints, context);
  add_event_routes(endpoints, context);
  add_metrics_routes(endpoints, context);
  add_study_routes(endpoints, context);
  add_estimate_routes(endpoints, context);
  add_study_chart_routes(endpoints, context);
  add_telemetry_routes(endpoints, context);
  add_alert_routes(endpoints, context);
  add_static_routes(endpoints, context);
  add_openapi_routes(endpoints, context);
}

}  // namespace

struct Api::Impl : Context {
  using Context::Context;
};

Status audit(const Context& context, const http::Request& request, std::string action,
             std::string subject) {
  const store::AuditEntry entry{.at_ms = to_ms(context.services.clock.wall()),
                                .principal = request.principal,
                                .action = std::move(action),
                                .subject = std::move(subject),
                                .request_id = request.id,
                                .address = request.peer.address};
  return context.services.database.write(
      [entry](store::Transaction& transaction) { return store::append_audit(transaction, entry); });
}

Api::Api(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Api::~Api() { stop(); }

Result<std::unique_ptr<Api>> Api::create(Services services, AuthOptions options) {
  GALLEY_TRY(auto auth,
             Auth::open(services.database, services.clock, services.ids, std::move(options)));
  auto impl = std::make_unique<Impl>(std::move(services), std::move(auth));
  const Services& of = impl->services;
  impl->feed = std::make_unique<EventFeed>(of.database, of.clock, [&of] { return load_event(of); });
  if (of.studies != nullptr)
    impl->feed->on_beat([context = impl.get()] { announce_studies(*context); });
  if (of.live_etas != nullptr)
    of.live_etas->tell([feed = impl->feed.get()](const JobId& job, const protocol::JobEta& eta) {
      feed->announce("eta", dump_json(protocol::print_struct(eta)), job.str());
    });
  impl->secrets = std::make_unique<accounts::Secrets>(
      of.database, of.clock,
      of.secrets_key.empty() ? of.data_folder / "secrets.key" : of.secrets_key);
  impl->mlflow = std::make_unique<mlflow::Service>(
      mlflow::Services{of.tracking, of.registry, of.blobs, of.database, of.clock, of.ids});
  impl->telemetry = std::make_unique<telemetry::Telemetry>(of.database, of.clock);
  GALLEY_TRY(impl->alerts, alerts::Alerts::open(of.database, of.clock, *impl->telemetry,
                                                {.watch_platform = true}));
  impl->telemetry->alarms_from([context = impl.get()] { return platform_alarms(*context); });
  impl->telemetry->on_period([alerts = impl->alerts.get()](WallTime now) {
    if (auto status = alerts->step(now); !status)
      log::warn("alerts", "alerts could not be judged", {{"reason", describe(status.error())}});
  });
  GALLEY_TRY(impl->logs, LogFollower::start(of.controller, *impl->feed, of.attempts_folder));
  return std::unique_ptr<Api>(new Api(std::move(impl)));
}

http::Router Api::router() {
  http::Router router;
  Context& context = *impl_;
  const auto endpoints = std::make_shared<Endpoints>(router);
  add_routes(*endpoints, context);
  router.use([&context, endpoints](http::Request& request, std::string_view pattern) {
    if (pattern.starts_with(kInternalPrefix)) return check_agent(context, request, pattern);
    // A path of programs that does not exist is told only to those who may ask.
    const bool page = pattern == "/{path...}";
    const bool hidden =
        page && (request.path.starts_with("/api/") || request.path.starts_with("/v1/") ||
                 request.path.starts_with("/v2/"));
    return context.auth->check(request,
                               hidden ? Access::owner : endpoints->access(request.method, pattern),
                               endpoints->action(request.method, pattern));
  });
  router.observe([&context](const http::Request&, std::string_view pattern, int status,
                            std::chrono::nanoseconds took) {
    context.metrics.request(pattern, status, took);
  });
  return router;
}

std::map<std::string, std::size_t, std::less<>> Api::body_bytes_of_route() {
  const auto manifest = static_cast<std::size_t>(blobs::kMaxBlobBytes) + (1U << 20U);
  auto bytes = openai::Service::body_bytes_of_route();
  bytes.merge(mlflow::Service::body_bytes_of_route());
  for (const char* pattern :
       {"/api/v1/datasets/{name}/versions", "/api/v1/models/{name}/snapshots", kManifestPattern})
    bytes.emplace(pattern, manifest);
  return bytes;
}

std::vector<std::string> Api::spooled_routes() { return mlflow::Service::spooled_routes(); }

void Api::set_url(std::string url) { impl_->set_url(std::move(url)); }
std::string Api::new_login_code() { return impl_->auth->new_code(); }
std::string Api::job_token(const RunId& run) const { return impl_->auth->job_token(run); }

void Api::metrics_arrived(const RunId& run, const std::vector<std::string>& keys) {
  announce_metrics(*impl_->feed, run, keys);
}

Result<std::vector<std::string>> Api::secrets(const AttemptId& attempt) const {
  return secrets_of(*impl_, attempt);
}

void Api::sample_arrived(const std::string& node_name, const protocol::NodeSample& sample) {
  impl_->telemetry->add(sample.node, node_name, sample);
}

void Api::stop() {
  if (impl_->services.live_etas != nullptr) impl_->services.live_etas->tell({});
  impl_->telemetry->stop();  // it calls the alerts
  impl_->alerts->stop();
  impl_->logs->stop();
  impl_->feed->stop();
}

}  // namespace galley::api
