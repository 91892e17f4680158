#include "faults/faults_bench.h"

#include <gtest/gtest.h>

namespace galley::bench {
namespace {

TEST(FaultsBench, FindsTheHardwareAndBlamesNothingElse) {
  const auto report = run_faults_bench(
      {.data = std::filesystem::path(GALLEY_SOURCE_DIR) / "data/faults", .seeds = 3});
  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_GE(report->figures.at("recorded"), 60);
  EXPECT_GE(report->figures.at("hardware_recall_pct"), 99);
  EXPECT_EQ(report->figures.at("false_exclusions"), 0);
  EXPECT_LE(report->figures.at("exclusion_s_max"), 10);
}

TEST(FaultsBench, SaysWhereThereAreNoCases) {
  const auto report = run_faults_bench({.data = "/nonexistent", .seeds = 1});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::not_found);
}

}  // namespace
}  // namespace galley::bench
