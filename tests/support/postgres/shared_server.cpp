#include "support/postgres/shared_server.h"

#include <gtest/gtest.h>

#include <optional>

namespace galley::testing {
namespace {

std::optional<support::PostgresServer> server;

/// Stops the server before the program's statics end.
class StopServer final : public ::testing::Environment {
  void TearDown() override { server.reset(); }
};
[[maybe_unused]] const auto* const kStopServer =
    ::testing::AddGlobalTestEnvironment(new StopServer);

}  // namespace

support::PostgresServer& shared_postgres() {
  if (!server) {
    auto started = support::PostgresServer::start();
    GALLEY_CHECK(started, describe(started.error()).c_str());
    server.emplace(*std::move(started));
  }
  return *server;
}

std::string fresh_database() {
  static int made = 0;
  const auto url = shared_postgres().make_database("test" + std::to_string(++made));
  GALLEY_CHECK(url, describe(url.error()).c_str());
  return *url;
}

}  // namespace galley::testing
