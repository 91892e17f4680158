#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/job_account.h"
#include "agent/shareable_gpus.h"
#include "base/result.h"
#include "cluster/topology_file.h"
#include "data_folder.h"

namespace CLI {
class App;
}

namespace galley::app {

/// What a machine that runs jobs is told, by `galley up` and `galley agent` alike.
struct MachineOptions {
  std::string container_engine = "auto";
  std::int64_t dataset_cache_bytes = 0;  // 0: half of the disk that the data folder is on
  std::optional<cluster::TopologyFile> topology;
  agent::ShareableGpus shareable_gpus;
  std::vector<std::string> gpu_self_test;  // empty: none
  agent::JobsAs jobs_as;
};

/// As they stand on the command line.
struct MachineTexts {
  std::string container_engine = "auto";
  std::string dataset_cache;
  std::string topology;  // a file
  std::string shareable_gpus;
  std::string gpu_self_test;  // for a shell
  std::string jobs_as;
};
void add_machine_options(CLI::App& app, MachineTexts& texts);
/// Errors: those of reading each of them.
Status read_machine(const MachineTexts& texts, MachineOptions& options);

/// An agent with these options on that folder, which lets jobs pass where they run as other
/// accounts. Who the agent is and whom it talks to is still to be filled in. Errors: those of
/// let_jobs_pass().
Result<agent::Options> agent_options_of(const MachineOptions& machine, const DataFolder& data);

}  // namespace galley::app
