#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "call.h"
#include "downloads.h"
#include "mlflow/service.h"
#include "store/database.h"

namespace galley::mlflow {

struct Service::Impl {
  explicit Impl(Services of) : services(of), downloads(of.blobs) {}

  const Services services;
  Notice notice;
  Arrival arrival;
  Downloads downloads;

  WallTime now() const { return services.clock.wall(); }
  /// Errors: those of the command.
  Status write(const store::Database::Command& command) const {
    return services.database.write(command);
  }
  Status read(const store::Database::Command& reads) const { return services.database.read(reads); }
};

struct Reply {
  Json body = Json::object();
  std::string subject{};  // what was changed
};

using Handle = Result<Reply> (*)(Service::Impl&, const Call&);

/// One line of the table from which all routes are made. The path stands behind a prefix.
struct Line {
  std::string_view method;
  std::string_view path;
  std::string_view summary;
  Handle handle;
  Effect effect = Effect::look;
  std::string_view action{};  // for on_change
  bool jobs = false;
};

// One for each topic.
std::vector<Line> experiment_lines();
std::vector<Line> run_lines();
std::vector<Line> tag_lines();
std::vector<Line> history_lines();
std::vector<Line> lineage_lines();
std::vector<Line> artifact_lines();
std::vector<Line> logged_model_lines();
std::vector<Line> registered_model_lines();
std::vector<Line> model_version_lines();
/// Logging, artifacts' bytes and what is asked about the server have handlers of their own.
void add_logging_routes(Service::Impl& service, std::vector<Route>& routes);
void add_artifact_routes(Service::Impl& service, std::vector<Route>& routes);
void add_server_routes(std::vector<Route>& routes);

/// Both prefixes of a path of the tracking server's.
Route route_at(std::string_view method, std::string_view path, std::string_view summary);

/// Whether who asks may touch the run. Errors: forbidden, not_found.
Status check_run(store::Transaction& transaction, const std::string& own_run, const RunId& run);
/// Also that it is not deleted. Errors: invalid_argument too.
Status check_active_run(store::Transaction& transaction, const std::string& own_run,
                        const RunId& run);
Error no_run(const RunId& run);

}  // namespace galley::mlflow
