#include "simulation/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulation/workload.h"
#include "worlds.h"

namespace galley::simulation {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Cluster, HasAShortForm) {
  const auto cluster = parse_cluster("64x8 + 4xRTX 4090x2");
  ASSERT_TRUE(cluster) << describe(cluster.error());
  EXPECT_EQ(cluster->node_count(), 68);
  EXPECT_EQ(cluster->gpu_count(), 520);
  EXPECT_EQ(cluster->largest_node("rtx"), 2);
  EXPECT_EQ(cluster->largest_node("4090 RTX"), 2);
  EXPECT_EQ(cluster->largest_node("H100"), 0);
}

TEST(Cluster, RefusesWhatIsNoneAndSaysWhatIs) {
  for (const char* text : {"0x8", "64x0", "", "64", "x8", "64x", "-1x8", "64x65", "1000000x8",
                           "64x8+", "4xx8", "9999999999999999999x8", "60000x8+60000x8"}) {
    const auto cluster = parse_cluster(text);
    ASSERT_FALSE(cluster) << text;
    EXPECT_THAT(describe(cluster.error()), HasSubstr("NODESxGPUS such as 64x8")) << text;
  }
}

TEST(ClusterFile, StatesNodesTeamsAndGuarantees) {
  const auto cluster = parse_cluster_json(
      R"({"kind":"cluster","version":1,"nodes":[{"count":2,"gpus":8,"gpu_model":"H100",
          "gpu_memory":"80GiB","cpus":64,"memory":"1TiB","zone":["a"]}],
          "teams":[{"name":"nlp","weight":2,"guarantees":[{"gpu_type":"H100","gpus":4,"count":3}]}]})");
  ASSERT_TRUE(cluster) << describe(cluster.error());
  EXPECT_EQ(cluster->node_types[0].memory_bytes, std::int64_t{1} << 40);
  EXPECT_EQ(cluster->teams[0].weight, 2);
  EXPECT_EQ(private_cluster(*cluster, "nlp").gpu_count(), 12);
  EXPECT_EQ(private_cluster(*cluster, "other").gpu_count(), 0);
}

std::string file_error(const std::string& text) {
  const auto cluster = parse_cluster_json(text);
  return cluster ? "accepted" : describe(cluster.error());
}

TEST(ClusterFile, NamesTheFieldThatIsWrong) {
  const std::string begin = R"({"kind":"cluster","version":1,"nodes":[{"count":2,"gpus":8}])";
  EXPECT_THAT(file_error(begin + R"(,"colour":1})"), HasSubstr("colour"));
  EXPECT_THAT(file_error(R"({"kind":"job","version":1,"nodes":[{"gpus":8}]})"), HasSubstr("kind"));
  EXPECT_THAT(file_error(R"({"kind":"cluster","version":1,"nodes":[{"gpus":65}]})"),
              HasSubstr("nodes[0].gpus"));
  EXPECT_THAT(file_error(begin + R"(,"teams":[{"name":"a","weight":0}]})"),
              HasSubstr("teams[0].weight"));
  EXPECT_THAT(file_error(begin + R"(,"teams":[{"name":"a"},{"name":"a"}]})"), HasSubstr("twice"));
}

TEST(ClusterFile, RefusesQuotasAboveCapacityWithBothNumbers) {
  const std::string begin = R"({"kind":"cluster","version":1,"nodes":[{"count":2,"gpus":8}],)";
  EXPECT_THAT(file_error(begin + R"("teams":[{"name":"a","guarantees":[{"gpus":8,"count":3}]}]})"),
              AllOf(HasSubstr("24"), HasSubstr("16")));
  EXPECT_THAT(file_error(begin + R"("teams":[{"name":"a","guarantees":[{"gpus":16,"count":1}]}]})"),
              HasSubstr("cells of 16 GPUs"));
  EXPECT_THAT(
      file_error(
          begin +
          R"("teams":[{"name":"a","guarantees":[{"gpu_type":"B200","gpus":8,"count":1}]}]})"),
      HasSubstr("B200"));
}

TEST(GuaranteeByShare, GivesWholeNodesByLargestRemainder) {
  // 70, 20 and 10 GPU seconds of 4 nodes: 2.8, 0.8 and 0.4.
  const Trace trace = trace_of({{0, 70, 1, "a"}, {0, 20, 1, "b"}, {0, 5, 2, "c"}});
  Cluster cluster = cluster_of("4x8");
  guarantee_by_share(cluster, trace);
  EXPECT_EQ(private_cluster(cluster, "a").gpu_count(), 24);
  EXPECT_EQ(private_cluster(cluster, "b").gpu_count(), 8);
  EXPECT_EQ(private_cluster(cluster, "c").gpu_count(), 0);
  EXPECT_TRUE(check_guarantees(cluster));
}

TEST(Shapes, CutBigJobsIntoWholeNodesAndARest) {
  const Cluster cluster = cluster_of("4x8");
  const auto members = [&](std::int32_t gpus) {
    Job job;
    job.gpus = gpus;
    job.may_be_cut = true;
    return shape_on(cluster, job).members;
  };
  EXPECT_THAT(members(8), ElementsAre(8));
  EXPECT_THAT(members(12), ElementsAre(8, 4));
  EXPECT_THAT(members(32), ElementsAre(8, 8, 8, 8));
}

TEST(Prepare, LeavesOutWhatTheClusterCouldNeverHold) {
  const auto workload = prepare(trace_of({{0, 1, 16}, {0, 1, 24}}), cluster_of("2x8"));
  ASSERT_TRUE(workload);
  EXPECT_EQ(workload->trace.jobs.size(), 1U);
  EXPECT_EQ(workload->jobs_left_out, 1);
  EXPECT_FALSE(prepare(trace_of({{0, 1, 24}}), cluster_of("2x8")));
}

}  // namespace
}  // namespace galley::simulation
