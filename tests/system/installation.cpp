#include "installation.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace galley::testing {

using support::ApiClient;
using support::ServerProcess;

Installation::~Installation() {
  server_.reset();
  support::end_supervisors(data());
}

void Installation::start(std::vector<std::string> arguments, const std::filesystem::path& programs,
                         std::vector<std::string> before) {
  server_.reset();
  ASSERT_TRUE(make_folders(work()));
  auto server = ServerProcess::start({.program = program("galley"),
                                      .data = data(),
                                      .arguments = std::move(arguments),
                                      .environment = {program_path(programs)},
                                      .before = std::move(before)});
  ASSERT_TRUE(server) << describe(server.error());
  server_.emplace(*std::move(server));
}

ApiClient Installation::client() const {
  auto client = ApiClient::open(server_->url(), server_->token());
  GALLEY_CHECK(client.has_value(), "a client opens without connecting");
  return *std::move(client);
}

process::ChildOutput Installation::galley(std::vector<std::string> arguments,
                                          const std::string& input) const {
  arguments.insert(arguments.begin(), program("galley").string());
  const auto output = process::run_child(
      arguments, {.timeout = Millis{60'000},
                  .env = std::vector<std::string>{program_path(), "HOME=" + temp_.path().string(),
                                                  "LANG=C.UTF-8", "GALLEY_DATA=" + data().string()},
                  .stdin_bytes = input,
                  .workdir = work().string()});
  if (output) return *output;
  ADD_FAILURE() << arguments.at(1) << ": " << describe(output.error());
  return {.exit_code = -1};
}

std::string state_of(ApiClient& client, const std::string& job) {
  const auto record = client.get("/api/v1/jobs/" + job);
  return record ? record->at("state").get<std::string>() : describe(record.error());
}

std::string log_from(ApiClient& client, const std::string& job, std::size_t offset) {
  const auto answer =
      client.send({.method = "GET",
                   .target = "/api/v1/jobs/" + job + "/logs?offset=" + std::to_string(offset)});
  return answer && answer->status == 200 ? answer->body : std::string();
}

}  // namespace galley::testing
