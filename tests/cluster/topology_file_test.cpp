#include "cluster/topology_file.h"

#include <gmock/gmock.h>

namespace galley::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json type(Json cells, int gpus = 8) {
  return {{"name", "t"}, {"nodes", {"n-*"}}, {"gpus", gpus}, {"cells", std::move(cells)}};
}

Json file(Json node_types, Json zones = Json::array()) {
  return {{"kind", "topology"},
          {"version", 1},
          {"node_types", std::move(node_types)},
          {"zones", std::move(zones)}};
}

Json one_type(Json cells, int gpus = 8) {
  return file(Json::array({type(std::move(cells), gpus)}));
}

Json zone(const std::string& name, const std::string& in, const std::vector<std::string>& nodes) {
  Json json{{"name", name}, {"nodes", nodes}};
  if (!in.empty()) json["in"] = in;
  return json;
}

std::vector<std::string> cells_of_node(const Json& json) {
  const auto parsed = parse_topology_file(json);
  EXPECT_TRUE(parsed) << describe(parsed.error());
  if (!parsed) return {};
  const auto stated = stated_node(*parsed, "n-1");
  EXPECT_TRUE(stated && stated->tree);
  std::vector<std::string> lines;
  for (const Cell& cell : stated->tree->cells)
    lines.push_back(cell.level + " " + to_string(cell.link) + " " + list_of_devices(cell.devices));
  return lines;
}

void expect_refused(const Json& json, const std::string& field, const std::string& message,
                    const std::string& expected) {
  const auto parsed = parse_topology_file(json);
  ASSERT_FALSE(parsed) << json.dump();
  EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  EXPECT_EQ(parsed.error().field, field);
  EXPECT_THAT(parsed.error().message, HasSubstr(message));
  EXPECT_THAT(parsed.error().expected, HasSubstr(expected));
}

TEST(TopologyFile, ReadsListsInLists) {
  EXPECT_THAT(cells_of_node(one_type({{{0, 1}, {2, 3}}, {4, 5, 6, 7}})),
              ElementsAre("pair  0,1", "pair  2,3", "quad  0-3", "quad  4-7", "node  0-7"));
  EXPECT_THAT(cells_of_node(one_type({{0, 2}, 1}, 3)), ElementsAre("pair  0,2", "node  0-2"));
  EXPECT_THAT(cells_of_node(one_type(Json::array(), 3)), ElementsAre("node  0-2"));
}

TEST(TopologyFile, ReadsGroupsWithTheirNamesAndLinks) {
  EXPECT_THAT(cells_of_node(one_type(Json::array({{{"gpus", {0, 1, 2}}, {"level", "socket"}},
                                                  {{"gpus", {1, 2}}, {"link", "NV4"}}}),
                                     4)),
              ElementsAre("pair NV4 1,2", "socket  0-2", "node  0-3"));
}

TEST(TopologyFile, WithoutCellsTheyAreDiscovered) {
  Json json = one_type({});
  json["node_types"][0].erase("cells");
  const auto parsed = parse_topology_file(json);
  ASSERT_TRUE(parsed) << describe(parsed.error());
  const auto stated = stated_node(*parsed, "n-1");
  ASSERT_TRUE(stated);
  EXPECT_FALSE(stated->tree);
  EXPECT_EQ(stated->gpus, 8);
}

TEST(TopologyFile, RefusesAGpuInTwoCells) {
  expect_refused(one_type({{0, 1}, {1, 2}}), "node_types[0].cells[1][0]",
                 "GPU 1 is in a second cell; the first is node_types[0].cells[0][1]",
                 "each GPU at one place");
  expect_refused(one_type(Json::array({{{"gpus", {3, 3}}}})), "node_types[0].cells[0].gpus[1]",
                 "GPU 3 is in the cell twice", "once");
}

TEST(TopologyFile, RefusesCellsThatOverlap) {
  expect_refused(one_type(Json::array({{{"gpus", {0, 1, 2}}}, {{"gpus", {2, 3}}}})),
                 "node_types[0].cells[1].gpus",
                 "the cell 2,3 and node_types[0].cells[0], 0-2, share GPU 2",
                 "one holds the other");
}

TEST(TopologyFile, RefusesGpusThatDoNotExist) {
  expect_refused(one_type({{0, 4}}, 4), "node_types[0].cells[0][1]",
                 "GPU 4 does not exist: the node type has 4 GPUs", "0 to 3");
  expect_refused(one_type({{-1, 0}}, 4), "node_types[0].cells[0][0]", "GPU -1", "0 to 3");
  expect_refused(one_type({{0, 1e18}}, 4), "node_types[0].cells[0][1]", "found 1e+18", "number");
  expect_refused(one_type({{0, std::uint64_t{1} << 63}}, 4), "node_types[0].cells[0][1]",
                 "9223372036854775808", "0 to 3");
  expect_refused(one_type({0}, 0), "node_types[0].cells[0]", "has 0 GPUs", "no GPU");
  expect_refused(one_type({}, 65), "node_types[0].gpus", "65", "64");
}

TEST(TopologyFile, RefusesCellsOfAnotherForm) {
  expect_refused(one_type("0-3"), "node_types[0].cells", "found \"0-3\"", "a list");
  expect_refused(one_type(Json::array({Json::array()})), "node_types[0].cells[0]", "empty", "GPUs");
  expect_refused(one_type(Json::array({Json::array({"a", 1})})), "node_types[0].cells[0][0]",
                 "found \"a\"", "number");
  expect_refused(one_type(Json::array({{{"gpus", {0, 1}}, {"link", "WIFI"}}})),
                 "node_types[0].cells[0].link", "WIFI", "PIX");
  expect_refused(one_type(Json::array({{{"gpu", {0, 1}}}})), "node_types[0].cells[0].gpu",
                 "unknown field", "");
  Json deep = Json::array({0});
  for (int i = 0; i < 40; ++i) deep = Json::array({deep});
  expect_refused(one_type(deep), "node_types[0].cells[0][0][0][0][0][0][0][0][0]", "8 deep",
                 "less");
}

TEST(TopologyFile, RefusesZonesThatLieInThemselves) {
  expect_refused(file(Json::array(), {zone("a", "b", {}), zone("b", "c", {}), zone("c", "a", {})}),
                 "zones[0].in", "a zone lies inside itself: a in b in c in a", "end outside");
  expect_refused(file(Json::array(), Json::array({zone("a", "a", {})})), "zones[0].in", "a in a",
                 "end outside");
}

TEST(TopologyFile, RefusesNamesThatNobodyHas) {
  const auto parsed = parse_topology_file(
      file(Json::array(), {zone("rack-1", "hal-a", {"n-1"}), zone("hall-a", "", {})}));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().field, "zones[0].in");
  EXPECT_THAT(parsed.error().hint, HasSubstr("hall-a"));
  Json wrong = one_type({{0, 1}});
  wrong["node_types"][0]["nodes"] = {"gpu-1", "gpu-2"};
  wrong["zones"] = Json::array({zone("rack", "", {"gpu-1", "gpu-3"})});
  expect_refused(wrong, "zones[0].nodes[1]", "no node type has a node 'gpu-3'", "pattern");
}

TEST(TopologyFile, RefusesWhatIsNoTopology) {
  expect_refused(Json{{"kind", "job"}, {"version", 1}, {"zones", Json::array()}}, "kind", "job",
                 "topology");
  expect_refused(file(Json::array()), "node_types", "neither", "one of them");
  expect_refused(Json{{"kind", "topology"}, {"version", 2}}, "version", "2", "1");
  Json twice = one_type({{0, 1}});
  twice["node_types"].push_back(type({{0, 1}}));
  expect_refused(twice, "node_types[1].name", "also the name of node_types[0]", "own");
}

TEST(StatedNode, HasTheZonesFromTheOutsideIn) {
  const auto parsed = parse_topology_file(
      file(Json::array(), {zone("rack-1", "island-a", {"n-1", "n-2"}), zone("hall", "", {"n-*"}),
                           zone("island-a", "hall", {})}));
  ASSERT_TRUE(parsed) << describe(parsed.error());
  EXPECT_THAT(stated_node(*parsed, "n-1")->zone, ElementsAre("hall", "island-a", "rack-1"));
  EXPECT_THAT(stated_node(*parsed, "n-7")->zone, ElementsAre("hall"));
}

TEST(StatedNode, RefusesAnUnknownNodeAndTwoAnswers) {
  Json json = file(Json::array({type({{0, 1}})}), {zone("a", "", {"n-1"}), zone("b", "", {"n-*"})});
  auto parsed = parse_topology_file(json);
  ASSERT_TRUE(parsed) << describe(parsed.error());
  const auto unknown = stated_node(*parsed, "m-1");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::not_found);
  EXPECT_THAT(unknown.error().message, HasSubstr("says nothing of node 'm-1'"));
  const auto two_zones = stated_node(*parsed, "n-1");
  ASSERT_FALSE(two_zones);
  EXPECT_THAT(two_zones.error().message, HasSubstr("zones 'a' and 'b'"));

  json["node_types"].push_back({{"name", "u"}, {"nodes", {"n-2"}}, {"gpus", 1}});
  parsed = parse_topology_file(json);
  ASSERT_TRUE(parsed) << describe(parsed.error());
  const auto two_types = stated_node(*parsed, "n-2");
  ASSERT_FALSE(two_types);
  EXPECT_THAT(two_types.error().message, HasSubstr("node types 't' and 'u'"));
}

TEST(StatedNode, MustHaveAsManyGpusAsTheFileSays) {
  const auto parsed = parse_topology_file(one_type({{0, 1}}, 8));
  const auto stated = stated_node(*parsed, "n-1");
  EXPECT_TRUE(check_device_count(*stated, "n-1", 8));
  const auto wrong = check_device_count(*stated, "n-1", 7);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().field, "node_types[0].gpus");
  EXPECT_EQ(wrong.error().message, "the topology file states 8 GPUs for node 'n-1', which has 7");
  EXPECT_EQ(wrong.error().expected, "7");
}

TEST(Patterns, StandForTextAndForOneByte) {
  EXPECT_TRUE(matches_pattern("gpu-17", "gpu-*"));
  EXPECT_TRUE(matches_pattern("gpu-17", "*-1?"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_TRUE(matches_pattern("abcbc", "a*bc"));
  EXPECT_FALSE(matches_pattern("gpu-17", "gpu-?"));
  EXPECT_FALSE(matches_pattern("gpu", "gpu-*"));
}

}  // namespace
}  // namespace galley::cluster
