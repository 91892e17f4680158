#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/job_account.h"
#include "agent/shareable_gpus.h"
#include "cluster/topology_file.h"
#include "site_options.h"
#include "slurm_role.h"

namespace galley::app {

/// What this machine does for jobs with images and data sets.
struct ContainerOptions {
  std::string engine = "auto";
  std::int64_t dataset_cache_bytes = 0;  // 0: half of the disk that the data folder is on
};
/// The bytes that data sets may take in that data folder.
std::int64_t dataset_cache_of(const ContainerOptions& options, const std::filesystem::path& data);

struct UpOptions : SiteOptions {
  ContainerOptions containers;
  SlurmOptions slurm;
  std::optional<cluster::TopologyFile> topology;
  agent::ShareableGpus shareable_gpus;
  std::vector<std::string> gpu_self_test;  // empty: none
  agent::JobsAs jobs_as;
};

/// The options, or the exit code when there is nothing left to do (--help, a mistake).
std::variant<UpOptions, int> parse_up_options(const std::vector<std::string>& arguments);
std::variant<SiteOptions, int> parse_controller_options(const std::vector<std::string>& arguments);

struct AgentOptions {
  std::filesystem::path data;
  std::vector<std::string> controllers;  // empty: as when it joined
  std::string join_token;
  std::string name;     // empty: the host's
  std::string address;  // empty: as the controller sees it
  std::string ca_file;
  std::optional<cluster::TopologyFile> topology;
  agent::ShareableGpus shareable_gpus;
  std::vector<std::string> gpu_self_test;  // empty: none
  agent::JobsAs jobs_as;
  SlurmOptions slurm;
  ContainerOptions containers;
  bool verbose = false;
};
std::variant<AgentOptions, int> parse_agent_options(const std::vector<std::string>& arguments);

}  // namespace galley::app
