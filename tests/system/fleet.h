#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "installation.h"
#include "relay.h"

namespace galley::testing {

/// A controller and agents of their own folders on this machine, as real processes that can be
/// killed and started again. Agents reach the controller through a relay. Ends all that it started.
class Fleet {
 public:
  ~Fleet();

  /// The failing assertion is the caller's when something does not come up.
  void start_controller(std::vector<std::string> arguments = {},
                        const std::string& role = "controller");
  void kill_controller();
  /// Joins with a token of its own, or comes back when its folder has joined before.
  void start_agent(const std::string& name, std::vector<std::string> arguments = {});
  void kill_agent(const std::string& name);
  void stop_agent(const std::string& name);

  std::string join_token();
  /// What an agent with these arguments says when it does not come up, in one line.
  std::string refusal_of_agent(const std::string& folder, std::vector<std::string> arguments);

  support::ApiClient client() const;
  process::ChildOutput galley(std::vector<std::string> arguments) const;
  Relay& relay() { return relay_; }
  support::ServerProcess& controller() { return *controller_; }
  std::filesystem::path folder_of(const std::string& name) const { return temp_ / name; }
  std::filesystem::path path() const { return temp_.path(); }

  /// Submits a shell script as a job and answers its id.
  std::string submit(const std::string& script, const Json& more = Json::object());
  bool wait_for_state(const std::string& job, const std::string& state);
  /// The state of a node as the API lists it; empty when it is not listed.
  std::string node_state(const std::string& name);

 private:
  TempFolder temp_;
  Relay relay_;
  std::optional<support::ServerProcess> controller_;
  std::map<std::string, support::ServerProcess> agents_;
};

}  // namespace galley::testing
