#pragma once

#include <cstdint>

namespace galley {

/// How many processors this process may run on: those its affinity allows, not those the machine
/// has. At least 1. Limits of a control group are not counted (process/cgroup.h knows them).
std::uint32_t usable_processors();

}  // namespace galley
