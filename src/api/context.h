#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "accounts/secrets.h"
#include "alerts/alerts.h"
#include "api/api.h"
#include "auth.h"
#include "endpoints.h"
#include "event_feed.h"
#include "log_follower.h"
#include "mlflow/service.h"
#include "request_metrics.h"
#include "telemetry/telemetry.h"
#include "worker.h"

namespace galley::api {

/// What the handlers share. Lives as long as the Api.
struct Context {
  Context(Services of, std::unique_ptr<Auth> by)
      : services(std::move(of)), auth(std::move(by)), started(services.clock.wall()) {}

  const Services services;
  const std::unique_ptr<Auth> auth;
  const WallTime started;
  RequestMetrics metrics;
  std::unique_ptr<telemetry::Telemetry> telemetry;
  std::unique_ptr<alerts::Alerts> alerts;  // watches telemetry
  std::unique_ptr<accounts::Secrets> secrets;
  std::unique_ptr<mlflow::Service> mlflow;
  std::unique_ptr<EventFeed> feed;
  std::unique_ptr<LogFollower> logs;
  Worker worker;
  std::mutex teams_mutex;  // makes If-Match and the write behind it one step

  std::string url() const {
    const std::lock_guard lock(url_mutex_);
    return url_;
  }
  void set_url(std::string url) {
    const std::lock_guard lock(url_mutex_);
    url_ = std::move(url);
  }

 private:
  mutable std::mutex url_mutex_;  // guards url_
  std::string url_;
};

/// Records a change for which the module that made it keeps no audit of its own.
Status audit(const Context& context, const http::Request& request, std::string action,
             std::string subject);

/// "NAME=value" of each secret that the attempt's job names. Errors: not_found (it has ended),
/// those of accounts::Secrets::values().
Result<std::vector<std::string>> secrets_of(const Context& context, const AttemptId& attempt);

/// What is wrong with the platform itself now. Blocks for a read of the database.
std::vector<telemetry::Alarm> platform_alarms(const Context& context);

// One for each topic.
void add_auth_routes(Endpoints& endpoints, Context& context);
void add_user_routes(Endpoints& endpoints, Context& context);
void add_token_routes(Endpoints& endpoints, Context& context);
void add_secret_routes(Endpoints& endpoints, Context& context);
void add_audit_routes(Endpoints& endpoints, Context& context);
void add_overview_routes(Endpoints& endpoints, Context& context);
void add_availability_routes(Endpoints& endpoints, Context& context);
void add_job_routes(Endpoints& endpoints, Context& context);
void add_guide_routes(Endpoints& endpoints, Context& context);
void add_team_routes(Endpoints& endpoints, Context& context);
void add_log_routes(Endpoints& endpoints, Context& context);
void add_node_routes(Endpoints& endpoints, Context& context);
void add_health_routes(Endpoints& endpoints, Context& context);
void add_join_token_routes(Endpoints& endpoints, Context& context);
void add_controller_routes(Endpoints& endpoints, Context& context);
void add_agent_routes(Endpoints& endpoints, Context& context);
void add_topology_routes(Endpoints& endpoints, Context& context);
void add_run_routes(Endpoints& endpoints, Context& context);
void add_blob_routes(Endpoints& endpoints, Context& context);
void add_snapshot_routes(Endpoints& endpoints, Context& context);
void add_model_routes(Endpoints& endpoints, Context& context);
void add_channel_routes(Endpoints& endpoints, Context& context);
void add_predict_routes(Endpoints& endpoints, Context& context);
void add_kserve_routes(Endpoints& endpoints, Context& context);
void add_language_routes(Endpoints& endpoints, Context& context);
void add_mlflow_routes(Endpoints& endpoints, Context& context);
void add_event_routes(Endpoints& endpoints, Context& context);
void add_metrics_routes(Endpoints& endpoints, Context& context);
void add_study_routes(Endpoints& endpoints, Context& context);
void add_estimate_routes(Endpoints& endpoints, Context& context);
void add_study_chart_routes(Endpoints& endpoints, Context& context);
/// Tells those who watch which studies went on. On the feed's thread.
void announce_studies(Context& context);
void add_telemetry_routes(Endpoints& endpoints, Context& context);
void add_alert_routes(Endpoints& endpoints, Context& context);
/// Last: the document lists what was added before.
void add_openapi_routes(Endpoints& endpoints, Context& context);
void add_static_routes(Endpoints& endpoints, Context& context);

}  // namespace galley::api
