#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "load.h"
#include "process/child.h"
#include "server_process.h"
#include "support/postgres/shared_server.h"
#include "support/temp_folder.h"

namespace galley::testing {

/// An installation whose programs are exchanged one at a time: two controllers on one PostgreSQL
/// and two agents, all real processes at places of their own. Ends all that it started.
class DrillSite {
 public:
  static constexpr int kControllers = 2;
  static constexpr int kAgents = 2;

  DrillSite();
  ~DrillSite();

  /// Each with the program of this folder; whatever ran there before is asked to stop first.
  Status start_controller(int index, const std::filesystem::path& programs);
  Status start_agent(int index, const std::filesystem::path& programs);
  void stop_controller(int index);
  void kill_controller(int index);

  /// The index of the leader, once there is one.
  Result<int> leader();
  /// Waits until that controller is listed in the role, or the agent's node is up.
  Status wait_for_role(int index, const std::string& role);
  Status wait_for_node(int index);

  /// `galley ARGUMENTS` of that folder, asking all controllers.
  Result<process::ChildOutput> galley(const std::filesystem::path& programs,
                                      std::vector<std::string> arguments) const;

  std::vector<std::string> urls() const;
  const std::string& token() const { return token_; }
  LeaderClient& client() { return *client_; }
  const std::string& database() const { return database_; }
  std::filesystem::path data() const { return temp_ / "shared"; }
  std::filesystem::path folder() const { return temp_.path(); }
  static std::string agent_name(int index) { return "gpu" + std::to_string(index); }

 private:
  std::string url(int index) const;

  TempFolder temp_;
  std::string database_;
  std::array<int, kControllers> ports_{};
  std::string token_;
  std::optional<LeaderClient> client_;
  std::array<std::optional<support::ServerProcess>, kControllers> controllers_;
  std::array<std::optional<support::ServerProcess>, kAgents> agents_;
};

}  // namespace galley::testing
