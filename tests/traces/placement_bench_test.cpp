#include "placement/placement_bench.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "locality/locality_bench.h"
#include "locality/locality_world.h"

namespace galley::bench {
namespace {

const std::filesystem::path kData = std::filesystem::path(GALLEY_SOURCE_DIR) / "data/traces/openb";

TEST(PlacementBench, BeatsTheReferencesOnTheTraceThatComesWithGalley) {
  const auto report = run_placement_bench({.trace = kData, .workload = "default", .seeds = 2});
  ASSERT_TRUE(report) << describe(report.error());
  const auto& figures = report->figures;
  // Two seeds only show that nothing is broken; the claim is made with twenty.
  EXPECT_GT(figures.at("allocated_pct_130"), 95.4);
  EXPECT_GT(figures.at("gain_over_fgd_points"), 0.1);
  EXPECT_LT(figures.at("permuted_order_shift_points"), 0.3);
  EXPECT_NEAR(report->peers.at("fgd").at("allocated_pct_130"), 95.39, 0.4);
  EXPECT_EQ(report->peers.size(), 5U);
}

TEST(PlacementBench, RefusesWhatItCannotMeasure) {
  const auto one = run_placement_bench({.trace = kData, .workload = "default", .seeds = 1});
  EXPECT_EQ(one.error().field, "seeds");
  const auto none = run_placement_bench({.trace = kData, .workload = "none", .seeds = 2});
  EXPECT_EQ(none.error().code, Errc::not_found);
}

TEST(LocalityBench, StartsSoonerForLittleAllocation) {
  const auto report = run_locality_bench({.seeds = 3});
  ASSERT_TRUE(report);
  EXPECT_GT(report->figures.at("start_delay_reduction_pct"), 30);
  EXPECT_LT(report->figures.at("allocation_lost_points"), 1);
}

TEST(LruCache, PushesOutTheLongestUnused) {
  LruCache cache(10);
  cache.use(1, 4);
  cache.use(2, 4);
  cache.use(1, 4);
  cache.use(3, 4);
  EXPECT_TRUE(cache.has(1));
  EXPECT_FALSE(cache.has(2));
  EXPECT_TRUE(cache.has(3));
}

}  // namespace
}  // namespace galley::bench
