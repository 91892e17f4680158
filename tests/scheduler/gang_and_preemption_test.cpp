#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller.h"

namespace galley::scheduler {
namespace {

using protocol::PriorityClass;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

QueuedJob gang_job(int number, std::int64_t gpus,
                   PriorityClass priority_class = PriorityClass::normal, std::int64_t nodes = 1) {
  return queued(number, {.gpus = gpus, .cpus = 1, .nodes = nodes}, priority_class);
}

std::vector<JobId> victims_of(const Plan& plan) {
  std::vector<JobId> victims;
  for (const Preemption& one : plan.preemptions) victims.push_back(one.victim);
  return victims;
}

std::vector<std::size_t> sizes_of(const Placement& placement) {
  std::vector<std::size_t> sizes;
  for (const NodeShare& share : placement.shares) sizes.push_back(share.device_ids.size());
  return sizes;
}

class Gangs : public ::testing::Test {
 protected:
  void nodes(int count) {
    for (int i = 1; i <= count; ++i) world_.add(up(i, {.cpus = 32, .gpus = 8}));
  }
  void later(Millis wait) { world_.now += wait; }

  Controller world_;
};

TEST_F(Gangs, StartWithAllMembersOrNone) {
  nodes(3);
  world_.submit(gang_job(1, 4));
  world_.settle();
  world_.submit(gang_job(2, 8, PriorityClass::normal, 3));
  EXPECT_THAT(world_.settle().first, IsEmpty());
  world_.end(1);
  EXPECT_THAT(world_.settle().first, ElementsAre(job(2)));
  const Placement& placement = world_.running.at(job(2)).start.placement;
  EXPECT_THAT(sizes_of(placement), ElementsAre(8, 8, 8));
  std::set<NodeId> different;
  for (const NodeShare& share : placement.shares) different.insert(share.node);
  EXPECT_EQ(different.size(), 3U);
}

TEST_F(Gangs, MayHaveMembersOfDifferentSizes) {
  nodes(2);
  world_.submit(gang_job(1, 4));
  QueuedJob uneven = gang_job(2, 8);
  uneven.uneven_gpus = {8, 4};
  world_.submit(uneven);
  world_.settle();
  ASSERT_TRUE(world_.runs(2));
  EXPECT_THAT(sizes_of(world_.running.at(job(2)).start.placement), ElementsAre(8, 4));
  world_.submit(gang_job(3, 1));
  EXPECT_THAT(world_.settle().first, IsEmpty());  // all 16 are given
}

TEST_F(Gangs, OfDifferentSizesWaitForTheirLastMember) {
  nodes(2);
  world_.submit(gang_job(1, 5));
  world_.settle();
  QueuedJob uneven = gang_job(2, 8);
  uneven.uneven_gpus = {8, 4};
  world_.submit(uneven);
  EXPECT_THAT(world_.settle().first, IsEmpty());
  world_.end(1);
  EXPECT_THAT(world_.settle().first, ElementsAre(job(2)));
}

TEST_F(Gangs, OldOnesDisplaceBorrowersOnlyWhereTeamsHaveGuarantees) {
  for (const bool guarantees : {false, true}) {
    SCOPED_TRACE(guarantees);
    world_ = Controller();
    nodes(2);
    if (guarantees) world_.team("owners", {{.gpus = 4, .count = 1}});
    for (int i = 1; i <= 2; ++i) world_.submit(gang_job(i, 8));
    world_.settle();
    world_.submit(gang_job(3, 8, PriorityClass::normal, 2));
    later(23h);
    EXPECT_THAT(world_.pass().preemptions, IsEmpty());
    later(2h);
    const auto victims = victims_of(world_.pass());
    if (!guarantees) {
      EXPECT_THAT(victims, IsEmpty());
      continue;
    }
    EXPECT_THAT(victims, UnorderedElementsAre(job(1), job(2)));
    world_.free_stopping();
    world_.settle();
    EXPECT_TRUE(world_.runs(3));
  }
}

TEST_F(Gangs, OldOnesDoNotDisplaceAJobThatIsGuaranteed) {
  nodes(2);
  world_.team("owners", {{.gpus = 8, .count = 1}});
  world_.submit(of_team(gang_job(1, 8), "owners"));
  world_.submit(gang_job(2, 8));
  world_.settle();
  ASSERT_EQ(world_.standing(1), Standing::guaranteed);
  world_.submit(gang_job(3, 8, PriorityClass::normal, 2));
  later(30h);
  EXPECT_THAT(world_.pass().preemptions, IsEmpty());
}

TEST_F(Gangs, AnUrgentJobTakesANormalOnesPlaceAfterTheMinimumRuntimeOnly) {
  nodes(1);
  world_.submit(gang_job(1, 8));
  world_.settle();
  later(4min);
  world_.submit(gang_job(2, 8, PriorityClass::urgent));
  const Plan early = world_.pass();
  EXPECT_THAT(early.preemptions, IsEmpty());
  ASSERT_TRUE(early.wake_at);
  EXPECT_EQ(*early.wake_at, kNow + 5min);
  world_.now = kNow + 5min;
  EXPECT_THAT(victims_of(world_.pass()), ElementsAre(job(1)));
  world_.free_stopping();
  EXPECT_THAT(world_.settle().first, ElementsAre(job(2)));
  // The one that was stopped waits, and takes nobody's place.
  later(1h);
  EXPECT_THAT(world_.pass().preemptions, IsEmpty());
  world_.end(2);
  EXPECT_THAT(world_.settle().first, ElementsAre(job(1)));
}

TEST_F(Gangs, AnUrgentJobNeverTakesTheEighthOfAnUrgentOne) {
  nodes(1);
  world_.submit(gang_job(1, 8, PriorityClass::urgent));
  world_.settle();
  later(10h);
  world_.submit(gang_job(2, 8, PriorityClass::urgent));
  EXPECT_THAT(world_.pass().preemptions, IsEmpty());
}

TEST_F(Gangs, TheIdleClassYieldsAtOnce) {
  nodes(1);
  world_.submit(gang_job(1, 8, PriorityClass::idle));
  world_.settle();
  later(1s);
  world_.submit(gang_job(2, 8));
  EXPECT_THAT(victims_of(world_.pass()), ElementsAre(job(1)));
  world_.free_stopping();
  world_.settle();
  EXPECT_TRUE(world_.runs(2));
  EXPECT_FALSE(world_.runs(1));
  // And it evicts nobody, not even its own kind.
  later(48h);
  world_.submit(gang_job(3, 8, PriorityClass::idle));
  EXPECT_THAT(world_.pass().preemptions, IsEmpty());
}

TEST_F(Gangs, TheLeastWorkIsLost) {
  nodes(2);
  world_.submit(gang_job(1, 8, PriorityClass::idle));
  world_.settle();
  later(10h);
  world_.submit(gang_job(2, 8, PriorityClass::idle));
  world_.settle();
  later(2h);
  world_.submit(gang_job(3, 8));
  EXPECT_THAT(victims_of(world_.pass()), ElementsAre(job(2)));
}

TEST_F(Gangs, WorkThatIsSavedIsNotLost) {
  nodes(2);
  QueuedJob saves = gang_job(1, 8, PriorityClass::idle);
  saves.checkpoint_every = 30min;
  world_.submit(saves);
  world_.settle();
  later(10h);
  world_.submit(gang_job(2, 8, PriorityClass::idle));
  world_.settle();
  later(2h);
  world_.submit(gang_job(3, 8));
  EXPECT_THAT(victims_of(world_.pass()), ElementsAre(job(1)));
}

TEST_F(Gangs, LeastLossHoldsOnOneNodeToo) {
  nodes(1);
  world_.submit(gang_job(1, 4, PriorityClass::idle));
  world_.settle();
  later(10h);
  world_.submit(gang_job(2, 4, PriorityClass::idle));
  world_.settle();
  later(2h);
  world_.submit(gang_job(3, 4));
  EXPECT_THAT(victims_of(world_.pass()), ElementsAre(job(2)));
}

TEST_F(Gangs, AVictimThatIsStoppingIsNotAskedAgain) {
  nodes(1);
  world_.submit(gang_job(1, 8, PriorityClass::idle));
  world_.settle();
  world_.submit(gang_job(2, 8));
  EXPECT_EQ(world_.pass().preemptions.size(), 1U);
  for (int i = 0; i < 3; ++i) {
    later(1min);
    const Plan plan = world_.pass();
    EXPECT_THAT(plan.preemptions, IsEmpty());
    EXPECT_THAT(plan.starts, IsEmpty());
  }
  world_.free_stopping();
  world_.settle();
  EXPECT_TRUE(world_.runs(2));
}

TEST_F(Gangs, WhileAVictimStopsNoSecondOneIsStoppedForTheSameJob) {
  nodes(2);
  world_.submit(gang_job(1, 8, PriorityClass::idle));
  world_.submit(gang_job(2, 8, PriorityClass::idle));
  world_.settle();
  world_.submit(gang_job(3, 8));
  ASSERT_EQ(world_.pass().preemptions.size(), 1U);
  later(1min);
  EXPECT_THAT(world_.pass().preemptions, IsEmpty());
  later(2h);
  EXPECT_THAT(world_.pass().preemptions, IsEmpty());
}

TEST_F(Gangs, OnePreemptionServesAllWhoFitInThePlace) {
  nodes(1);
  world_.submit(gang_job(1, 8, PriorityClass::idle));
  world_.settle();
  for (int i = 2; i <= 5; ++i) world_.submit(gang_job(i, 2));
  EXPECT_THAT(victims_of(world_.pass()), ElementsAre(job(1)));
  world_.free_stopping();
  EXPECT_THAT(world_.settle().first, ElementsAre(job(2), job(3), job(4), job(5)));
}

TEST_F(Gangs, NobodyIsStoppedInVain) {
  nodes(2);
  world_.submit(gang_job(1, 8, PriorityClass::urgent));
  world_.submit(gang_job(2, 4, PriorityClass::idle));
  world_.settle();
  // Two whole nodes are asked for, and one runs an urgent job.
  world_.submit(gang_job(3, 8, PriorityClass::urgent, 2));
  later(1h);
  EXPECT_THAT(world_.pass().preemptions, IsEmpty());
}

}  // namespace
}  // namespace galley::scheduler
