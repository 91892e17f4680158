#include "simulate/server_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "process/child.h"
#include "protocol/records.h"

namespace galley::bench {
namespace {

/// More than a year of a busy site.
constexpr const char* kMostJobs = "1000000";
constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
constexpr Millis kLongest{600'000};

/// What the command line prints: it already knows servers, sockets, tokens and pages of lists.
Result<std::string> ask(const ServerChoice& choice, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), choice.galley.string());
  arguments.emplace_back("--json");
  const auto pass_on = [&arguments](const char* name, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {name, value});
  };
  pass_on("--server", choice.server);
  pass_on("--data", choice.data);
  pass_on("--token", choice.token);
  GALLEY_TRY(const auto output,
             process::run_child(arguments, {.timeout = kLongest, .max_output_bytes = kMostBytes}));
  if (!output.succeeded())
    return Error{Errc::unavailable,
                 fmt::format("`galley {}` answered: {}", arguments[1], trim(output.stderr_bytes)),
                 {},
                 {},
                 "name the server with --server or --data, or a trace with --jobs"};
  return output.stdout_bytes;
}

}  // namespace

Result<simulation::Trace> history_of(const ServerChoice& choice) {
  GALLEY_TRY(const std::string json, ask(choice, {"jobs", "--limit", kMostJobs}));
  return simulation::parse_history("galley jobs", json);
}

Result<simulation::Cluster> cluster_of(const ServerChoice& choice) {
  GALLEY_TRY(const std::string json, ask(choice, {"nodes"}));
  return cluster_of_nodes(json);
}

Result<simulation::Cluster> cluster_of_nodes(std::string_view text) {
  GALLEY_TRY(const Json json, parse_json(text));
  if (!json.is_object() || !json.contains("items") || !json["items"].is_array())
    return Error{Errc::invalid_argument, "galley nodes: the answer has no items", "items"};
  simulation::Cluster cluster;
  for (const Json& item : json["items"]) {
    GALLEY_TRY(const auto node,
               protocol::parse_struct<protocol::NodeRecord>(item, protocol::Unknown::ignore));
    if (node.state != "up") continue;
    simulation::NodeType type{.count = 1,
                              .gpus = static_cast<std::int64_t>(node.devices.size()),
                              .cpus = node.cpus,
                              .memory_bytes = node.memory_bytes,
                              .zone = node.zone};
    if (!node.devices.empty()) {
      type.gpu_model = node.devices.front().model;
      type.gpu_memory_bytes = node.devices.front().memory_bytes;
    }
    const auto like = [&type](simulation::NodeType other) {
      other.count = 1;
      return other == type;
    };
    const auto known = std::find_if(cluster.node_types.begin(), cluster.node_types.end(), like);
    if (known == cluster.node_types.end())
      cluster.node_types.push_back(std::move(type));
    else
      ++known->count;
  }
  if (cluster.node_types.empty())
    return Error{Errc::not_found, "no node of the server is up", "cluster",
                 "a cluster such as 64x8"};
  return cluster;
}

}  // namespace galley::bench
