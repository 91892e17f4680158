#include "cluster/topology.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "matrices.h"

namespace galley::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace example = testing;

std::vector<int> numbers(int count) {
  std::vector<int> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

/// "pair NV12 0,1" for each cell.
std::vector<std::string> lines_of(const CellTree& tree) {
  std::vector<std::string> lines;
  for (const Cell& cell : tree.cells)
    lines.push_back(cell.level + " " + to_string(cell.link) + " " + list_of_devices(cell.devices));
  return lines;
}

std::vector<std::string> discovered(const char* text, const std::vector<int>& indices) {
  const auto matrix = parse_topo_matrix(text);
  EXPECT_TRUE(matrix) << matrix.error().message;
  const auto tree = derive_cells(*matrix, indices);
  EXPECT_TRUE(tree) << tree.error().message;
  return lines_of(*tree);
}

TEST(TopoMatrix, ReadsTheGpusOfAMachineWithNetworkCards) {
  const auto matrix = parse_topo_matrix(example::kDgxA100);

  ASSERT_TRUE(matrix) << matrix.error().message;
  EXPECT_EQ(matrix->indices, numbers(8));
  ASSERT_EQ(matrix->links.size(), 64U);
  EXPECT_EQ(matrix->links[7], (Link{LinkKind::nvlink, 12}));
}

TEST(TopoMatrix, ReadsAPastedOneWithBlanks) {
  std::string text = example::kTwoSocketPcie;
  std::ranges::replace(text, '\t', ' ');

  const auto matrix = parse_topo_matrix(text);

  ASSERT_TRUE(matrix) << matrix.error().message;
  EXPECT_EQ(matrix->links, parse_topo_matrix(example::kTwoSocketPcie)->links);
}

TEST(TopoMatrix, AWordOfNoLinkIsAnUnknownOne) {
  const auto matrix = parse_topo_matrix("\tGPU0\tGPU1\nGPU0\tX\tUnknown Error\nGPU1\tN/A\tX\n");

  ASSERT_TRUE(matrix) << matrix.error().message;
  EXPECT_EQ(matrix->links[1].kind, LinkKind::unknown);
  EXPECT_EQ(matrix->links[2].kind, LinkKind::unknown);
}

TEST(TopoMatrix, RefusesWhatIsNone) {
  const auto message_of = [](std::string_view text) {
    const auto matrix = parse_topo_matrix(text);
    return matrix ? std::string("accepted") : matrix.error().message;
  };
  EXPECT_THAT(message_of(""), HasSubstr("without a column"));
  EXPECT_THAT(message_of("NVIDIA-SMI has failed\n"), HasSubstr("without a column"));
  EXPECT_THAT(message_of("\tGPU0\tGPU1\nGPU0\tX\tPIX\n"), HasSubstr("without a row of GPU1"));
  EXPECT_THAT(message_of("\tGPU0\tGPU1\nGPU0\tX\n"), HasSubstr("ends before the column of GPU1"));
  EXPECT_THAT(message_of("\tGPU0\tGPU0\n"), HasSubstr("two columns for GPU0"));
  EXPECT_THAT(message_of("\tGPU0\nGPU0\tX\nGPU0\tX\n"), HasSubstr("second row of GPU0"));
  EXPECT_THAT(message_of("\tGPU0\nGPU8\tX\n"), HasSubstr("GPU8, which has no column"));
  EXPECT_THAT(message_of("\tGPU0\tGPU1\nGPU0\tPIX\tX\n"), HasSubstr("'PIX' from GPU0 to GPU0"));
}

TEST(TopoMatrix, RefusesMoreGpusThanCellsCanName) {
  std::string header;
  for (int i = 0; i < 65; ++i) header += "\tGPU" + std::to_string(i);
  const auto matrix = parse_topo_matrix(header + "\n");
  ASSERT_FALSE(matrix);
  EXPECT_EQ(matrix.error().code, Errc::too_large);
  EXPECT_THAT(matrix.error().message, HasSubstr("65 GPUs; cells can name 64"));
}

TEST(DeriveCells, HalvesWhatIsLinkedAlike) {
  EXPECT_THAT(discovered(example::kDgxA100, numbers(8)),
              ElementsAre("pair NV12 0,1", "pair NV12 2,3", "pair NV12 4,5", "pair NV12 6,7",
                          "quad NV12 0-3", "quad NV12 4-7", "node NV12 0-7"));
}

TEST(DeriveCells, FollowsSwitchesAndSockets) {
  EXPECT_THAT(discovered(example::kTwoSocketPcie, numbers(8)),
              ElementsAre("pair PIX 0,1", "pair PIX 2,3", "pair PIX 4,5", "pair PIX 6,7",
                          "quad PXB 0-3", "quad PXB 4-7", "node SYS 0-7"));
}

TEST(DeriveCells, PairsWhatABridgeJoins) {
  EXPECT_THAT(discovered(example::kNvlinkPairs, numbers(4)),
              ElementsAre("pair NV4 0,2", "pair NV4 1,3", "node PHB 0-3"));
}

TEST(DeriveCells, TwoGpusAreOneNodeAndOneIsNoCell) {
  EXPECT_THAT(discovered(example::kTwoT4, numbers(2)), ElementsAre("node PHB 0,1"));
  EXPECT_THAT(discovered(example::kSingle, numbers(1)), IsEmpty());
}

TEST(DeriveCells, FindsTheHalvesOfACube) {
  EXPECT_THAT(discovered(example::kDgx1, numbers(8)),
              ElementsAre("pair NV2 0,3", "pair NV2 1,2", "pair NV2 4,7", "pair NV2 5,6",
                          "quad NV1 0-3", "quad NV1 4-7", "node SYS 0-7"));
}

TEST(DeriveCells, KeepsTheThreeOfASocketTogether) {
  EXPECT_THAT(discovered(example::kSixOnTwoSockets, numbers(6)),
              ElementsAre("pair NODE 0,1", "pair NODE 3,4", "triple NODE 0-2", "triple NODE 3-5",
                          "node SYS 0-5"));
}

TEST(DeriveCells, PlacesAreThoseOfTheNodesList) {
  // GPU 2 fell off the bus: the driver's numbers have a hole, the places have none.
  EXPECT_THAT(discovered(example::kTwoSocketPcie, {0, 1, 3, 4, 5, 6, 7}),
              ElementsAre("pair PIX 0,1", "pair PIX 3,4", "pair PIX 5,6", "triple PXB 0-2",
                          "quad PXB 3-6", "node SYS 0-6"));
}

TEST(DeriveCells, AGpuOutsideTheMatrixIsFarFromAll) {
  EXPECT_THAT(discovered(example::kNvlinkPairs, numbers(5)),
              ElementsAre("pair NV4 0,2", "pair NV4 1,3", "quad PHB 0-3", "node  0-4"));
}

TEST(DeriveCells, AnAsymmetricMatrixCountsTheWorseDirection) {
  const auto matrix = parse_topo_matrix("\tGPU0\tGPU1\nGPU0\tX\tNV2\nGPU1\tSYS\tX\n");
  ASSERT_TRUE(matrix);
  EXPECT_THAT(lines_of(*derive_cells(*matrix, numbers(2))), ElementsAre("node SYS 0,1"));
}

TEST(ForgeCells, OddNodesGetTheLargestPowerOfTwoAndTheRest) {
  EXPECT_THAT(lines_of(*forge_cells(3)), ElementsAre("pair  0,1", "node  0-2"));
  EXPECT_THAT(lines_of(*forge_cells(6)),
              ElementsAre("pair  0,1", "pair  2,3", "pair  4,5", "quad  0-3", "node  0-5"));
  EXPECT_THAT(lines_of(*forge_cells(10)),
              ElementsAre("pair  0,1", "pair  2,3", "pair  4,5", "pair  6,7", "pair  8,9",
                          "quad  0-3", "quad  4-7", "octet  0-7", "node  0-9"));
  EXPECT_THAT(forge_cells(0)->cells, IsEmpty());
  EXPECT_EQ(forge_cells(64)->cells.size(), 63U);
  ASSERT_FALSE(forge_cells(65));
  EXPECT_THAT(forge_cells(65).error().message, HasSubstr("65 GPUs; cells can name 64"));
}

TEST(TreeOfCells, OrdersAndCompletes) {
  const auto tree = tree_of_cells(4, TopologySource::stated,
                                  {{0b1100, "island", {LinkKind::pix, 0}},
                                   {0b0011, {}, {}},
                                   {0b0001, {}, {}},
                                   {0b0011, {}, {}}});
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_THAT(lines_of(*tree), ElementsAre("pair  0,1", "island PIX 2,3", "node  0-3"));
}

TEST(TreeOfCells, RefusesOverlapsAndStrangers) {
  const auto overlapping =
      tree_of_cells(4, TopologySource::stated, {{0b0111, {}, {}}, {0b1100, {}, {}}});
  ASSERT_FALSE(overlapping);
  EXPECT_EQ(overlapping.error().message,
            "the cells 2,3 and 0-2 share GPU 2, and neither holds the other");
  const auto stranger = tree_of_cells(2, TopologySource::stated, {{0b110, {}, {}}});
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().message, "a cell holds GPU 2 of a node that has 2 GPUs");
}

TEST(TopologyRecord, ReadsBackWhatItPrints) {
  const auto tree = derive_cells(*parse_topo_matrix(example::kDgx1), numbers(8));
  const auto record = record_of(*tree);
  EXPECT_EQ(record.source, "discovered");
  EXPECT_EQ(record.cells.front(),
            (protocol::CellRecord{.level = "pair", .link = "NV2", .devices = {0, 3}}));
  const auto again = tree_of(record, 8);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *tree);
  EXPECT_FALSE(
      tree_of({.source = "stated", .cells = {{.level = {}, .link = {}, .devices = {64}}}}, 8));
}

}  // namespace
}  // namespace galley::cluster
