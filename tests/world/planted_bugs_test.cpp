// The checker sees what it is there to see: each planted bug is caught, as what it is, within a few
// seeds.
#include <gtest/gtest.h>

#include "run_world.h"

namespace galley::world {
namespace {

class PlantedBugs : public ::testing::TestWithParam<std::size_t> {};

TEST_P(PlantedBugs, AreCaught) {
  constexpr std::uint64_t kSeeds = 60;
  const PlantedBug& bug = planted_bugs()[GetParam()];
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const auto mutation = bug.make();
    const auto violation = run_in_memory(seed, kEvents, mutation.get());
    // A bug may show another face first.
    if (!violation || violation->find(bug.seen_as) == std::string::npos) continue;
    RecordProperty("caught", *violation);
    return;
  }
  FAIL() << bug.name << " went unseen for " << kSeeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(World, PlantedBugs,
                         ::testing::Range<std::size_t>(0, planted_bugs().size()),
                         [](const auto& instance) {
                           return std::string(planted_bugs()[instance.param].name);
                         });

TEST(World, ASeedIsAWorld) {
  // The same integer gives the same violation at the same event, or it would reproduce nothing.
  const PlantedBug& bug = planted_bugs()[0];
  const auto first = run_in_memory(7, kEvents, bug.make().get());
  const auto second = run_in_memory(7, kEvents, bug.make().get());
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, *second);
}

}  // namespace
}  // namespace galley::world
