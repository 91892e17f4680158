#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/static_pages.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "http/server.h"
#include "protocol/ids.h"

namespace galley::blobs {
class BlobStore;
}
namespace galley::controller {
class AgentRegistry;
class Controller;
class Leadership;
class RemoteAgents;
}  // namespace galley::controller
namespace galley::protocol {
struct NodeSample;
}
namespace galley::estimates {
class Estimates;
class LiveEtas;
}  // namespace galley::estimates
namespace galley::openai {
class Service;
}
namespace galley::registry {
class Registry;
}
namespace galley::serving {
class ModelHost;
}
namespace galley::store {
class Database;
}
namespace galley::studies {
class Studies;
}
namespace galley::tracking {
class Tracking;
}

namespace galley::api {

/// What the routes call. All of it must outlive the Api.
struct Services {
  controller::Controller& controller;
  registry::Registry& registry;
  tracking::Tracking& tracking;
  blobs::BlobStore& blobs;
  serving::ModelHost& models;
  store::Database& database;
  const Clock& clock;
  IdSource& ids;
  std::filesystem::path attempts_folder;  // DATA/attempts: the logs lie in its folders
  std::filesystem::path data_folder;
  std::string version;
  std::vector<StaticFile> pages{};
  // Agents on other machines; both or neither.
  controller::AgentRegistry* agent_registry = nullptr;
  controller::RemoteAgents* agents = nullptr;
  controller::Leadership* leadership = nullptr;  // where several controllers share the database
  std::string certificate_sha256{};           // of the certificate that we show; empty without TLS
  openai::Service* language = nullptr;        // OpenAI's routes; none where null
  studies::Studies* studies = nullptr;        // /studies; none where null
  estimates::Estimates* estimates = nullptr;  // /estimates; none where null
  estimates::LiveEtas* live_etas = nullptr;   // when running jobs are done; not told where null
  std::filesystem::path secrets_key{};  // of accounts::Secrets; empty: data_folder/secrets.key
};

struct AuthOptions {
  std::string admin_token;  // what DATA/token holds; at least 16 characters
  std::string secret;  // signs the tokens of jobs; at least 16 characters, kept across restarts
  std::vector<std::string> listen{};       // as in http::ServerOptions
  std::vector<std::string> extra_hosts{};  // further names by which browsers may reach us
  // Of each user and of each job, predictions apart; the owner of the installation is not limited.
  double requests_per_s = 200;
  double requests_burst = 2000;
  // Credentials that are wrong, from one address.
  double failures_per_min = 20;
  double failures_burst = 30;
};

/// The routes of the server: parse, call one function of a module below, print.
///
///   auto api = Api::create(services, auth);
///   auto server = http::Server::start({.body_bytes_of_route = Api::body_bytes_of_route()},
///                                     (*api)->router());
///   (*api)->set_url("http://" + server->addresses().front());
///   ...
///   (*api)->stop();   // ends event streams and followed logs
///   server->drain(grace);
///
/// Thread-safe, except that router() may be called once. Two threads of its own: one for event
/// streams, one for followed logs. Takes the database's on_commit.
class Api {
 public:
  /// Errors: invalid_argument (a short token or secret), those of reading the stored sessions,
  /// exhausted (no inotify instance left).
  static Result<std::unique_ptr<Api>> create(Services services, AuthOptions auth);
  /// The server that uses the router must be gone.
  ~Api();

  http::Router router();
  /// Routes that take larger bodies than the server's default: manifests.
  static std::map<std::string, std::size_t, std::less<>> body_bytes_of_route();
  /// Routes whose bodies are kept in files: artifacts.
  static std::vector<std::string> spooled_routes();

  /// Where browsers reach us, "http://127.0.0.1:7420": known once the server listens.
  void set_url(std::string url);
  /// A code that opens one session in a browser, once, within ten minutes.
  std::string new_login_code();

  /// The token of a job: good for its own run and for predictions, and nothing else. The same for
  /// the same run and secret, so that nothing need be stored.
  std::string job_token(const RunId& run) const;

  /// Tells watchers that points arrived (event "metrics"), for points that came by another way than
  /// these routes. Does not block; may be called from the store's writer thread.
  void metrics_arrived(const RunId& run, const std::vector<std::string>& keys);

  /// Takes in what was measured on a node, for its time series. Does not block.
  void sample_arrived(const std::string& node_name, const protocol::NodeSample& sample);

  /// The secrets of an attempt that runs, as "NAME=value", for an agent in this process. Errors:
  /// not_found, and those of opening them.
  Result<std::vector<std::string>> secrets(const AttemptId& attempt) const;

  /// Ends all event streams and followed logs properly. Idempotent; further ones end at once.
  void stop();

 private:
  struct Impl;
  explicit Api(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::api
