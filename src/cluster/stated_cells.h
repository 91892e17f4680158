#pragma once

#include <string>

#include "cluster/topology_file.h"

namespace galley::cluster {

/// The cells that a node type names, and the whole node. `path` is where they stand in the file.
/// Errors: invalid_argument with the field: no list, a GPU that does not exist or is in two cells,
/// an empty cell, cells that overlap, an unknown link, lists nested too deep.
Result<CellTree> read_stated_cells(const Json& cells, std::int64_t gpus, const std::string& path);

/// "path[3]".
std::string field_at(const std::string& path, std::size_t index);
Error refused_field(std::string field, std::string message, std::string expected,
                    std::string hint = {});

}  // namespace galley::cluster
