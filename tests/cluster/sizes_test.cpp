#include "cluster/sizes.h"

#include <gmock/gmock.h>

namespace galley::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

FleetNode node(const std::string& name, const std::string& model, int gpus) {
  return {name, std::vector<std::string>(static_cast<std::size_t>(gpus), model),
          *forge_cells(gpus)};
}

TEST(NodeSizes, CellsAreGivenWholeAndTheRestAsSets) {
  const NodeSizes sizes = sizes_of_node(*forge_cells(8), 0);
  EXPECT_THAT(sizes.one_cell, ElementsAre(1, 2, 4, 8));
  EXPECT_THAT(sizes.several_cells, ElementsAre(3, 5, 6, 7));
  EXPECT_THAT(sizes.after_repair, IsEmpty());
}

TEST(NodeSizes, ABadGpuCostsTheCellsThatHoldIt) {
  const NodeSizes sizes = sizes_of_node(*forge_cells(8), 0b1000);
  EXPECT_THAT(sizes.one_cell, ElementsAre(1, 2, 4));
  EXPECT_THAT(sizes.several_cells, ElementsAre(3, 5, 6, 7));
  EXPECT_THAT(sizes.after_repair, ElementsAre(8));
  EXPECT_THAT(sizes_of_node(*forge_cells(4), 0b0101).one_cell, ElementsAre(1));
}

TEST(NodeSizes, OddNodes) {
  EXPECT_THAT(sizes_of_node(*forge_cells(3), 0).one_cell, ElementsAre(1, 2, 3));
  EXPECT_THAT(sizes_of_node(*forge_cells(6), 0).several_cells, ElementsAre(3, 5));
  EXPECT_THAT(sizes_of_node(*forge_cells(10), 0).several_cells, ElementsAre(3, 5, 6, 7, 9));
  EXPECT_EQ(sizes_of_node(*forge_cells(0), 0).gpus, 0);
}

TEST(NodeSizes, AStatedTreeWithoutPairsGivesNoPair) {
  const auto tree = tree_of_cells(8, TopologySource::stated, {{0x0F, {}, {}}, {0xF0, {}, {}}});
  EXPECT_THAT(sizes_of_node(*tree, 0).several_cells, ElementsAre(2, 3, 5, 6, 7));
}

TEST(FleetSizes, GroupsWhatIsAlike) {
  const std::vector<FleetNode> nodes{node("a", "H100", 8), node("b", "T4", 3), node("c", "H100", 8),
                                     node("cpu", "", 0)};

  const FleetSizes fleet = sizes_of_fleet(nodes);

  EXPECT_EQ(fleet.gpus, 19);
  EXPECT_EQ(fleet.largest_node, 8);
  EXPECT_THAT(fleet.one_cell, ElementsAre(1, 2, 3, 4, 8));
  EXPECT_THAT(fleet.several_cells, ElementsAre(5, 6, 7));
  ASSERT_EQ(fleet.node_types.size(), 2U);
  EXPECT_EQ(fleet.node_types[0].gpu_type, "H100");
  EXPECT_THAT(fleet.node_types[0].nodes, ElementsAre("a", "c"));
  EXPECT_THAT(fleet.node_types[1].sizes.one_cell, ElementsAre(1, 2, 3));
  ASSERT_EQ(fleet.gpu_types.size(), 2U);
  EXPECT_EQ(fleet.gpu_types[0].gpus, 16);
  EXPECT_EQ(fleet.gpu_types[0].largest_node, 8);
}

TEST(FleetSizes, AFleetWithoutGpusCanGiveNone) {
  const FleetSizes fleet = sizes_of_fleet({});
  EXPECT_EQ(fleet.largest_node, 0);
  EXPECT_THAT(fleet.one_cell, IsEmpty());
}

}  // namespace
}  // namespace galley::cluster
