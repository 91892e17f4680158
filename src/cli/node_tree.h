#pragma once

#include <string>

#include "base/json.h"
#include "terminal.h"

namespace galley::cli {

/// The buddy cells of one node as a tree: its level, link, GPUs, and a mark for each GPU. `node` is
/// an item of GET /api/v1/topology. Lines are cut to the terminal's width.
std::string node_tree(const Json& node, const Terminal& terminal);

/// Which sizes of jobs can never run, and where: the `fleet` of GET /api/v1/topology.
std::string fleet_sizes(const Json& fleet, const Terminal& terminal);

}  // namespace galley::cli
