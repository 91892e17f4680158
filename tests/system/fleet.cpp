#include "fleet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace galley::testing {

using support::ServerProcess;

Fleet::~Fleet() {
  std::vector<std::string> names;
  for (const auto& [name, agent] : agents_) names.push_back(name);
  agents_.clear();
  controller_.reset();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(temp_.path(), ignored))
    support::end_supervisors(entry.path());
}

void Fleet::start_controller(std::vector<std::string> arguments, const std::string& role) {
  controller_.reset();
  auto server = ServerProcess::start({.program = program("galley"),
                                      .data = temp_ / "controller",
                                      .arguments = std::move(arguments),
                                      .environment = {program_path()},
                                      .role = role});
  ASSERT_TRUE(server) << describe(server.error());
  controller_.emplace(*std::move(server));
  relay_.lead_to(controller_->url());
}

void Fleet::kill_controller() {
  relay_.lead_to({});
  controller_->kill();
}

void Fleet::start_agent(const std::string& name, std::vector<std::string> arguments) {
  agents_.erase(name);
  std::error_code ignored;
  if (!std::filesystem::exists(folder_of(name) / "agent" / "identity.json", ignored))
    arguments.insert(arguments.end(),
                     {"--controller", relay_.url(), "--name", name, "--join-token", join_token()});
  // A machine of the test's own making: its programs, such as nvidia-smi, come first.
  auto agent = ServerProcess::start({.program = program("galley"),
                                     .data = folder_of(name),
                                     .arguments = std::move(arguments),
                                     .environment = {program_path(temp_ / (name + "-programs"))},
                                     .role = "agent"});
  ASSERT_TRUE(agent) << describe(agent.error());
  agents_.emplace(name, *std::move(agent));
}

void Fleet::kill_agent(const std::string& name) { agents_.at(name).kill(); }

void Fleet::stop_agent(const std::string& name) {
  const auto end = agents_.at(name).stop();
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->exit_code, 0) << end->said;
}

std::string Fleet::join_token() {
  auto made = client().post("/api/v1/nodes/join-tokens", Json::object());
  EXPECT_TRUE(made) << describe(made.error());
  return made ? made->at("token").get<std::string>() : std::string();
}

std::string Fleet::refusal_of_agent(const std::string& folder, std::vector<std::string> arguments) {
  auto agent = ServerProcess::begin({.program = program("galley"),
                                     .data = folder_of(folder),
                                     .arguments = std::move(arguments),
                                     .environment = {program_path()},
                                     .role = "agent"});
  if (!agent) return describe(agent.error());
  const auto end = agent->wait(Millis{20'000});
  if (!end) return describe(end.error());
  EXPECT_EQ(end->exit_code, 1) << end->said;
  EXPECT_EQ(std::ranges::count(end->said, '\n'), 1) << end->said;
  return end->said;
}

support::ApiClient Fleet::client() const {
  auto client = support::ApiClient::open(controller_->url(), controller_->token());
  GALLEY_CHECK(client.has_value(), "a client opens without connecting");
  return *std::move(client);
}

process::ChildOutput Fleet::galley(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program("galley").string());
  const auto output = process::run_child(
      arguments, {.timeout = Millis{60'000},
                  .env = std::vector<std::string>{
                      program_path(), "HOME=" + temp_.path().string(), "LANG=C.UTF-8",
                      "GALLEY_DATA=" + (temp_ / "controller").string()}});
  if (output) return *output;
  ADD_FAILURE() << arguments.at(1) << ": " << describe(output.error());
  return {.exit_code = -1};
}

std::string Fleet::submit(const std::string& script, const Json& more) {
  Json body{{"name", "shell"}, {"command", {"/bin/sh", "-c", script}}};
  body.update(more);
  const auto job = client().post("/api/v1/jobs", body);
  EXPECT_TRUE(job) << describe(job.error());
  return job ? job->at("id").get<std::string>() : std::string();
}

bool Fleet::wait_for_state(const std::string& job, const std::string& state) {
  auto asking = client();
  return eventually([&] { return state_of(asking, job) == state; });
}

std::string Fleet::node_state(const std::string& name) {
  const auto nodes = client().get("/api/v1/nodes");
  if (!nodes) return describe(nodes.error());
  for (const Json& node : nodes->at("items"))
    if (node.at("name") == name) return node.at("state");
  return {};
}

}  // namespace galley::testing
