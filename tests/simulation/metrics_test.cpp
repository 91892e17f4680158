#include "simulation/metrics.h"

#include <gtest/gtest.h>

#include "worlds.h"

namespace galley::simulation {
namespace {

Metrics measured(const Workload& workload, std::string_view policy) {
  const auto own = private_waits(workload);
  EXPECT_TRUE(own);
  return measure(workload, run(workload, policy), *own);
}

TEST(Metrics, AreWhatAPersonComputes) {
  // One node of 8: A runs 0-100 on 8 GPUs, B waits 10-100 and runs to 150, C waits 20-100.
  const Workload workload =
      workload_of({{0, 100, 8, "a"}, {10, 50, 4, "b"}, {20, 100, 2, "b"}}, cluster_of("1x8"));
  const Metrics metrics = measured(workload, "fifo");

  EXPECT_EQ(metrics.jobs, 3);
  EXPECT_DOUBLE_EQ(metrics.mean_jct_s, (100.0 + 140 + 180) / 3);
  EXPECT_DOUBLE_EQ(metrics.jct_p50_s, 140);
  EXPECT_DOUBLE_EQ(metrics.mean_wait_s, (0.0 + 90 + 80) / 3);
  EXPECT_DOUBLE_EQ(metrics.by_size[2].mean_wait_s, 85);
  EXPECT_DOUBLE_EQ(metrics.by_size[3].p99_wait_s, 0);
  EXPECT_EQ(metrics.by_size[2].jobs, 2);
  EXPECT_DOUBLE_EQ(metrics.makespan_s, 200);
  // From 0 to 20, when jobs arrived, all GPUs were busy.
  EXPECT_DOUBLE_EQ(metrics.utilisation_pct, 100);
  EXPECT_DOUBLE_EQ(metrics.fragmentation_pct, 0);
  // Slowdowns: team a 1; team b (140/60 + 180/100) / 2, as jobs below a minute count as one.
  const double b = ((60.0 + 90) / 60 + 180.0 / 100) / 2;
  EXPECT_DOUBLE_EQ(metrics.fairness, (1 + b) * (1 + b) / (2 * (1 + b * b)));
  EXPECT_FALSE(metrics.start_interval_coverage_pct);
}

TEST(Metrics, WideJobsHaveTheirOwnTail) {
  const Workload workload = workload_of({{0, 100, 16}, {0, 10, 16}, {0, 10, 1}}, cluster_of("2x8"));
  EXPECT_DOUBLE_EQ(measured(workload, "fifo").p99_wait_16plus_s, 99);
}

TEST(Metrics, StrandedGpusAreThoseThatTypicalJobsCannotUse) {
  // Two jobs of 5 GPUs on two nodes leave 3 + 3, and all GPU time is of jobs that need 5.
  const Workload workload =
      workload_of({{0, 100, 5}, {0, 100, 5}, {50, 100, 5}}, cluster_of("2x8"));
  const Metrics metrics = measured(workload, "fifo");
  EXPECT_DOUBLE_EQ(metrics.utilisation_pct, 100.0 * 10 / 16);
  EXPECT_DOUBLE_EQ(metrics.fragmentation_pct, 100.0 * 6 / 16);
}

TEST(SharingAnomalies, AreWaitsBeyondThoseInTheTeamsOwnCells) {
  // Each team owns a node. In the shared queue b's job waits behind two of a's: 200 s; alone: 0.
  const std::vector<Row> rows{{0, 200, 8, "a"}, {1, 200, 8, "a"}, {2, 30, 8, "b"}};
  const Workload workload = workload_of(rows, cluster_of("2x8", {{"a", 8, 1}, {"b", 8, 1}}));
  const Metrics shared = measured(workload, "fifo-skip");
  EXPECT_EQ(shared.sharing_anomalies.count, 1);
  EXPECT_DOUBLE_EQ(shared.sharing_anomalies.max_s, 198);
  EXPECT_DOUBLE_EQ(shared.sharing_anomalies.sum_s, 198);
  EXPECT_EQ(shared.sharing_anomalies.count_by_team, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(measured(workload, "quota-bestfit").sharing_anomalies.count, 0);
}

TEST(SharingAnomalies, ComeFromFragmentsWhereQuotasAreCounts) {
  // Halves of a and b share two nodes; when b's have ended, its 8 GPUs are 4 and 4.
  const std::vector<Row> rows{{0, 300, 4, "a"}, {0, 10, 4, "b"},  {0, 300, 4, "a"},
                              {0, 10, 4, "b"},  {1, 300, 8, "c"}, {20, 30, 8, "b"}};
  const Workload workload =
      workload_of(rows, cluster_of("3x8", {{"a", 8, 1}, {"b", 8, 1}, {"c", 8, 1}}));
  for (const char* policy : {"quota-bestfit", "quota-packing"}) {
    const Anomalies found = measured(workload, policy).sharing_anomalies;
    EXPECT_EQ(found.count, 1) << policy;
    EXPECT_DOUBLE_EQ(found.max_s, 280) << policy;
  }
  EXPECT_EQ(measured(workload, "galley").sharing_anomalies.count, 0);
}

TEST(SharingAnomalies, AreNotCountedForJobsThatTheTeamsCellsCannotHold) {
  const Workload workload =
      workload_of({{0, 500, 16, "b"}, {1, 10, 16, "a"}}, cluster_of("2x8", {{"a", 8, 1}}));
  const auto own = private_waits(workload);
  ASSERT_TRUE(own);
  EXPECT_FALSE((*own)[0]);
  EXPECT_FALSE((*own)[1]);
}

TEST(Quantile, LiesBetweenItsNeighbours) {
  std::vector<double> values{4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(quantile(values, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 4);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 2.5);
  std::vector<double> none;
  EXPECT_DOUBLE_EQ(quantile(none, 0.5), 0);
}

}  // namespace
}  // namespace galley::simulation
