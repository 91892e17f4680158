// 200 worlds of 10,000 events on the memory store, in parts that run side by side.
#include <gtest/gtest.h>

#include "run_world.h"

namespace galley::world {
namespace {

constexpr std::uint64_t kParts = 4;
constexpr std::uint64_t kSeedsOfAPart = 50;

class World200 : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(World200, NothingThatMustHoldIsBroken) {
  expect_peace(1 + GetParam() * kSeedsOfAPart, kSeedsOfAPart);
}

INSTANTIATE_TEST_SUITE_P(Part, World200, ::testing::Range<std::uint64_t>(0, kParts));

TEST(World, OneSeedOnSqliteToo) { expect_peace_on_sqlite(1, 1); }

}  // namespace
}  // namespace galley::world
