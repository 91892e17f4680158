#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "blobs/blob_store.h"
#include "http/server.h"
#include "registry/registry.h"
#include "store/database.h"
#include "tracking/tracking.h"

namespace galley::mlflow {

/// What a route does with what is stored.
enum class Effect {
  look,    // it only asks
  stream,  // it adds to a run or model whose making was told
  change   // each change is told to on_change
};

/// One path of the API, to be served at `pattern` and at each of `aliases`.
struct Route {
  std::string method;
  std::string pattern;
  std::vector<std::string> aliases;
  http::Run run = http::Run::pool;
  std::string summary;
  Effect effect = Effect::look;
  bool open = false;  // tells nothing that a stranger may not know
  bool jobs = false;  // jobs may ask too; the handler holds them to their own run
  http::DeferredHandler handler;
};

/// What the routes call. All of it must outlive the Service.
struct Services {
  tracking::Tracking& tracking;
  registry::Registry& registry;
  blobs::BlobStore& blobs;
  store::Database& database;
  const Clock& clock;
  IdSource& ids;
};

/// The largest artifact that is taken.
inline constexpr std::size_t kMaxArtifactBytes = std::size_t{2} << 30;

/// MLflow's tracking server: its paths, shapes, rules and errors over our own records, so that an
/// unmodified client of version 2 or 3 works. Experiments, runs, metrics, artifacts, logged models
/// and the model registry; traces, evaluation sets and the gateway are not here.
///
/// Who asks stands in Request::principal, as the middleware in front of the routes found out;
/// "job:RUN_ID" may see and change that run and those it makes, and nothing else.
/// Sources: mlflow/protos/{service,model_registry,mlflow_artifacts}.proto of the public repository.
///
/// Thread-safe. One thread of its own, for downloads.
class Service {
 public:
  explicit Service(Services services);
  /// The server that uses the routes must be gone.
  ~Service();

  std::vector<Route> routes();
  /// Larger bodies than the server's default: artifacts, which are spooled to a file.
  static std::map<std::string, std::size_t, std::less<>> body_bytes_of_route();
  static std::vector<std::string> spooled_routes();

  /// Called after each change ("experiment.create", …) with what was changed, on the handler's
  /// thread. Before the routes are served.
  using Notice = std::function<void(const http::Request&, std::string action, std::string subject)>;
  void on_change(Notice notice);
  /// Called when points have been stored, on the store's writer thread; must not block.
  using Arrival = std::function<void(const RunId&, const std::vector<std::string>& keys)>;
  void on_points(Arrival arrival);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

/// Whether a path belongs to this surface, and its errors to be printed in its form.
bool is_path(std::string_view path);
/// {"error_code", "message"} with the status that MLflow's servers give it.
http::Response error_answer(const Error& error);

}  // namespace galley::mlflow
