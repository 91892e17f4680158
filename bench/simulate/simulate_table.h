#pragma once

#include "simulation/simulate.h"

namespace galley::bench {

/// One line a policy, for people, on stdout.
void print_simulation(const simulation::Simulation& simulation);

}  // namespace galley::bench
