#include "traces/openb.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "traces/arrivals.h"

namespace galley::bench {
namespace {

const std::filesystem::path kData = std::filesystem::path(GALLEY_SOURCE_DIR) / "data/traces/openb";

std::string node_error(const std::string& row) {
  const auto nodes = parse_openb_nodes("nodes.csv", "sn,cpu_milli,memory_mib,gpu,model\n" + row);
  return nodes ? "none" : describe(nodes.error());
}
std::string task_error(const std::string& row) {
  const auto tasks = parse_openb_tasks(
      "tasks.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + row);
  return tasks ? "none" : describe(tasks.error());
}

TEST(Openb, ReadsTheTraceThatComesWithGalley) {
  const auto trace = read_openb(kData, "default");
  ASSERT_TRUE(trace) << describe(trace.error());
  EXPECT_EQ(trace->nodes.size(), 1213U);
  EXPECT_EQ(gpu_capacity_milli(trace->nodes), 6'212'000);
  EXPECT_EQ(trace->tasks.size(), 8152U);
  std::int64_t asked = 0;
  for (const auto& task : trace->tasks) asked += gpu_request_milli(task);
  EXPECT_NEAR(static_cast<double>(asked), 6'086.8e3, 50);
}

TEST(Openb, ReadsTasksOfFiveColumnsAndModels) {
  const auto five = parse_openb_tasks(
      "tasks.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1000,2048,2,1000\n");
  ASSERT_TRUE(five);
  EXPECT_EQ((*five)[0].gpus, 2);
  const auto models = parse_openb_tasks(
      "tasks.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\na,1,1,1,460,T4|A10|T4\n");
  ASSERT_TRUE(models);
  EXPECT_EQ((*models)[0].models, (std::vector<std::string>{"A10", "T4"}));
}

TEST(Openb, RefusesBrokenRows) {
  EXPECT_EQ(node_error("n,64000,262144,2,P100\n"), "none");
  EXPECT_EQ(node_error("n,64000,262144,65,P100\n"),
            "nodes.csv:2: gpu is \"65\"; expected a whole number from 0 to 64");
  EXPECT_EQ(node_error("n,0,262144,0,\n"),
            "nodes.csv:2: cpu_milli is \"0\"; expected a whole number from 1 to 100000000");
  EXPECT_EQ(node_error("n,64000,262144,2,\n"),
            "nodes.csv:2: model is empty on a node with 2 GPUs; expected the GPUs' model");
  EXPECT_EQ(node_error(",64000,262144,0,\n"),
            "nodes.csv:2: sn is empty; expected the name of a node");
  EXPECT_EQ(task_error("t,1,1,0,0,\n"), "none");
  EXPECT_EQ(task_error("t,1,1,-1,0,\n"),
            "tasks.csv:2: num_gpu is \"-1\"; expected a whole number from 0 to 64");
  EXPECT_EQ(task_error("t,1,1,1,1000000000,\n"),
            "tasks.csv:2: gpu_milli is \"1000000000\"; expected a whole number from 0 to 1000");
  EXPECT_EQ(task_error("t,1,1,2,500,\n"),
            "tasks.csv:2: gpu_milli is 500 for 2 GPUs; expected 1000 for more than one GPU");
  EXPECT_EQ(task_error("t,1,1,1,0,\n"),
            "tasks.csv:2: gpu_milli is 0 for a task with GPUs; expected 1 to 1000");
  EXPECT_EQ(task_error("t,1,1,1,500,T4||A10\n"),
            "tasks.csv:2: gpu_spec names an empty model; expected models joined by |");
}

TEST(Openb, SaysWhichWorkloadsThereAre) {
  const auto trace = read_openb(kData, "defualt");
  ASSERT_FALSE(trace);
  EXPECT_EQ(trace.error().code, Errc::not_found);
  EXPECT_NE(trace.error().message.find("openb_pod_list_defualt.csv"), std::string::npos);
  EXPECT_NE(trace.error().hint.find("default"), std::string::npos);
  EXPECT_EQ(read_openb(kData / "nowhere", "default").error().code, Errc::not_found);
}

}  // namespace
}  // namespace galley::bench
