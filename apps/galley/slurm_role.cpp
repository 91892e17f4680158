#include "slurm_role.h"

#include "agent/agent.h"
#include "links.h"
#include "process_signals.h"
#include "site.h"

namespace galley::app {

/// Destroyed from the bottom up: the agent lets go before its bridge does.
struct SlurmDoor::Impl {
  std::unique_ptr<slurm::Bridge> bridge;
  std::unique_ptr<agent::Agent> agent;
  std::optional<LocalAgentPort> port;
};

SlurmDoor::SlurmDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SlurmDoor::~SlurmDoor() = default;

Result<std::unique_ptr<slurm::Bridge>> open_bridge(const SlurmOptions& options) {
  return slurm::Bridge::start({.partition = options.partition.value_or(std::string{}),
                               .sbatch_arguments = options.sbatch_arguments,
                               .supervisor_program = program_folder() / "galley-job"});
}

Result<std::unique_ptr<SlurmDoor>> SlurmDoor::open(const SlurmOptions& options,
                                                   const agent::JobsAs& jobs_as, Site& site,
                                                   LocalControllerLink& link) {
  auto impl = std::make_unique<Impl>();
  GALLEY_TRY(impl->bridge, open_bridge(options));
  agent::Options agent_options;
  agent_options.data_folder = site.data().path();
  agent_options.supervisor_program = program_folder() / "galley-job";
  agent_options.server = site.url();
  agent_options.job_token = [&site](const protocol::Assignment& assignment) {
    return site.api().job_token(assignment.run_id);
  };
  const std::string name = "slurm-" + *options.partition;
  GALLEY_TRY(agent_options.node_id, site.controller().node_id(name));
  agent_options.node_name = name;
  agent_options.jobs_as = jobs_as;
  agent_options.runner = impl->bridge.get();
  GALLEY_TRY(impl->agent,
             agent::Agent::start(std::move(agent_options), link, site.blobs(), site.clock()));
  impl->port.emplace(*impl->agent);
  GALLEY_TRY_STATUS(site.controller().attach(impl->agent->node(), *impl->port));
  return std::unique_ptr<SlurmDoor>(new SlurmDoor(std::move(impl)));
}

}  // namespace galley::app
