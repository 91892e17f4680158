#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "agent/agent.h"
#include "api/api.h"
#include "blobs/blob_store.h"
#include "controller/agent_registry.h"
#include "controller/controller.h"
#include "controller/leadership.h"
#include "controller/remote_agents.h"
#include "data_folder.h"
#include "estimates/estimates.h"
#include "estimates/live_etas.h"
#include "http/server.h"
#include "openai/service.h"
#include "registry/registry.h"
#include "serving/model_host.h"
#include "site_options.h"
#include "store/database.h"
#include "studies/studies.h"
#include "tracking/tracking.h"
#include "version.h"

namespace galley::app {

/// What `galley up` and `galley controller` have in common: the store, the controller, the API, the
/// page and serving in this process, built from the store upwards. They end in reverse.
class Site {
 public:
  /// Serves when it returns. `local_node`: the name of the node that this process will attach
  /// itself. Errors: those of the folder, the store, the addresses.
  static Result<std::unique_ptr<Site>> open(const SiteOptions& options,
                                            const std::optional<std::string>& local_node);
  /// Likewise, for the controller that leads among several on one database. `leadership` must
  /// outlive the site. `before_serving` frees the addresses, once all else is ready.
  static Result<std::unique_ptr<Site>> open_as_leader(const SiteOptions& options,
                                                      store::Database& database, std::int64_t epoch,
                                                      controller::Leadership& leadership,
                                                      const std::function<void()>& before_serving);
  ~Site();
  /// Requests finish, and no agent is told anything any more. Idempotent.
  void stop();

  /// "http://127.0.0.1:7420".
  const std::string& url() const { return url_; }
  /// What a person needs to know now, on stdout.
  void print_welcome() const;

  const DataFolder& data() const { return data_; }
  controller::Controller& controller() { return *controller_; }
  registry::Registry& registry() { return *registry_; }
  blobs::BlobStore& blobs() { return *blobs_; }
  /// As this process may write it.
  store::Database& database() { return *database_; }
  api::Api& api() { return *api_; }
  const Clock& clock() const { return clock_; }
  /// Of the local node, where there is one.
  const NodeId& local_node_id() const { return local_node_id_; }

 private:
  explicit Site(DataFolder data);
  Status build(const SiteOptions& options, const std::optional<std::string>& local_node);
  /// What lies in the data folder but belongs to this process alone.
  std::filesystem::path own(const char* name) const;
  Result<std::unique_ptr<estimates::Estimates>> open_estimates(const SiteOptions& options);
  Status serve(const SiteOptions& options);
  /// Language models are loaded while all else serves already.
  void load_language_models(const SiteOptions& options);

  const Clock& clock_;
  DataFolder data_;
  controller::Leadership* leadership_ = nullptr;
  std::int64_t epoch_ = 0;  // with leadership_
  std::string name_;        // likewise
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<blobs::BlobStore> blobs_;
  IdSource ids_;
  std::optional<registry::Registry> registry_;
  std::optional<tracking::Tracking> tracking_;
  std::unique_ptr<serving::ModelHost> models_;
  openai::TextModels language_models_;
  std::unique_ptr<openai::Service> language_;
  std::unique_ptr<controller::Controller> controller_;
  std::unique_ptr<controller::AgentRegistry> agent_registry_;
  std::unique_ptr<controller::RemoteAgents> agents_;
  std::shared_ptr<estimates::LiveEtas> live_etas_;  // also held by those who tell it of points
  std::unique_ptr<studies::Studies> studies_;
  std::unique_ptr<estimates::Estimates> estimates_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Server> server_;
  NodeId local_node_id_;
  std::string url_;
  std::jthread loader_;  // last: it uses the others
};

}  // namespace galley::app
