#include "node_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "cluster/topology_view.h"
#include "spec_file.h"
#include "topology.h"

namespace galley::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

Json node_of(int gpus) {
  protocol::NodeRecord record;
  record.name = "n1";
  record.zone = {"hall", "rack-1"};
  for (int i = 0; i < gpus; ++i) record.devices.push_back({.id = {}, .index = i, .model = "H100"});
  if (gpus > 4) {
    record.devices[1].job_id = JobId::trusted("job_1");
    record.devices[5].state = "out_of_service";
  }
  return protocol::print_struct(cluster::view_of(std::vector{record}));
}

TEST(NodeTree, DrawsLevelsLinksGpusAndMarks) {
  const Json view = node_of(6);
  EXPECT_EQ(node_tree(view["items"][0], {}),
            "n1  6 × H100  cells forged  in hall / rack-1\n"
            "node          GPU 0-5  ○●○○○×\n"
            "├─ quad       GPU 0-3  ○●○○\n"
            "│  ├─ pair    GPU 0,1  ○●\n"
            "│  └─ pair    GPU 2,3  ○○\n"
            "└─ pair       GPU 4,5  ○×\n"
            "sizes that wait for a repair: 6\n");
}

TEST(NodeTree, ShowsSingleGpusBesideCells) {
  EXPECT_THAT(node_tree(node_of(3)["items"][0], {}), EndsWith("├─ pair    GPU 0,1  ○○\n"
                                                              "└─ gpu     GPU 2    ○\n"));
  EXPECT_THAT(node_tree(node_of(1)["items"][0], {}), EndsWith("gpu    GPU 0  ○\n"));
  EXPECT_EQ(node_tree(node_of(0)["items"][0], {}), "n1  no GPUs\n");
}

TEST(NodeTree, FitsTheTerminal) {
  const Json view = node_of(64);
  for (const std::size_t width : {20U, 30U, 40U, 80U}) {
    const std::string text = node_tree(view["items"][0], {.width = width});
    for (const std::string_view line : split(text, '\n'))
      EXPECT_LE(display_width(line), width) << line;
  }
}

TEST(NodeTree, TakesWhatAnotherVersionSends) {
  EXPECT_EQ(node_tree(Json{{"name", "n\x1b[2J"}}, {}), "n [2J  no GPUs\n");
  const Json odd{{"name", "n"},
                 {"devices", Json::array({1, {{"index", 0}}})},
                 {"cells", Json::array({{{"devices", {0, 1, 7}}}, {{"devices", "x"}}})}};
  EXPECT_THAT(node_tree(odd, {}), HasSubstr("○○○"));
  EXPECT_THAT(fleet_sizes(Json(), {}), HasSubstr("no node has a GPU"));
}

TEST(FleetSizes, EndWithWhatCanNeverRun) {
  EXPECT_EQ(fleet_sizes(node_of(6)["fleet"], {}),
            "Sizes of jobs, in GPUs\n"
            "  6 × H100  on n1\n"
            "    as one cell             1,2,4,6\n"
            "    only as several cells   3,5\n"
            "    never on one node       more than 6\n"
            "  all H100\n"
            "    never                   more than 6\n");
}

TEST(TopologyExample, IsATopologyAndIsTheFileInExamples) {
  const auto file = parse_spec_text("topology.yaml", topology_example());
  ASSERT_TRUE(file) << file.error().message;
  const auto topology = cluster::parse_topology_file(file->json);
  ASSERT_TRUE(topology) << describe(topology.error());
  EXPECT_EQ(cluster::stated_node(*topology, "gpu-7")->zone.size(), 2U);
  const auto shipped = read_file(GALLEY_EXAMPLES "/topology.yaml", 1 << 16);
  ASSERT_TRUE(shipped) << describe(shipped.error());
  EXPECT_EQ(*shipped, topology_example());
}

TEST(TopologySchema, IsASchemaOfEveryField) {
  const auto schema = parse_json(topology_schema());
  ASSERT_TRUE(schema);
  EXPECT_EQ((*schema)["properties"]["node_types"]["items"]["properties"]["cells"]["type"], "array");
  EXPECT_EQ((*schema)["required"], Json::array({"kind", "version"}));
}

}  // namespace
}  // namespace galley::cli
