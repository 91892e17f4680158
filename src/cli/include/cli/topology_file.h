#pragma once

#include <string>

#include "cluster/topology_file.h"

namespace galley::cli {

/// Reads a file of kind topology, YAML or JSON. Errors: those of reading the file; those of
/// cluster::parse_topology_file, with "FILE:LINE: field: " in front.
Result<cluster::TopologyFile> read_topology_file(const std::string& path);

}  // namespace galley::cli
