// `./dev test -L world` adds these: 10,000 worlds in memory, 100 on SQLite.
#include <gtest/gtest.h>

#include "run_world.h"

namespace galley::world {
namespace {

constexpr std::uint64_t kParts = 20;
constexpr std::uint64_t kSeedsOfAPart = 500;

class World10000 : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(World10000, NothingThatMustHoldIsBroken) {
  expect_peace(1'000 + GetParam() * kSeedsOfAPart, kSeedsOfAPart);
}

INSTANTIATE_TEST_SUITE_P(Part, World10000, ::testing::Range<std::uint64_t>(0, kParts));

constexpr std::uint64_t kSqliteParts = 4;
constexpr std::uint64_t kSqliteSeedsOfAPart = 25;

class World100Sqlite : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(World100Sqlite, NothingThatMustHoldIsBroken) {
  expect_peace_on_sqlite(1 + GetParam() * kSqliteSeedsOfAPart, kSqliteSeedsOfAPart);
}

INSTANTIATE_TEST_SUITE_P(Part, World100Sqlite, ::testing::Range<std::uint64_t>(0, kSqliteParts));

}  // namespace
}  // namespace galley::world
