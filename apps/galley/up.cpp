#include "up.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "agent/agent.h"
#include "api/api.h"
#include "base/log.h"
#include "blobs/blob_store.h"
#include "controller/controller.h"
#include "data_folder.h"
#include "http/server.h"
#include "links.h"
#include "placements.h"
#include "registry/registry.h"
#include "serving/model_host.h"
#include "store/database.h"
#include "tracking/tracking.h"
#include "up_options.h"
#include "web_assets/assets.h"

namespace galley::app {
namespace {

constexpr std::string_view kVersion = "0.1.0";
constexpr Millis kDrainGrace{3'000};

/// Signals must be blocked before the first thread starts, so that all threads inherit the mask and
/// only wait_for_stop() sees them.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

void wait_for_stop(const sigset_t& signals) {
  int received = 0;
  sigwait(&signals, &received);
}

std::vector<api::StaticFile> pages() {
  std::vector<api::StaticFile> files;
  for (const auto& asset : web_assets::all())
    files.push_back({asset.path, asset.content_type, asset.gzip, asset.etag, asset.immutable});
  return files;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

std::filesystem::path program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

/// All roles of one process, built from the store upwards; they end in reverse, the store last.
Status serve_everything(const UpOptions& options, const sigset_t& signals) {
  const Clock& clock = system_clock();
  GALLEY_TRY(const DataFolder data, DataFolder::open(options.data));
  GALLEY_TRY(auto database, store::open_sqlite({.path = (data / "galley.db").string()}));
  GALLEY_TRY(auto blobs, blobs::BlobStore::open(data / "blobs"));
  IdSource ids(clock);
  registry::Registry registry(*database, *blobs, clock, ids);
  tracking::Tracking tracking(*database, clock, ids);
  GALLEY_TRY(auto models, serving::ModelHost::open(data / "serving", *blobs, clock));
  GALLEY_TRY_STATUS(show_channels(registry, *models));
  const std::string node_name = host_name();
  GALLEY_TRY(auto controller, controller::Controller::start(*database, clock, ids, node_name));

  GALLEY_TRY(auto api, api::Api::create({.controller = *controller,
                                         .registry = registry,
                                         .tracking = tracking,
                                         .blobs = *blobs,
                                         .models = *models,
                                         .database = *database,
                                         .clock = clock,
                                         .ids = ids,
                                         .attempts_folder = data / "attempts",
                                         .data_folder = data.path(),
                                         .version = std::string(kVersion),
                                         .pages = pages()},
                                        {.admin_token = data.token(),
                                         .secret = data.secret(),
                                         .listen = options.listen,
                                         .extra_hosts = options.hosts}));
  http::ServerOptions server_options;
  server_options.listen = options.listen;
  server_options.unix_socket = data / "galley.sock";
  server_options.body_bytes_of_route = api::Api::body_bytes_of_route();
  const bool tls = !options.tls_certificate.empty();
  if (tls) server_options.tls = http::TlsFiles{options.tls_certificate, options.tls_key};
  GALLEY_TRY(auto server, http::Server::start(std::move(server_options), api->router()));
  const std::string url = (tls ? "https://" : "http://") + server->addresses().front();
  api->set_url(url);

  LocalControllerLink link(*controller, registry, *blobs, *api);
  GALLEY_TRY(const NodeId node_id, controller->node_id(node_name));
  agent::Options agent_options;
  agent_options.data_folder = data.path();
  agent_options.supervisor_program = program_folder() / "galley-job";
  agent_options.server = url;
  agent_options.job_token = [&](const protocol::Assignment& assignment) {
    return api->job_token(assignment.run_id);
  };
  agent_options.node_id = node_id;
  agent_options.node_name = node_name;
  agent_options.topology = options.topology;
  agent_options.shareable_gpus = options.shareable_gpus;
  GALLEY_TRY(auto agent, agent::Agent::start(std::move(agent_options), link, *blobs, clock));
  LocalAgentPort port(*agent);
  GALLEY_TRY_STATUS(controller->attach(agent->node(), port));

  fmt::print("galley {} serves {}\n", kVersion, data.path().string());
  fmt::print("  page      {}/?code={}\n", url, api->new_login_code());
  fmt::print("  terminal  galley --data {} jobs\n", data.path().string());
  fmt::print("  programs  GALLEY_SERVER={} with the token in {}\n", url, (data / "token").string());
  std::fflush(stdout);
  wait_for_stop(signals);

  fmt::print(stderr, "stopping: requests finish, running jobs go on\n");
  api->stop();
  server->drain(kDrainGrace);
  server.reset();      // nobody asks any more
  controller->stop();  // no message reaches the agent any more
  return ok();
}

}  // namespace

int run_up(const std::vector<std::string>& arguments) {
  auto parsed = parse_up_options(arguments);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const UpOptions& options = std::get<UpOptions>(parsed);
  log::set_level(options.verbose ? log::Level::debug : log::Level::warn);
  const sigset_t signals = block_stop_signals();
  if (auto status = serve_everything(options, signals); !status) {
    fmt::print(stderr, "galley up: {}\n", describe(status.error()));
    return 1;
  }
  return 0;
}

}  // namespace galley::app
