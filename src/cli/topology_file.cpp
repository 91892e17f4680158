#include "cli/topology_file.h"

#include "spec_file.h"

namespace galley::cli {

Result<cluster::TopologyFile> read_topology_file(const std::string& path) {
  GALLEY_TRY(const SpecFile file, read_spec_file(path));
  auto topology = cluster::parse_topology_file(file.json);
  if (!topology) return locate(file, topology.error());
  return topology;
}

}  // namespace galley::cli
