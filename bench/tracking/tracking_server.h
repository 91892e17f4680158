#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "blobs/blob_store.h"
#include "http/client.h"
#include "http/server.h"
#include "mlflow/service.h"
#include "registry/registry.h"
#include "store/database.h"
#include "support/scratch_folder.h"
#include "tracking/tracking.h"

namespace galley::bench {

/// MLflow's routes behind our HTTP server in this process, on a database that waits for the disk:
/// an answer of 200 says that what was logged is durable. Goes with all its files.
class TrackingServer {
 public:
  /// On a SQLite file of its own where no address is given.
  static Result<std::unique_ptr<TrackingServer>> start(const std::string& database = {});

  tracking::Tracking& tracking() { return *tracking_; }
  store::Database& database() { return *database_; }
  Result<std::unique_ptr<http::Client>> connect() const;

 private:
  explicit TrackingServer(support::ScratchFolder folder) : folder_(std::move(folder)) {}

  support::ScratchFolder folder_;
  IdSource ids_{system_clock()};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<blobs::BlobStore> blobs_;
  std::unique_ptr<tracking::Tracking> tracking_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<mlflow::Service> mlflow_;
  std::unique_ptr<http::Server> server_;
};

/// Sends one call. Errors: those of the connection, and internal for another answer than 200.
Status post_logged(http::Client& client, const std::string& target, std::string body);

}  // namespace galley::bench
