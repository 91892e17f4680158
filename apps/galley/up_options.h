#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "machine_options.h"
#include "site_options.h"
#include "slurm_role.h"

namespace galley::app {

struct UpOptions : SiteOptions {
  MachineOptions machine;
  SlurmOptions slurm;
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
  MachineOptions machine;
  SlurmOptions slurm;
  bool verbose = false;
};
std::variant<AgentOptions, int> parse_agent_options(const std::vector<std::string>& arguments);

}  // namespace galley::app
