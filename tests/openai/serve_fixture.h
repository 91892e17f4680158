#pragma once

#include <signal.h>

#include <functional>
#include <map>

#include "../http/wire.h"
#include "base/file.h"
#include "base/json.h"
#include "fixture.h"
#include "process/child.h"
#include "server_process.h"
#include "tiny_shape.h"

namespace galley::openai {

using support::ServerProcess;

inline const std::filesystem::path kPrograms = GALLEY_BIN_DIR;

/// `galley serve` as a real program, on a small model of random weights.
class ServeTest : public ::testing::Test {
 protected:
  static void synthesize(const std::filesystem::path& to, const inference::SynthShape& shape,
                         std::uint64_t seed = 1) {
    const auto written =
        inference::synthesize(shape, {.mix = inference::QuantMix::q8_0, .seed = seed}, to);
    ASSERT_TRUE(written) << describe(written.error());
  }
  void SetUp() override { synthesize(model, tiny_shape()); }

  /// The arguments are further ones of `galley serve`; `of` is what it serves.
  Result<ServerProcess> begin(std::vector<std::string> more = {},
                              const std::filesystem::path& of = {}) const {
    std::vector<std::string> arguments{"--model", (of.empty() ? model : of).string(), "--threads",
                                       "1"};
    if (std::ranges::find(more, "--kv-memory") == more.end())
      arguments.insert(arguments.end(), {"--kv-memory", "64MiB"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return ServerProcess::start({.program = kPrograms / "galley",
                                 .data = folder / "data",
                                 .arguments = std::move(arguments),
                                 .role = "serve"});
  }
  /// Of a command line that must not come up.
  process::ChildOutput refused(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"serve",       "--model",     model.string(), "--listen",
                                       "127.0.0.1:0", "--kv-memory", "64MiB"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return galley(arguments);
  }
  static std::string address_of(const ServerProcess& server) {
    return server.url().substr(server.url().find("//") + 2);
  }
  std::unique_ptr<http::Client> client(const ServerProcess& server,
                                       const std::string& key = {}) const {
    return *http::Client::open({.server = server.url(),
                                .bearer_token = key,
                                .timeout = std::chrono::seconds(20),
                                .ca_file = authority});
  }
  Json get(const ServerProcess& server, const std::string& target) const {
    const auto answer = client(server)->send({.target = target});
    EXPECT_TRUE(answer && answer->status == 200)
        << (answer ? answer->body : describe(answer.error()));
    return answer ? parse_json(answer->body).value_or(Json()) : Json();
  }
  Json post(const ServerProcess& server, const std::string& target, const Json& body,
            int status = 200) const {
    const auto answer =
        client(server)->send({.method = "POST", .target = target, .body = dump_json(body)});
    EXPECT_TRUE(answer && answer->status == status)
        << (answer ? answer->body : describe(answer.error()));
    return answer ? parse_json(answer->body).value_or(Json()) : Json();
  }
  Json complete(const ServerProcess& server, const Json& body) const {
    return post(server, "/v1/completions", body);
  }
  static std::string text_of(const Json& answer) {
    return answer["choices"][0]["text"].get<std::string>();
  }
  /// The sum of a metric over its labels.
  double metric(const ServerProcess& server, const std::string& name) const {
    const auto answer = client(server)->send({.target = "/metrics"});
    EXPECT_TRUE(answer) << describe(answer.error());
    double sum = 0;
    std::istringstream lines(answer ? answer->body : "");
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with(name + "{")) sum += std::stod(line.substr(line.rfind(' ') + 1));
    return sum;
  }
  process::ChildOutput galley(std::vector<std::string> arguments, const std::string& input = {},
                              const std::vector<std::string>& environment = {}) const {
    arguments.insert(arguments.begin(), (kPrograms / "galley").string());
    std::vector<std::string> variables{"HOME=" + folder.path().string(), "LANG=C.UTF-8",
                                       "PATH=" + std::string(std::getenv("PATH"))};
    variables.insert(variables.end(), environment.begin(), environment.end());
    auto out = process::run_child(
        arguments, {.timeout = Millis{60'000}, .env = variables, .stdin_bytes = input});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : process::ChildOutput{};
  }

  testing::TempFolder folder;
  const std::filesystem::path model = folder / "tiny.gguf";
  std::string authority;  // whom clients trust besides the system's
};

}  // namespace galley::openai
