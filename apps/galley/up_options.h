#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/shareable_gpus.h"
#include "cluster/topology_file.h"

namespace galley::app {

struct UpOptions {
  std::filesystem::path data;
  std::vector<std::string> listen{"127.0.0.1:7420"};
  std::vector<std::string> hosts;  // further names by which browsers may reach us
  std::string tls_certificate;
  std::string tls_key;
  std::optional<cluster::TopologyFile> topology;
  agent::ShareableGpus shareable_gpus;
  bool verbose = false;
};

/// The options, or the exit code when there is nothing left to do (--help, a mistake).
std::variant<UpOptions, int> parse_up_options(const std::vector<std::string>& arguments);

}  // namespace galley::app
