#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "simulation/cluster.h"
#include "simulation/trace.h"

namespace galley::bench {

/// Which server to ask, as for every command; empty: the default one.
struct ServerChoice {
  std::filesystem::path galley;  // the program that asks
  std::string server, data, token;
};

/// The jobs that ran, as `galley jobs --json` prints them.
/// Errors: unavailable with what the program said; those of parse_history.
Result<simulation::Trace> history_of(const ServerChoice& choice);
/// The nodes that are up, as `galley nodes --json` prints them. Teams have no guarantees here.
Result<simulation::Cluster> cluster_of(const ServerChoice& choice);
/// The same from the document.
Result<simulation::Cluster> cluster_of_nodes(std::string_view json);

}  // namespace galley::bench
