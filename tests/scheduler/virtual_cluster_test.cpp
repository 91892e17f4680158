#include "scheduler/virtual_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kUrgent = 0;
constexpr int kNormal = 1;

WallTime at(int seconds) { return WallTime{std::chrono::seconds(seconds)}; }

VirtualCell cell(int gpus, int chain = 0) { return {chain, gpus, gpus * 1000, gpus * 1024}; }
VirtualMember member(int gpus, std::vector<int> chains = {}) {
  return {std::move(chains), gpus, gpus * 1000, gpus * 1024};
}

TEST(VirtualCluster, HoldsOnlyWhatItsCellsHold) {
  const VirtualCluster cluster({cell(8), cell(4, 1)});
  const auto holds = [&](std::vector<VirtualMember> members) {
    return cluster.could_hold(members);
  };
  EXPECT_TRUE(holds({member(8)}));
  EXPECT_TRUE(holds({member(8), member(4)}));
  EXPECT_TRUE(holds({member(4), member(4), member(4)}));
  EXPECT_FALSE(holds({member(9)}));
  EXPECT_FALSE(holds({member(8), member(8)}));
  EXPECT_FALSE(holds({member(8, {1})}));
  EXPECT_TRUE(holds({member(4, {1})}));
  EXPECT_FALSE(holds({member(1, {-1})}));
  EXPECT_FALSE(holds({}));
  EXPECT_FALSE(holds({{{}, 1, 9000, 0}}));
  EXPECT_FALSE(holds({{{}, 1, 0, 9 * 1024}}));
  EXPECT_FALSE(VirtualCluster().could_hold(std::vector{member(1)}));
}

TEST(VirtualCluster, StartsInStrictOrderOfClassThenAcceptance) {
  VirtualCluster cluster({cell(8)});
  cluster.add(1, kNormal, {member(4)});
  cluster.add(2, kNormal, {member(8)});
  cluster.add(3, kNormal, {member(4)});
  cluster.add(4, kUrgent, {member(2)});
  // The job of 8 GPUs blocks the one behind it, although that would fit.
  EXPECT_THAT(cluster.advance(at(0)), ElementsAre(4, 1));
  cluster.remove(4, at(0), at(10));
  cluster.remove(1, at(0), at(20));
  EXPECT_THAT(cluster.advance(at(20)), ElementsAre(2));
  cluster.remove(2, at(20), at(30));
  EXPECT_THAT(cluster.advance(at(30)), ElementsAre(3));
}

TEST(VirtualCluster, TakesTheTightestCell) {
  VirtualCluster cluster({cell(8), cell(2), cell(4)});
  cluster.add(1, kNormal, {member(2)});
  cluster.add(2, kNormal, {member(3)});
  cluster.add(3, kNormal, {member(8)});
  EXPECT_THAT(cluster.advance(at(0)), ElementsAre(1, 2, 3));
  EXPECT_THAT(cluster.running(1)->cells, ElementsAre(1));
  EXPECT_THAT(cluster.running(2)->cells, ElementsAre(2));
  EXPECT_THAT(cluster.running(3)->cells, ElementsAre(0));
}

TEST(VirtualCluster, AGangStartsWholeOrNotAtAll) {
  VirtualCluster cluster({cell(8), cell(8)});
  cluster.add(1, kNormal, {member(4)});
  cluster.add(2, kNormal, {member(8), member(8)});
  EXPECT_THAT(cluster.advance(at(0)), ElementsAre(1));
  EXPECT_FALSE(cluster.holds(2));
  cluster.remove(1, at(0), at(5));
  EXPECT_THAT(cluster.advance(at(5)), ElementsAre(2));
  EXPECT_THAT(cluster.running(2)->cells, ElementsAre(0, 1));
}

TEST(VirtualCluster, AJobThatBorrowedAndEndedEarlyStillTakesItsTimeHere) {
  VirtualCluster cluster({cell(8)});
  cluster.add(1, kNormal, {member(8)});
  cluster.add(2, kNormal, {member(8)});
  cluster.add(3, kNormal, {member(8)});
  EXPECT_THAT(cluster.advance(at(0)), ElementsAre(1));
  // 2 ran on borrowed GPUs for 30 s, and was gone before its turn.
  cluster.remove(2, at(10), at(40));
  EXPECT_FALSE(cluster.next_end());
  cluster.remove(1, at(0), at(100));
  EXPECT_THAT(cluster.advance(at(100)), IsEmpty());
  EXPECT_EQ(cluster.next_end(), at(130));
  EXPECT_THAT(cluster.advance(at(129)), IsEmpty());
  EXPECT_THAT(cluster.advance(at(130)), ElementsAre(3));
  EXPECT_EQ(cluster.running(3)->since, at(130));
}

TEST(VirtualCluster, CatchesUpWithSeveralEndsAtTheirOwnTimes) {
  VirtualCluster cluster({cell(8)});
  for (int job = 1; job <= 3; ++job) cluster.add(job, kNormal, {member(8)});
  EXPECT_THAT(cluster.advance(at(0)), ElementsAre(1));
  cluster.remove(1, at(-50), at(10));  // began before its turn: it runs until 60 here
  cluster.remove(2, at(0), at(10));
  EXPECT_EQ(cluster.next_end(), at(60));
  EXPECT_THAT(cluster.advance(at(200)), ElementsAre(3));
  EXPECT_EQ(cluster.running(3)->since, at(70));
}

TEST(VirtualCluster, ACancelledJobLeavesNoTrace) {
  VirtualCluster cluster({cell(8)});
  cluster.add(1, kNormal, {member(8)});
  cluster.remove(1, std::nullopt, at(5));
  cluster.add(2, kNormal, {member(8)});
  EXPECT_THAT(cluster.advance(at(5)), ElementsAre(2));
  cluster.remove(2, std::nullopt, at(6));  // entitled, but it never ran
  EXPECT_FALSE(cluster.holds(2));
  cluster.add(3, kNormal, {member(8)});
  EXPECT_THAT(cluster.advance(at(6)), ElementsAre(3));
  cluster.remove(99, at(0), at(7));  // unknown: nothing happens
}

TEST(VirtualCluster, APreemptedJobComesBackToItsPlace) {
  VirtualCluster cluster({cell(8)});
  cluster.add(1, kNormal, {member(8)});
  cluster.add(2, kNormal, {member(8)});
  EXPECT_THAT(cluster.advance(at(0)), ElementsAre(1));
  cluster.remove(1, at(0), at(10));
  cluster.add(1, kNormal, {member(8)});
  EXPECT_TRUE(cluster.holds(1));
  EXPECT_FALSE(cluster.next_end());
  EXPECT_THAT(cluster.advance(at(50)), IsEmpty());
  cluster.remove(1, at(20), at(60));
  EXPECT_THAT(cluster.advance(at(60)), ElementsAre(2));
}

TEST(VirtualCluster, ALostCellStartsNothingNew) {
  VirtualCluster cluster({cell(8), cell(8)});
  cluster.set_lost(0, true);
  cluster.add(1, kNormal, {member(8)});
  cluster.add(2, kNormal, {member(8)});
  EXPECT_THAT(cluster.advance(at(0)), ElementsAre(1));
  EXPECT_THAT(cluster.running(1)->cells, ElementsAre(1));
  // What is only lost for a time is still a promise.
  EXPECT_TRUE(cluster.could_hold(std::vector{member(8), member(8)}));
  cluster.set_lost(0, false);
  EXPECT_THAT(cluster.advance(at(1)), ElementsAre(2));
}

}  // namespace
}  // namespace galley::scheduler
