#include "simulation/what_if.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worlds.h"

namespace galley::simulation {
namespace {

using ::testing::HasSubstr;

TEST(WhatIf, SaysWhatANewNodeWouldDo) {
  std::vector<Row> rows;
  for (int i = 0; i < 40; ++i) rows.push_back({i, 3600, 8, i % 2 == 0 ? "a" : "b"});
  const auto added = parse_change("add 7xGPUx8");
  ASSERT_TRUE(added);

  const auto result = what_if(trace_of(rows), cluster_of("1x8"), *added, {});

  ASSERT_TRUE(result) << describe(result.error());
  EXPECT_EQ(result->scenarios[0].name, "today");
  EXPECT_LT(result->scenarios[1].metrics.p90_wait_s, result->scenarios[0].metrics.p90_wait_s / 4);
  EXPECT_THAT(result->answer, HasSubstr("buying them cuts p90 wait from 35.1 h to 4.0 h"));
  EXPECT_EQ(to_json(*result, {"a", "b"})["scenarios"].size(), result->scenarios.size());
}

TEST(WhatIf, SaysWhenNothingWouldHelp) {
  const auto result = what_if(trace_of({{0, 60, 1}}), cluster_of("1x8"), cluster_of("1x8"), {});
  ASSERT_TRUE(result);
  EXPECT_THAT(result->answer, HasSubstr("leaves p90 wait at 0 s"));
}

TEST(WhatIf, RefusesOtherChanges) {
  EXPECT_FALSE(parse_change("remove 4xH100x8"));
  EXPECT_FALSE(parse_change("add nothing"));
  EXPECT_FALSE(parse_change("add 0x8"));
  EXPECT_THAT(describe(parse_change("buy 4x8").error()), HasSubstr("add 4xH100x8"));
}

}  // namespace
}  // namespace galley::simulation
