#pragma once

#include <string>
#include <vector>

namespace galley::app {

/// `galley up`: composes all roles in this process and serves until SIGINT or SIGTERM. Jobs that
/// run then go on; the next `galley up` on the same data folder takes them up again. Returns the
/// exit code.
int run_up(const std::vector<std::string>& arguments);

/// `galley controller`: the same without the agent. Machines join it with `galley agent`.
int run_controller(const std::vector<std::string>& arguments);

}  // namespace galley::app
