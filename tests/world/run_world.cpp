#include "run_world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/command_store/memory_store.h"
#include "support/command_store/sql_store.h"
#include "support/temp_folder.h"
#include "world.h"

namespace galley::world {
namespace {

std::optional<std::string> run(std::uint64_t seed, controller::CommandStore& store, int events,
                               Mutation* mutation) {
  auto violation = World(seed, store, mutation).run(events);
  if (violation) violation = fmt::format("GALLEY_WORLD_SEED={}: {}", seed, *violation);
  return violation;
}

std::optional<std::uint64_t> asked_seed() {
  const char* text = std::getenv("GALLEY_WORLD_SEED");  // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

template <class Run>
void expect_none(std::uint64_t first, std::uint64_t count, const Run& run_one) {
  if (const auto seed = asked_seed()) {
    first = *seed;
    count = 1;
  }
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const auto violation = run_one(seed);
    ASSERT_FALSE(violation) << *violation;
  }
}

}  // namespace

std::optional<std::string> run_in_memory(std::uint64_t seed, int events, Mutation* mutation) {
  controller::MemoryStore store;
  return run(seed, store, events, mutation);
}

std::optional<std::string> run_on_sqlite(std::uint64_t seed, int events) {
  const testing::TempFolder folder;
  const auto database =
      store::open_sqlite({.path = folder / "x.db", .durable = false, .readers = 1});
  if (!database) return "the database cannot be opened: " + describe(database.error());
  controller::SqlStore store(**database);
  return run(seed, store, events, nullptr);
}

void expect_peace(std::uint64_t first, std::uint64_t count) {
  expect_none(first, count, [](std::uint64_t seed) { return run_in_memory(seed); });
}

void expect_peace_on_sqlite(std::uint64_t first, std::uint64_t count) {
  expect_none(first, count, [](std::uint64_t seed) { return run_on_sqlite(seed); });
}

}  // namespace galley::world
