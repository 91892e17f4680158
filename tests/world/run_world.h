#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mutation.h"

namespace galley::world {

inline constexpr int kEvents = 10'000;

/// One world on the memory store. What it saw break, with the seed that reproduces it.
std::optional<std::string> run_in_memory(std::uint64_t seed, int events = kEvents,
                                         Mutation* mutation = nullptr);
/// The same on a SQLite file of its own.
std::optional<std::string> run_on_sqlite(std::uint64_t seed, int events = kEvents);

/// Runs the seeds [first, first + count) and expects no violation; stops at the first.
/// GALLEY_WORLD_SEED=N runs that one instead.
void expect_peace(std::uint64_t first, std::uint64_t count);
void expect_peace_on_sqlite(std::uint64_t first, std::uint64_t count);

}  // namespace galley::world
