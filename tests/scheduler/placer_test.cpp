#include "scheduler/placer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace galley::scheduler {
namespace {

NodeSpec machine(int gpus, std::int64_t cpu_milli = 64'000, bool shareable = false,
                 const std::string& model = "A100") {
  NodeSpec spec{
      .cpu_milli = cpu_milli, .memory_mib = 262'144, .devices = {}, .cells = {}, .zone = {}};
  spec.devices.assign(static_cast<std::size_t>(gpus),
                      {.model = model, .memory_mib = 40'960, .shareable = shareable});
  return spec;
}

Request wants(int count, std::int64_t cpu_milli = 1'000) {
  return {.cpu_milli = cpu_milli, .memory_mib = 1'024, .gpus = count, .models = {}};
}
Request wants_share(int milli) {
  return {.cpu_milli = 1'000, .memory_mib = 1'024, .gpus = 1, .gpu_milli = milli, .models = {}};
}

std::size_t index(const Choice& choice) { return static_cast<std::size_t>(choice.grant.node); }

/// Half of what comes wants one GPU, half eight.
std::vector<TypicalRequest> ones_and_eights() { return {{wants(1), 1}, {wants(8), 1}}; }

TEST(Placer, FindsNothingWhereNothingFits) {
  Pool pool;
  Placer placer;
  EXPECT_FALSE(placer.choose(pool, wants(0)));
  pool.add_node(machine(4));
  EXPECT_FALSE(placer.choose(pool, wants(5)));
  EXPECT_FALSE(placer.choose(pool, wants(1, 64'001)));
  EXPECT_FALSE(placer.choose(pool, wants_share(500)));
  EXPECT_TRUE(placer.choose(pool, wants(4, 64'000)));
  EXPECT_TRUE(placer.candidates(pool, wants(5), 3).empty());
}

TEST(Placer, FitsBestWithoutAMix) {
  Pool pool;
  pool.add_node(machine(8));
  pool.add_node(machine(2));
  pool.add_node(machine(4));
  const Placer placer;
  EXPECT_EQ(index(*placer.choose(pool, wants(1))), 1U);
  EXPECT_EQ(index(*placer.choose(pool, wants(3))), 2U);
  EXPECT_EQ(index(*placer.choose(pool, wants(5))), 0U);
}

TEST(Placer, KeepsWholeNodesForThoseWhoNeedThem) {
  Pool pool;
  pool.add_node(machine(8));
  pool.add_node(machine(8));
  pool.take(wants(1), {NodeIndex{1}, 0b1});
  Placer placer;
  placer.set_mix(ones_and_eights());
  const auto choice = placer.choose(pool, wants(1));
  EXPECT_EQ(index(*choice), 1U);
  EXPECT_LT(choice->terms.fragmentation_s, 0) << "it uses what eights cannot";
  const auto table = placer.candidates(pool, wants(1), 5);
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(table[0], *choice);
  EXPECT_GT(table[1].terms.fragmentation_s, 0) << "it breaks a node that eights can use";
}

TEST(Placer, SendsTasksWithoutGpusWhereNoGpuIsLeftBehind) {
  Pool pool;
  pool.add_node(machine(8, 16'000));
  pool.add_node(machine(8, 16'000));
  pool.take(wants(8, 1'000), {NodeIndex{1}, 0xff});
  Placer placer;
  placer.set_mix(std::vector<TypicalRequest>{{wants(1, 2'000), 1}});
  const auto table = placer.candidates(pool, wants(0, 8'000), 2);
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(index(table[0]), 1U) << "its GPUs are all given";
  EXPECT_EQ(table[0].terms.fragmentation_s, 0);
  EXPECT_GT(table[1].terms.fragmentation_s, 0) << "four GPUs would be left without processors";
}

TEST(Placer, SeesGpusThatProcessorsWillNotReach) {
  // One more of the kind fits on either node; only on the first there is room for all eight.
  Pool pool;
  pool.add_node(machine(8, 64'000));
  pool.add_node(machine(8, 16'000));
  Placer placer;
  placer.set_mix(std::vector<TypicalRequest>{{wants(1, 8'000), 1}});
  const auto table = placer.candidates(pool, wants(2, 1'000), 2);
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(index(table[0]), 1U) << "six of its GPUs are stranded as it is";
}

TEST(Placer, FillsAGpuInUseWithShares) {
  Pool pool;
  pool.add_node(machine(4, 64'000, true));
  pool.take(wants_share(600), {NodeIndex{0}, 0b0100});
  pool.take(wants_share(300), {NodeIndex{0}, 0b0010});
  Placer placer;
  placer.set_mix(std::vector<TypicalRequest>{{wants_share(400), 1}, {wants(1), 1}});
  EXPECT_EQ(placer.choose(pool, wants_share(400))->grant.devices, 0b0100U);
}

TEST(Placer, WaitsForNoPullThatCostsMoreThanAStrandedGpu) {
  Pool pool;
  pool.add_node(machine(8));
  pool.add_node(machine(8));
  pool.take(wants(1), {NodeIndex{1}, 0b1});
  Placer placer({.stranded_gpu_s = 600, .broken_cell_s = 5, .zone_s = 60});
  placer.set_mix(ones_and_eights());
  const auto table = placer.candidates(pool, wants(1), 2);
  const double gap = table[1].terms.fragmentation_s - table[0].terms.fragmentation_s;
  const std::vector<float> short_pull{0, static_cast<float>(gap - 1)};
  const std::vector<float> long_pull{0, static_cast<float>(gap + 1)};
  EXPECT_EQ(index(*placer.choose(pool, wants(1), short_pull)), 1U);
  const auto moved = placer.choose(pool, wants(1), long_pull);
  EXPECT_EQ(index(*moved), 0U);
  EXPECT_EQ(moved->terms.start_delay_s, 0);
  EXPECT_DOUBLE_EQ(moved->terms.total_s(), moved->terms.fragmentation_s);
}

TEST(Placer, BreaksNoLargerCellThanNeeded) {
  auto linked = machine(4);
  linked.cells = {0b0011, 0b1100};
  Pool pool;
  pool.add_node(linked);
  pool.add_node(linked);
  pool.take(wants(1), {NodeIndex{0}, 0b0001});
  pool.take(wants(1), {NodeIndex{0}, 0b0100});         // two halves of pairs
  pool.take(wants(2, 2'000), {NodeIndex{1}, 0b0011});  // a pair
  const Placer placer;
  EXPECT_EQ(index(*placer.choose(pool, wants(1))), 0U);
  EXPECT_EQ(index(*placer.choose(pool, wants(2))), 1U);
}

TEST(Placer, LeavesOutClosedNodesAndBrokenGpus) {
  Pool pool;
  pool.add_node(machine(2));
  pool.add_node(machine(2));
  pool.set_open(NodeIndex{0}, false);
  pool.set_in_service(NodeIndex{1}, 0b10);
  const Placer placer;
  EXPECT_EQ(placer.choose(pool, wants(1))->grant, (Grant{NodeIndex{1}, 0b10}));
  EXPECT_FALSE(placer.choose(pool, wants(2)));
}

TEST(Placer, PlacesOnNodesOfMixedModels) {
  auto mixed = machine(6, 64'000, true);
  mixed.devices[4].model = mixed.devices[5].model = "T4";
  Pool pool;
  pool.add_node(mixed);
  Placer placer;
  auto t4 = wants(2);
  t4.models = {pool.model("T4")};
  placer.set_mix(std::vector<TypicalRequest>{{t4, 1}, {wants(4), 1}});
  EXPECT_EQ(placer.choose(pool, t4)->grant.devices, 0b11'0000U);
  EXPECT_EQ(placer.choose(pool, wants(4))->grant.devices, 0b00'1111U);
  EXPECT_EQ(placer.choose(pool, wants(6))->grant.devices, 0b11'1111U) << "no model has six";
}

TEST(Placer, GivesTheSameAnswerWhateverItWasAskedBefore) {
  Pool pool;
  for (int n = 0; n < 40; ++n) pool.add_node(machine(n % 9, 8'000 * (1 + n % 5), n % 2 == 0));
  Placer asked;
  asked.set_mix(ones_and_eights());
  std::uint64_t random = 7;
  for (int step = 0; step < 200; ++step) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto request = random >> 63 ? wants(static_cast<int>(random >> 33) % 5 % 5)
                                      : wants_share(100 + static_cast<int>(random >> 40 & 511));
    if (!is_valid(request)) continue;
    Placer fresh;
    fresh.set_mix(ones_and_eights());
    const auto choice = asked.choose(pool, request);
    ASSERT_EQ(choice, fresh.choose(pool, request)) << "step " << step;
    // The table's first line is the choice, and the choice is the same with delays that say
    // nothing.
    const auto table = asked.candidates(pool, request, 1);
    ASSERT_EQ(choice.has_value(), !table.empty());
    if (!choice) continue;
    EXPECT_EQ(table[0], *choice);
    const std::vector<float> none(pool.node_count(), 0);
    EXPECT_EQ(*asked.choose(pool, request, none), *choice);
    pool.take(request, choice->grant);
  }
}

TEST(Placer, ChoosesAlikeInAnyOrderOfNodes) {
  std::vector<NodeSpec> specs;
  for (int n = 0; n < 12; ++n) specs.push_back(machine(2 + 2 * (n % 4), 32'000 + 1'000 * n));
  Pool forward;
  Pool backward;
  for (const auto& spec : specs) forward.add_node(spec);
  std::ranges::reverse(specs);
  for (const auto& spec : specs) backward.add_node(spec);
  Placer placer;
  placer.set_mix(ones_and_eights());
  for (int step = 0; step < 30; ++step) {
    const auto request = wants(1 + step % 3);
    const auto a = placer.choose(forward, request);
    const auto b = placer.choose(backward, request);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) continue;
    EXPECT_EQ(index(*a) + index(*b), specs.size() - 1) << "the same machine, step " << step;
    forward.take(request, a->grant);
    backward.take(request, b->grant);
  }
}

TEST(PlacerDeathTest, StopsOnDelaysOfAnotherFleet) {
  Pool pool;
  pool.add_node(machine(1));
  const Placer placer;
  const std::vector<float> two(2, 0);
  EXPECT_DEATH(placer.choose(pool, wants(1), two), "another number of nodes");
  EXPECT_DEATH(placer.choose(pool, wants(65)), "invalid request");
}

}  // namespace
}  // namespace galley::scheduler
