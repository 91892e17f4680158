#include "scheduler/pool.h"

#include <gtest/gtest.h>

#include <bit>

namespace galley::scheduler {
namespace {

/// A node of that many GPUs; with pairs and quads where `linked`.
NodeSpec linked_node(int gpus, bool linked = false, bool shareable = false) {
  NodeSpec spec{.cpu_milli = 64'000, .memory_mib = 262'144, .devices = {}, .cells = {}, .zone = {}};
  spec.devices.assign(static_cast<std::size_t>(gpus),
                      {.model = "A100", .memory_mib = 40'960, .shareable = shareable});
  if (!linked) return spec;
  for (const int size : {2, 4})
    for (int first = 0; first + size <= gpus; first += size)
      spec.cells.push_back(((DeviceSet{1} << size) - 1) << first);
  return spec;
}

Request request_of(int count) {
  return {.cpu_milli = 1'000, .memory_mib = 1'024, .gpus = count, .models = {}};
}
Request share_of(int milli, std::int64_t memory_mib = 0) {
  return {.cpu_milli = 1'000,
          .memory_mib = 1'024,
          .gpus = 1,
          .gpu_milli = milli,
          .gpu_memory_mib = memory_mib,
          .models = {}};
}

/// Takes what the pool itself would choose.
Grant take(Pool& pool, NodeIndex at, const Request& request) {
  const Grant grant{.node = at, .devices = pool.choose_devices(at, request)};
  pool.take(request, grant);
  return grant;
}

TEST(IsValid, RefusesWhatNoPoolAccepts) {
  EXPECT_TRUE(is_valid(request_of(0)));
  EXPECT_TRUE(is_valid(request_of(64)));
  EXPECT_FALSE(is_valid(request_of(65)));
  EXPECT_FALSE(is_valid(request_of(-1)));
  EXPECT_TRUE(is_valid(share_of(1)));
  EXPECT_FALSE(is_valid(share_of(0)));
  EXPECT_FALSE(is_valid(share_of(1001)));
  auto two_shares = share_of(500);
  two_shares.gpus = 2;
  EXPECT_FALSE(is_valid(two_shares));
  auto unsorted = request_of(1);
  unsorted.models = {ModelIndex{2}, ModelIndex{1}};
  EXPECT_FALSE(is_valid(unsorted));
  auto negative = request_of(1);
  negative.cpu_milli = -1;
  EXPECT_FALSE(is_valid(negative));
}

TEST(Pool, TakesTheSmallestSufficientCellSoThatLargerOnesStayWhole) {
  Pool pool;
  const auto at = pool.add_node(linked_node(8, true));
  EXPECT_EQ(take(pool, at, request_of(1)).devices, 0b0000'0001U);
  EXPECT_EQ(take(pool, at, request_of(1)).devices, 0b0000'0010U)
      << "the other half of the broken pair";
  EXPECT_EQ(take(pool, at, request_of(1)).devices, 0b0000'0100U)
      << "the broken quad before the whole one";
  EXPECT_EQ(take(pool, at, request_of(4)).devices, 0b1111'0000U);
  EXPECT_FALSE(pool.fits(at, request_of(2)));
  EXPECT_EQ(take(pool, at, request_of(1)).devices, 0b0000'1000U);
  EXPECT_FALSE(pool.fits(at, request_of(1)));
}

TEST(Pool, TakesOtherCountsAsCellsLargestFirst) {
  Pool pool;
  const auto at = pool.add_node(linked_node(8, true));
  EXPECT_EQ(take(pool, at, request_of(3)).devices, 0b0000'0111U)
      << "a pair and one of the next pair";
  EXPECT_EQ(take(pool, at, request_of(5)).devices, 0b1111'1000U) << "a quad and the one left over";

  const auto other = pool.add_node(linked_node(8, true));
  EXPECT_EQ(take(pool, other, request_of(6)).devices, 0b0011'1111U);
  EXPECT_EQ(take(pool, other, request_of(2)).devices, 0b1100'0000U);
}

TEST(Pool, GathersWhatNoCellHolds) {
  Pool pool;
  const auto at = pool.add_node(linked_node(4, true));
  pool.take(request_of(1), {at, 0b0001});
  pool.take(request_of(1), {at, 0b0100});
  EXPECT_TRUE(pool.fits(at, request_of(2)));
  EXPECT_EQ(pool.choose_devices(at, request_of(2)), 0b1010U);
}

TEST(Pool, ServesOddNodes) {
  for (const int count : {1, 3, 6, 10, 64}) {
    Pool pool;
    const auto at = pool.add_node(linked_node(count, true));
    EXPECT_TRUE(pool.fits(at, request_of(count)));
    EXPECT_FALSE(count < 64 && pool.fits(at, request_of(count + 1)));
    for (int taken = 0; taken < count; ++taken) take(pool, at, request_of(1));
    EXPECT_EQ(pool.free_gpus(at), 0) << count << " GPUs";
  }
}

TEST(Pool, KeepsOneModelToAJobWhereOneSuffices) {
  Pool pool;
  auto spec = linked_node(6);
  spec.devices[4].model = spec.devices[5].model = "T4";
  const auto at = pool.add_node(spec);
  EXPECT_EQ(pool.choose_devices(at, request_of(2)), 0b11'0000U)
      << "the scarcer model that suffices";
  EXPECT_EQ(pool.choose_devices(at, request_of(3)), 0b00'0111U);
  EXPECT_EQ(std::popcount(pool.choose_devices(at, request_of(5))), 5)
      << "mixed when nothing else serves";

  auto only = request_of(3);
  only.models = {pool.model("T4")};
  EXPECT_FALSE(pool.fits(at, only));
  EXPECT_FALSE(pool.could_fit(at, only));
  only.gpus = 2;
  EXPECT_TRUE(pool.could_fit(at, only));
  EXPECT_EQ(pool.choose_devices(at, only), 0b11'0000U);
}

TEST(Pool, AsksForMemoryOfEachGpu) {
  Pool pool;
  const auto at = pool.add_node(linked_node(2));
  auto large = request_of(1);
  large.gpu_memory_mib = 40'960;
  EXPECT_TRUE(pool.fits(at, large));
  large.gpu_memory_mib += 1;
  EXPECT_FALSE(pool.fits(at, large));
  EXPECT_FALSE(pool.could_fit(at, large));
}

TEST(Pool, GivesSiblingsOfABrokenGpuButNotTheGpu) {
  Pool pool;
  const auto at = pool.add_node(linked_node(8, true));
  pool.set_in_service(at, 0b1111'1110);
  EXPECT_FALSE(pool.fits(at, request_of(8)));
  EXPECT_TRUE(pool.could_fit(at, request_of(8))) << "once it is repaired";
  EXPECT_EQ(take(pool, at, request_of(1)).devices, 0b0000'0010U) << "the pair is broken already";
  EXPECT_EQ(take(pool, at, request_of(4)).devices, 0b1111'0000U);
  EXPECT_EQ(take(pool, at, request_of(2)).devices, 0b0000'1100U);
  EXPECT_FALSE(pool.fits(at, request_of(1)));
  pool.set_in_service(at, 0b1111'1111);
  EXPECT_EQ(pool.choose_devices(at, request_of(1)), 0b0000'0001U);
}

TEST(Pool, KeepsWhatIsHeldOnADeviceThatGoesOutOfService) {
  Pool pool;
  const auto at = pool.add_node(linked_node(2));
  const auto grant = take(pool, at, request_of(1));
  pool.set_in_service(at, 0b10);
  EXPECT_EQ(pool.free_gpus(at), 1);
  pool.give(request_of(1), grant);
  EXPECT_EQ(pool.free_gpus(at), 1) << "free, but not to be given";
  pool.set_in_service(at, 0b11);
  EXPECT_EQ(pool.free_gpus(at), 2);
}

TEST(Pool, GivesNothingOnAClosedNode) {
  Pool pool;
  const auto at = pool.add_node(linked_node(2));
  const auto grant = take(pool, at, request_of(1));
  pool.set_open(at, false);
  EXPECT_FALSE(pool.fits(at, request_of(0)));
  EXPECT_EQ(pool.group_of(at), kNoGroup);
  EXPECT_EQ(pool.idle_milli(), 0);
  pool.give(request_of(1), grant);
  pool.set_open(at, true);
  EXPECT_TRUE(pool.fits(at, request_of(2)));
}

TEST(Pool, SharesOnlyMarkedDevicesAndNeverOneThatIsGivenWhole) {
  Pool pool;
  const auto exclusive = pool.add_node(linked_node(1));
  EXPECT_FALSE(pool.fits(exclusive, share_of(500)));
  EXPECT_FALSE(pool.could_fit(exclusive, share_of(500)));

  const auto at = pool.add_node(linked_node(2, false, true));
  const auto half = take(pool, at, share_of(500));
  EXPECT_FALSE(pool.fits(at, request_of(2)));
  EXPECT_EQ(take(pool, at, request_of(1)).devices, 0b10U);
  EXPECT_EQ(take(pool, at, share_of(300)).devices, half.devices);
  EXPECT_FALSE(pool.fits(at, share_of(201)));
  EXPECT_TRUE(pool.fits(at, share_of(200)));
}

TEST(Pool, CountsMemoryOfShares) {
  Pool pool;
  const auto at = pool.add_node(linked_node(1, false, true));
  const auto grant = take(pool, at, share_of(100, 30'000));
  EXPECT_FALSE(pool.fits(at, share_of(100, 10'961)));
  EXPECT_TRUE(pool.fits(at, share_of(100, 10'960)));
  EXPECT_EQ(pool.idle_memory_mib(at, 0), 10'960);
  EXPECT_EQ(pool.idle_milli(at, 0), 900);
  pool.give(share_of(100, 30'000), grant);
  EXPECT_EQ(pool.free_gpus(at), 1);
}

TEST(Pool, CopiesAreIndependent) {
  Pool pool;
  const auto at = pool.add_node(linked_node(4));
  Pool plan = pool;
  take(plan, at, request_of(3));
  plan.add_node(linked_node(8));
  EXPECT_EQ(pool.free_gpus(at), 4);
  EXPECT_EQ(pool.node_count(), 1U);
  EXPECT_EQ(plan.free_gpus(at), 1);
}

TEST(Pool, GroupsEqualNodesAndSplitsThemWhenTheyDiffer) {
  Pool pool;
  const auto a = pool.add_node(linked_node(4));
  const auto b = pool.add_node(linked_node(4));
  EXPECT_EQ(pool.group_of(a), pool.group_of(b));
  EXPECT_EQ(pool.group(pool.group_of(a)).nodes, 2U);
  EXPECT_EQ(pool.lowest_node(pool.group_of(b)), a);
  const auto grant = take(pool, a, request_of(1));
  EXPECT_NE(pool.group_of(a), pool.group_of(b));
  EXPECT_EQ(pool.highest_bucket(), 5U);
  pool.give(request_of(1), grant);
  EXPECT_EQ(pool.group_of(a), pool.group_of(b));
}

TEST(Pool, CountsWholeFreeCells) {
  Pool pool;
  const auto at = pool.add_node(linked_node(8, true));
  const auto model = pool.model("A100");
  EXPECT_EQ(pool.free_cells(), (std::vector<FreeCells>{{model, 8, 1}}));
  take(pool, at, request_of(1));
  EXPECT_EQ(pool.free_cells(),
            (std::vector<FreeCells>{{model, 1, 1}, {model, 2, 1}, {model, 4, 1}}));
}

TEST(PoolDeathTest, StopsBeforeAGpuIsGivenTwice) {
  Pool pool;
  const auto at = pool.add_node(linked_node(2, false, true));
  pool.take(request_of(1), {at, 0b01});
  EXPECT_DEATH(pool.take(request_of(1), {at, 0b01}), "given twice");
  EXPECT_DEATH(pool.take(share_of(100), {at, 0b01}), "given whole");
  EXPECT_DEATH(pool.take(request_of(1), {at, 0b10'0000}), "not there");
  EXPECT_DEATH(pool.give(request_of(1), {at, 0b10}), "not held");
  auto large = request_of(0);
  large.cpu_milli = 1'000'000;
  EXPECT_DEATH(pool.take(large, {at, 0}), "more processors");
  EXPECT_DEATH(pool.give(large, {at, 0}), "more processors");
}

}  // namespace
}  // namespace galley::scheduler
