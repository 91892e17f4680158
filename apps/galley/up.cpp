#include "up.h"

#include <fmt/format.h>

#include <cstdio>

#include "agent/agent.h"
#include "base/log.h"
#include "election.h"
#include "links.h"
#include "process_signals.h"
#include "service_watch.h"
#include "site.h"
#include "slurm_role.h"
#include "up_options.h"

namespace galley::app {
namespace {

/// What this process does not serve nobody does, so the time until it serves again counts as down.
void serve_until_stopped(Site& site, const sigset_t& signals) {
  ServiceWatch service(site.database(), host_name(), ServiceWatch::Among::alone);
  service.serves(site.database());
  site.print_welcome();
  wait_for_stop(signals);
}

/// All roles in one process: a site, and an agent that it reaches without a network.
Status serve_everything(const UpOptions& options, const sigset_t& signals) {
  const std::string node_name = host_name();
  GALLEY_TRY(auto site, Site::open(options, node_name));
  LocalControllerLink link(site->controller(), site->registry(), site->blobs(), site->api());
  GALLEY_TRY(agent::Options agent_options, agent_options_of(options.machine, site->data()));
  agent_options.shares_data_folder = true;
  agent_options.server = site->url();
  agent_options.job_token = [&](const protocol::Assignment& assignment) {
    return site->api().job_token(assignment.run_id);
  };
  agent_options.node_id = site->local_node_id();
  agent_options.node_name = node_name;
  GALLEY_TRY(auto agent,
             agent::Agent::start(std::move(agent_options), link, site->blobs(), site->clock()));
  LocalAgentPort port(*agent);
  GALLEY_TRY_STATUS(site->controller().attach(agent->node(), port));
  std::unique_ptr<SlurmDoor> slurm;
  if (options.slurm.partition) {
    GALLEY_TRY(slurm, SlurmDoor::open(options.slurm, options.machine.jobs_as, *site, link));
  }

  serve_until_stopped(*site, signals);
  fmt::print(stderr, "stopping: requests finish, running jobs go on\n");
  site->stop();
  return ok();
}

Status serve_site(const SiteOptions& options, const sigset_t& signals) {
  // Others may use the same PostgreSQL; a file has one user.
  if (options.database.starts_with("postgres")) return serve_in_turn(options, signals);
  GALLEY_TRY(auto site, Site::open(options, std::nullopt));
  serve_until_stopped(*site, signals);
  fmt::print(stderr, "stopping: requests finish, running jobs go on\n");
  site->stop();
  return ok();
}

}  // namespace

int run_up(const std::vector<std::string>& arguments) {
  auto parsed = parse_up_options(arguments);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const UpOptions& options = std::get<UpOptions>(parsed);
  log::set_level(options.verbose ? log::Level::debug : log::Level::warn);
  const sigset_t signals = block_stop_signals();
  if (auto status = serve_everything(options, signals); !status) {
    fmt::print(stderr, "galley up: {}\n", describe(status.error()));
    return 1;
  }
  return 0;
}

int run_controller(const std::vector<std::string>& arguments) {
  auto parsed = parse_controller_options(arguments);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const SiteOptions& options = std::get<SiteOptions>(parsed);
  log::set_level(options.verbose ? log::Level::debug : log::Level::warn);
  const sigset_t signals = block_stop_signals();
  if (auto status = serve_site(options, signals); !status) {
    fmt::print(stderr, "galley controller: {}\n", describe(status.error()));
    return 1;
  }
  return 0;
}

}  // namespace galley::app
