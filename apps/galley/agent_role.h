#pragma once

#include <string>
#include <vector>

namespace galley::app {

/// `galley agent`: runs jobs on this machine for a controller elsewhere until SIGINT or SIGTERM.
/// Jobs that run then go on; the next `galley agent` on the same data folder takes them up again.
/// Returns the exit code.
int run_agent(const std::vector<std::string>& arguments);

}  // namespace galley::app
