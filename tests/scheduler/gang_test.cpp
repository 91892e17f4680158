#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "scheduler/placer.h"

namespace galley::scheduler {
namespace {

NodeSpec node(int gpus, std::vector<std::string> zone = {}) {
  NodeSpec spec{.cpu_milli = 64'000,
                .memory_mib = 262'144,
                .devices = {},
                .cells = {},
                .zone = std::move(zone)};
  spec.devices.assign(static_cast<std::size_t>(gpus),
                      {.model = "A100", .memory_mib = 40'960, .shareable = false});
  return spec;
}

Request gpus(int count) {
  return {.cpu_milli = 1'000, .memory_mib = 1'024, .gpus = count, .models = {}};
}

std::vector<std::size_t> nodes_of(const std::vector<Choice>& choices) {
  std::vector<std::size_t> nodes;
  for (const auto& choice : choices) nodes.push_back(static_cast<std::size_t>(choice.grant.node));
  return nodes;
}

double spread_s(const std::vector<Choice>& choices) {
  double sum = 0;
  for (const auto& choice : choices) sum += choice.terms.spread_s;
  return sum;
}

TEST(ChooseGang, TakesAllOrNothing) {
  Pool pool;
  for (int n = 0; n < 3; ++n) pool.add_node(node(8));
  const Placer placer;
  EXPECT_FALSE(placer.choose_gang(pool, std::vector(4, gpus(8))));
  const auto gang = placer.choose_gang(pool, std::vector(3, gpus(8)));
  ASSERT_TRUE(gang);
  for (const auto& choice : *gang) pool.take(gpus(8), choice.grant);
  EXPECT_EQ(pool.highest_bucket(), 0U);
  EXPECT_TRUE(placer.choose_gang(pool, {})->empty());
}

TEST(ChooseGang, StaysInOneZoneThatSuffices) {
  Pool pool;
  for (const auto* rack : {"a", "a", "b", "b", "b", "c", "c", "c", "c"})
    pool.add_node(node(8, {"hall", rack}));
  const Placer placer;
  const auto two = placer.choose_gang(pool, std::vector(2, gpus(8)));
  EXPECT_EQ(nodes_of(*two), (std::vector<std::size_t>{0, 1})) << "the fullest rack that suffices";
  EXPECT_EQ(spread_s(*two), 0);
  const auto four = placer.choose_gang(pool, std::vector(4, gpus(8)));
  EXPECT_EQ(nodes_of(*four), (std::vector<std::size_t>{5, 6, 7, 8}));
}

TEST(ChooseGang, CrossesTheFewestZonesAndSaysWhatThatCosts) {
  Pool pool;
  for (const auto* rack : {"a", "b", "b", "c", "c", "c"}) pool.add_node(node(8, {"hall", rack}));
  const Placer placer({.stranded_gpu_s = 600, .broken_cell_s = 5, .zone_s = 60});
  const auto gang = placer.choose_gang(pool, std::vector(4, gpus(8)));
  ASSERT_TRUE(gang);
  const auto nodes = nodes_of(*gang);
  EXPECT_EQ((std::set<std::size_t>{nodes.begin(), nodes.end()}),
            (std::set<std::size_t>{0, 3, 4, 5}))
      << "all of rack c, and the fullest rack that holds the rest";
  EXPECT_EQ(spread_s(*gang), 60) << "one further rack of the same hall";
}

TEST(ChooseGang, PrefersTheNearerHall) {
  Pool pool;
  pool.add_node(node(8, {"north", "a"}));
  pool.add_node(node(8, {"south", "b"}));
  pool.add_node(node(8, {"south", "c"}));
  const Placer placer;
  const auto gang = placer.choose_gang(pool, std::vector(2, gpus(8)));
  EXPECT_EQ(nodes_of(*gang), (std::vector<std::size_t>{1, 2}));
}

TEST(ChooseGang, GivesEachMemberANodeOfItsOwnWhileThereAreSome) {
  Pool pool;
  for (int n = 0; n < 3; ++n) pool.add_node(node(8));
  const Placer placer;
  const auto three = placer.choose_gang(pool, std::vector(3, gpus(2)));
  const auto nodes = nodes_of(*three);
  EXPECT_EQ((std::set<std::size_t>{nodes.begin(), nodes.end()}).size(), 3U);

  const auto twelve = placer.choose_gang(pool, std::vector(12, gpus(2)));
  ASSERT_TRUE(twelve) << "four on each node";
  for (const auto& choice : *twelve) pool.take(gpus(2), choice.grant);
  EXPECT_EQ(pool.idle_milli(), 0);
  EXPECT_FALSE(placer.choose_gang(pool, std::vector(1, gpus(1))));
}

TEST(ChooseGang, KeepsTheOrderOfUnequalMembers) {
  Pool pool;
  pool.add_node(node(2));
  pool.add_node(node(8));
  const Placer placer;
  const auto gang = placer.choose_gang(pool, std::vector{gpus(1), gpus(8)});
  ASSERT_TRUE(gang);
  EXPECT_EQ(nodes_of(*gang), (std::vector<std::size_t>{0, 1}));
}

TEST(ChooseGang, MindsDelaysInsideAZone) {
  Pool pool;
  for (int n = 0; n < 4; ++n) pool.add_node(node(8, {"hall"}));
  const Placer placer;
  const std::vector<float> delay_s{100, 0, 100, 0};
  const auto gang = placer.choose_gang(pool, std::vector(2, gpus(8)), delay_s);
  EXPECT_EQ(nodes_of(*gang), (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ((*gang)[0].terms.start_delay_s, 0);
}

}  // namespace
}  // namespace galley::scheduler
