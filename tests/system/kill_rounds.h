#pragma once

#include <cstdint>

namespace galley::testing {

/// The seed in GALLEY_SEED, else a new one; printed by whoever uses it.
std::uint64_t chosen_seed();

/// Runs a server, kills it `rounds` times at random instants under load, lets everything finish and
/// checks that nothing acknowledged was lost. Expectations fail as gtest's.
void run_kill_rounds(int rounds, std::uint64_t seed);

}  // namespace galley::testing
