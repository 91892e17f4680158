#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/server.h"
#include "site_options.h"

namespace galley::app {

/// What a controller answers while another leads: 503 with the leader's URL in
/// protocol::kLeaderHeader, and 200 with "standby" to /healthz.
class StandbyServer {
 public:
  /// `leader` answers the leader's URL, or nothing while nobody leads. It must not block.
  static Result<std::unique_ptr<StandbyServer>> start(
      const SiteOptions& options, std::function<std::optional<std::string>()> leader);

  /// The addresses that it listens on, with real ports.
  const std::vector<std::string>& addresses() const { return server_->addresses(); }

 private:
  explicit StandbyServer(std::unique_ptr<http::Server> server) : server_(std::move(server)) {}
  std::unique_ptr<http::Server> server_;
};

}  // namespace galley::app
