#pragma once

#include <string>

#include "command.h"
#include "session.h"

namespace galley::cli {

/// `galley nodes topology`.
Command topology_command(Session& session);

/// The JSON Schema of a file of kind topology, indented, and such a file to begin with.
std::string topology_schema();
std::string topology_example();

}  // namespace galley::cli
