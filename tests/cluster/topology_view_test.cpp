#include "cluster/topology_view.h"

#include <gmock/gmock.h>

namespace galley::cluster {
namespace {

using ::testing::ElementsAre;

protocol::NodeRecord node(int gpus) {
  protocol::NodeRecord record;
  record.name = "n1";
  for (int i = 0; i < gpus; ++i) record.devices.push_back({.id = {}, .index = i, .model = "H100"});
  return record;
}

std::vector<std::string> states_of(const NodeView& view) {
  std::vector<std::string> states;
  for (const CellView& cell : view.cells) states.push_back(cell.level + " " + cell.state);
  return states;
}

TEST(TopologyView, MarksWhatIsUsedAndBad) {
  auto record = node(8);
  record.devices[0].job_id = JobId::trusted("job_1");
  record.devices[2].job_id = JobId::trusted("job_1");
  record.devices[3].job_id = JobId::trusted("job_1");
  record.devices[7].state = "out_of_service";
  record.topology = record_of(*forge_cells(8));

  const TopologyView view = view_of(std::vector{record});

  ASSERT_EQ(view.items.size(), 1U);
  EXPECT_EQ(view.items[0].source, "forged");
  EXPECT_THAT(states_of(view.items[0]),
              ElementsAre("pair part", "pair used", "pair free", "pair bad", "quad part",
                          "quad bad", "node bad"));
  EXPECT_THAT(view.items[0].sizes.after_repair, ElementsAre(8));
  EXPECT_THAT(view.fleet.one_cell, ElementsAre(1, 2, 4, 8));
}

TEST(TopologyView, ARecordThatCannotBeIsShownForged) {
  auto record = node(4);
  record.topology =
      protocol::TopologyRecord{"stated", {{.level = {}, .link = {}, .devices = {2, 9}}}};
  const TopologyView view = view_of(std::vector{record, node(0), node(70)});
  EXPECT_EQ(view.items[0].source, "forged");
  EXPECT_EQ(view.items[0].cells.size(), 3U);
  EXPECT_EQ(view.items[1].source, "");
  EXPECT_EQ(view.items[2].cells.size(), 0U);
  EXPECT_EQ(view.fleet.gpus, 4);
}

}  // namespace
}  // namespace galley::cluster
