#include "site.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/log.h"
#include "http/certificate.h"
#include "page_files.h"
#include "placements.h"
#include "process_signals.h"
#include "store/fenced_database.h"

namespace galley::app {
namespace {

constexpr Millis kDrainGrace{3'000};

}  // namespace

Site::Site(DataFolder data)
    : clock_(system_clock()),
      data_(std::move(data)),
      ids_(system_clock()),
      language_models_(system_clock()) {}
Site::~Site() { stop(); }

Result<std::unique_ptr<Site>> Site::open(const SiteOptions& options,
                                         const std::optional<std::string>& local_node) {
  GALLEY_TRY(auto data, DataFolder::open(options.data));
  std::unique_ptr<Site> site(new Site(std::move(data)));
  GALLEY_TRY_STATUS(site->build(options, local_node));
  GALLEY_TRY_STATUS(site->serve(options));
  return site;
}

Result<std::unique_ptr<Site>> Site::open_as_leader(const SiteOptions& options,
                                                   store::Database& database, std::int64_t epoch,
                                                   controller::Leadership& leadership,
                                                   const std::function<void()>& before_serving) {
  GALLEY_TRY(auto data, DataFolder::open_shared(options.data));
  std::unique_ptr<Site> site(new Site(std::move(data)));
  site->leadership_ = &leadership;
  site->epoch_ = epoch;
  site->name_ = options.name;
  site->database_ = store::fence(database, epoch, [&leadership] { leadership.look(); });
  GALLEY_TRY_STATUS(site->build(options, std::nullopt));
  before_serving();
  GALLEY_TRY_STATUS(site->serve(options));
  return site;
}

std::filesystem::path Site::own(const char* name) const {
  return leadership_ == nullptr ? data_ / name : data_ / "controllers" / name_ / name;
}

Status Site::build(const SiteOptions& options, const std::optional<std::string>& local_node) {
  if (!database_) {
    const std::string own_file = "sqlite:" + (data_ / "galley.db").string();
    GALLEY_TRY(database_, store::open(options.database.empty() ? own_file : options.database));
  }
  GALLEY_TRY(blobs_, blobs::BlobStore::open(data_ / "blobs"));
  registry_.emplace(*database_, *blobs_, clock_, ids_);
  tracking_.emplace(*database_, clock_, ids_);
  GALLEY_TRY(models_, serving::ModelHost::open(own("serving"), *blobs_, clock_));
  GALLEY_TRY_STATUS(show_channels(*registry_, *models_));
  for (const NamedModel& model : options.language_models) language_models_.expect(model.name);
  GALLEY_TRY(language_,
             openai::Service::open(language_models_, clock_,
                                   {.data = own("language"), .version = std::string(kVersion)}));
  GALLEY_TRY(controller_, leadership_ == nullptr
                              ? controller::Controller::start(*database_, clock_, ids_, host_name())
                              : controller::Controller::start(*database_, clock_, ids_, epoch_));
  controller::RemoteAgents::Options agents{.silence = options.node_timeout};
  if (local_node) {
    GALLEY_TRY(local_node_id_, controller_->node_id(*local_node));
    agents.local_node = local_node_id_;
  }
  GALLEY_TRY(estimates_, open_estimates(options));
  live_etas_ = std::make_shared<estimates::LiveEtas>(
      *controller_, *tracking_, clock_,
      [known = estimates_.get()](const auto& job) { return known->prior_of(job); });
  tracking_->on_points(
      [etas = live_etas_](const RunId& run, auto points) { etas->observe(run, points); });
  controller_->watch_progress([etas = live_etas_](const protocol::ProgressReport& report) {
    std::vector<tracking::MetricPoint> points;
    points.reserve(report.points.size());
    for (const auto& point : report.points)
      points.push_back({point.key, point.step, point.value, to_ms(point.at)});
    if (!points.empty()) etas->observe(report.run_id, points);
  });
  GALLEY_TRY(agent_registry_, controller::AgentRegistry::open(*database_, clock_, *controller_));
  GALLEY_TRY(agents_, controller::RemoteAgents::start(*controller_, *database_, clock_, agents));
  GALLEY_TRY(studies_, studies::Studies::open(*database_, *controller_, *tracking_, clock_, ids_));
  studies_->free_checkpoints_of(*blobs_);
  return ok();
}

Result<std::unique_ptr<estimates::Estimates>> Site::open_estimates(const SiteOptions& options) {
  estimates::Options estimating{.rows_of_a_fit = options.rows_of_a_fit};
  GALLEY_TRY(estimating.prices, estimates::GpuPrices::open(options.prices));
  return estimates::Estimates::open({.database = *database_,
                                     .controller = *controller_,
                                     .tracking = *tracking_,
                                     .registry = *registry_,
                                     .blobs = *blobs_,
                                     .clock = clock_},
                                    std::move(estimating));
}

Status Site::serve(const SiteOptions& options) {
  const bool tls = !options.tls_certificate.empty();
  std::string certificate;
  if (tls) {
    GALLEY_TRY(certificate, http::certificate_sha256(options.tls_certificate));
  }
  GALLEY_TRY(api_, api::Api::create({.controller = *controller_,
                                     .registry = *registry_,
                                     .tracking = *tracking_,
                                     .blobs = *blobs_,
                                     .models = *models_,
                                     .database = *database_,
                                     .clock = clock_,
                                     .ids = ids_,
                                     .attempts_folder = data_ / "attempts",
                                     .data_folder = data_.path(),
                                     .version = std::string(kVersion),
                                     .pages = page_files(),
                                     .agent_registry = agent_registry_.get(),
                                     .agents = agents_.get(),
                                     .leadership = leadership_,
                                     .certificate_sha256 = std::move(certificate),
                                     .language = language_.get(),
                                     .studies = studies_.get(),
                                     .estimates = estimates_.get(),
                                     .live_etas = live_etas_.get(),
                                     .secrets_key = options.secrets_key},
                                    {.admin_token = data_.token(),
                                     .secret = data_.secret(),
                                     .listen = options.listen,
                                     .extra_hosts = options.hosts,
                                     .requests_per_s = options.user_requests_per_s,
                                     .requests_burst = 10 * options.user_requests_per_s}));
  agents_->set_job_token([api = api_.get()](const RunId& run) { return api->job_token(run); });
  http::ServerOptions server_options;
  server_options.listen = options.listen;
  server_options.unix_socket = own("galley.sock");
  server_options.body_bytes_of_route = api::Api::body_bytes_of_route();
  server_options.spooled_routes = api::Api::spooled_routes();
  server_options.spool_folder = own("uploads");
  if (tls) server_options.tls = http::TlsFiles{options.tls_certificate, options.tls_key};
  GALLEY_TRY(server_, http::Server::start(std::move(server_options), api_->router()));
  url_ = (tls ? "https://" : "http://") + server_->addresses().front();
  api_->set_url(url_);
  load_language_models(options);
  return ok();
}

void Site::load_language_models(const SiteOptions& options) {
  if (options.language_models.empty()) return;
  openai::TextModelOptions with;
  with.load.kv_memory_bytes = options.kv_memory_bytes;
  loader_ = std::jthread([this, with, models = options.language_models] {
    for (const NamedModel& model : models) {
      const auto status = language_models_.load(model.name, model.path, with);
      if (status) continue;
      log::error("language", "a model cannot be served",
                 {{"model", model.name}, {"reason", describe(status.error())}});
      language_models_.give_up(model.name, status.error());
    }
    language_->warm_up();
  });
}

void Site::stop() {
  if (language_) language_->begin_drain();
  if (api_) api_->stop();
  if (agents_) agents_->stop();  // its polls would hold the server up
  if (server_) server_->drain(kDrainGrace);
  server_.reset();                       // nobody asks any more
  if (studies_) studies_->stop();        // it asks the controller
  if (live_etas_) live_etas_->stop();    // likewise
  if (estimates_) estimates_->stop();    // likewise
  if (controller_) controller_->stop();  // no message reaches an agent any more
}

void Site::print_welcome() const {
  fmt::print("galley {} serves {}\n", kVersion, data_.path().string());
  fmt::print("  page      {}/?code={}\n", url_, api_->new_login_code());
  fmt::print("  terminal  galley --data {} jobs\n", data_.path().string());
  fmt::print("  programs  GALLEY_SERVER={} with the token in {}\n", url_,
             (data_ / "token").string());
  std::fflush(stdout);
}

}  // namespace galley::app
