#include "agent_role.h"

#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>

#include "agent/agent.h"
#include "agent/identity.h"
#include "agent/remote_link.h"
#include "base/log.h"
#include "blobs/blob_store.h"
#include "data_folder.h"
#include "process_signals.h"
#include "site.h"
#include "up_options.h"

namespace galley::app {
namespace {

/// Who this agent is: as it joined before, or by joining now.
Result<agent::Identity> identify(const AgentOptions& options, const DataFolder& data) {
  GALLEY_TRY(auto known, agent::read_identity(data.path()));
  if (options.join_token.empty()) {
    if (!known)
      return Error{Errc::invalid_argument,
                   "this machine has not joined a controller yet",
                   "--join-token",
                   {},
                   "give it --controller URL and the token that `galley nodes join-token` prints"};
    if (!options.controllers.empty()) known->access.addresses = options.controllers;
    if (!options.ca_file.empty()) known->access.ca_file = options.ca_file;
    return *std::move(known);
  }
  if (options.controllers.empty())
    return Error{Errc::invalid_argument, "a join token needs the controller that made it",
                 "--controller", "http://HOST:PORT"};
  agent::ControllerAccess access{.addresses = options.controllers,
                                 .ca_file = options.ca_file,
                                 .pinned_sha256 = {},
                                 .credential = {}};
  const std::string name = options.name.empty() ? host_name() : options.name;
  GALLEY_TRY(auto joined, agent::join(std::move(access), options.join_token, name, data.path()));
  // The epochs of a controller that it obeyed before mean nothing to this one.
  std::error_code ignored;
  std::filesystem::remove(data.path() / "agent" / "epoch", ignored);
  GALLEY_TRY_STATUS(agent::write_identity(data.path(), joined));
  return joined;
}

Status serve(const AgentOptions& options, const sigset_t& signals) {
  GALLEY_TRY(const DataFolder data, DataFolder::open(options.data));
  GALLEY_TRY(const agent::Identity identity, identify(options, data));
  GALLEY_TRY(auto blobs, blobs::BlobStore::open(data / "blobs"));
  GALLEY_TRY(auto link, agent::RemoteControllerLink::open({.identity = identity,
                                                           .data_folder = data.path(),
                                                           .version = std::string(kVersion),
                                                           .address = options.address},
                                                          *blobs, system_clock()));
  GALLEY_TRY(agent::Options agent_options, agent_options_of(options.machine, data));
  agent_options.server = identity.access.addresses.front();
  agent_options.job_token = [&](const protocol::Assignment& assignment) {
    return link->job_token(assignment);
  };
  agent_options.node_id = identity.node_id;
  agent_options.node_name = identity.name;
  agent_options.heartbeat_interval = Millis{1'000};
  std::unique_ptr<slurm::Bridge> bridge;
  if (options.slurm.partition) {
    GALLEY_TRY(bridge, open_bridge(options.slurm));
    agent_options.runner = bridge.get();
  }
  GALLEY_TRY(auto agent,
             agent::Agent::start(std::move(agent_options), *link, *blobs, system_clock()));
  GALLEY_TRY_STATUS(link->begin(*agent));
  fmt::print("galley {} runs jobs as node {} ({}) in {}\n", kVersion, identity.name,
             identity.node_id.str(), data.path().string());
  std::fflush(stdout);
  wait_for_stop(signals);
  fmt::print(stderr, "stopping: running jobs go on\n");
  link->stop();
  agent.reset();  // it may still ask the link
  return ok();
}

}  // namespace

int run_agent(const std::vector<std::string>& arguments) {
  auto parsed = parse_agent_options(arguments);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const AgentOptions& options = std::get<AgentOptions>(parsed);
  // The memory of a machine is its jobs': large buffers go back to it once they are not needed,
  // which the allocator would stop doing after the first of them.
  constexpr int kLargeBytes = 256 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kLargeBytes);
  log::set_level(options.verbose ? log::Level::debug : log::Level::warn);
  const sigset_t signals = block_stop_signals();
  if (auto status = serve(options, signals); !status) {
    fmt::print(stderr, "galley agent: {}\n", describe(status.error()));
    return 1;
  }
  return 0;
}

}  // namespace galley::app
