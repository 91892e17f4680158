#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "worlds.h"

namespace galley::simulation {
namespace {

using ::testing::ElementsAre;

TEST(GalleyPolicy, RunsJobsAndGangsOfAllForms) {
  const Workload workload =
      workload_of({{0, 100, 1}, {0, 100, 8}, {0, 100, 12}, {5, 50, 24}}, cluster_of("4x8"));
  const Outcome outcome = run(workload, "galley");
  EXPECT_THAT(starts_of(outcome), ElementsAre(0, 0, 0, 100));
  EXPECT_FALSE(outcome.jobs[0].promise);
  ASSERT_TRUE(outcome.jobs[3].promise);
  EXPECT_LE(outcome.jobs[3].promise->early, outcome.jobs[3].promise->typical);
  EXPECT_LE(outcome.jobs[3].promise->typical, outcome.jobs[3].promise->late);
}

TEST(GalleyPolicy, KeepsProcessorsAndModels) {
  auto cluster = cluster_of("1xA100x8+1xH100x8");
  for (NodeType& type : cluster.node_types) type.cpus = 16;
  Trace trace = trace_of({{0, 100, 1}, {0, 100, 1}, {1, 100, 1}});
  for (Job& job : trace.jobs) job.cpus = 12;
  trace.jobs[2].gpu_type = "H100";
  const auto workload = prepare(std::move(trace), cluster);
  ASSERT_TRUE(workload);
  EXPECT_THAT(starts_of(run(*workload, "galley")), ElementsAre(0, 0, 100));
}

TEST(GalleyPolicy, GivesATeamItsOwnCellsInTime) {
  // b borrows a's node; when a's job comes, b is stopped and begins anew.
  const Workload workload = workload_of({{0, 1000, 8, "b"}, {1, 1000, 8, "b"}, {600, 50, 8, "a"}},
                                        cluster_of("2x8", {{"a", 8, 1}, {"b", 8, 1}}));
  const auto own = private_waits(workload);
  ASSERT_TRUE(own);
  const Outcome outcome = run(workload, "galley");
  const Metrics metrics = measure(workload, outcome, *own);
  EXPECT_EQ(to_ms(outcome.jobs[2].first_start) / 1000, 600);
  EXPECT_EQ(metrics.preemptions, 1);
  EXPECT_GT(metrics.lost_gpu_hours, 1);
  EXPECT_EQ(metrics.sharing_anomalies.count, 0);
}

TEST(GalleyPolicy, NeverMakesATeamWaitLongerThanInAClusterOfItsOwn) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Row> rows;
    std::int64_t at = 0;
    for (int i = 0; i < 200; ++i) {
      at += static_cast<std::int64_t>(random() % 120);
      constexpr std::array kSizes{1, 1, 1, 2, 4, 8, 16};
      rows.push_back({at, 10 + static_cast<std::int64_t>(random() % 3000),
                      kSizes[random() % kSizes.size()], std::string(1, "abc"[random() % 3])});
    }
    const Workload workload =
        workload_of(rows, cluster_of("4x8", {{"a", 8, 2}, {"b", 8, 1}, {"c", 8, 1}}));
    const auto own = private_waits(workload);
    ASSERT_TRUE(own);
    const Metrics metrics = measure(workload, run(workload, "galley"), *own);
    EXPECT_EQ(metrics.sharing_anomalies.count, 0)
        << "seed " << seed << ", up to " << metrics.sharing_anomalies.max_s << " s";
  }
}

}  // namespace
}  // namespace galley::simulation
