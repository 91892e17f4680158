// The teams' guarantees, as a user of Scheduler sees them.
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

QueuedJob gpu_job(int number, std::int64_t gpus, std::string team,
                  PriorityClass priority_class = PriorityClass::normal) {
  return of_team(queued(number, {.gpus = gpus, .cpus = 1}, priority_class), std::move(team));
}

std::vector<JobId> victims_of_plan(const Plan& plan) {
  std::vector<JobId> victims;
  for (const Preemption& one : plan.preemptions) victims.push_back(one.victim);
  return victims;
}

NodeUp broken(int number, const Machine& machine, std::vector<std::size_t> devices) {
  NodeUp node = up(number, machine);
  for (const std::size_t device : devices) node.offer.devices.at(device).in_service = false;
  return node;
}

TEST(Guarantees, AGuaranteedJobStartsAtOnceByEvictingABorrowedOne) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8}));
  world.team("vision", {{.gpu_type = "H100", .gpus = 8, .count = 1}});
  world.submit(gpu_job(1, 8, "speech"));
  EXPECT_THAT(world.settle().first, ElementsAre(job(1)));
  EXPECT_EQ(world.standing(1), Standing::borrowed);
  EXPECT_FALSE(world.is_protected(job(1)));

  world.now += 1s;  // well inside the minimum runtime: who borrows has no such protection
  world.submit(gpu_job(2, 8, "vision"));
  const Plan plan = world.pass();
  ASSERT_THAT(victims_of_plan(plan), ElementsAre(job(1)));
  EXPECT_EQ(plan.preemptions[0].beneficiary, job(2));
  EXPECT_FALSE(plan.preemptions[0].reason.empty());
  world.free_stopping();
  EXPECT_THAT(world.settle().first, ElementsAre(job(2)));
  EXPECT_EQ(world.standing(2), Standing::guaranteed);
  EXPECT_TRUE(world.is_protected(job(2)));
}

TEST(Guarantees, AStoppingVictimIsNotAskedTwiceAndItsPlaceIsKept) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8}));
  world.team("vision", {{.gpus = 8, .count = 1}});
  world.submit(gpu_job(1, 8, "speech"));
  world.settle();
  world.submit(gpu_job(2, 8, "vision"));
  EXPECT_EQ(world.pass().preemptions.size(), 1U);
  world.submit(gpu_job(3, 1, "speech", PriorityClass::urgent));
  const Plan again = world.pass();
  EXPECT_THAT(again.preemptions, IsEmpty());
  EXPECT_THAT(again.starts, IsEmpty());
  world.free_stopping();
  EXPECT_THAT(world.settle().first, ElementsAre(job(2)));
}

TEST(Guarantees, OnlyAsManyBorrowedJobsAsNeededAreEvicted) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8}));
  world.team("vision", {{.gpus = 4, .count = 1}});
  for (int i = 1; i <= 4; ++i) world.submit(gpu_job(i, 2, "speech"));
  world.settle();
  world.submit(gpu_job(5, 4, "vision"));
  EXPECT_EQ(world.pass().preemptions.size(), 2U);
  world.free_stopping();
  EXPECT_THAT(world.settle().first, ElementsAre(job(5)));
}

TEST(Guarantees, ABorrowedJobOfTheSameTeamIsProtectedOnceItIsEntitled) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8}));
  world.add(up(2, {.cpus = 32, .gpus = 8}));
  world.team("vision", {{.gpus = 8, .count = 1}});
  world.team("speech", {{.gpus = 8, .count = 1}});
  world.submit(gpu_job(1, 8, "vision"));
  world.submit(gpu_job(2, 8, "vision"));
  world.settle();
  ASSERT_TRUE(world.runs(1) && world.runs(2));
  EXPECT_TRUE(world.is_protected(job(1)));
  EXPECT_FALSE(world.is_protected(job(2)));
  // The first ends: its cell is the second's now, where that runs already.
  world.now += 1h;
  world.end(1);
  EXPECT_THAT(world.settle().first, IsEmpty());
  EXPECT_TRUE(world.is_protected(job(2)));
  world.submit(gpu_job(3, 8, "speech"));
  EXPECT_THAT(world.settle().first, ElementsAre(job(3)));
  EXPECT_TRUE(world.runs(2));
}

TEST(Guarantees, TheBorrowedJobGoesNotTheEntitledOneOfThatTeam) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8}));
  world.add(up(2, {.cpus = 32, .gpus = 8}));
  world.team("vision", {{.gpus = 8, .count = 1}});
  world.team("speech", {{.gpus = 8, .count = 1}});
  world.submit(gpu_job(1, 8, "vision"));
  world.submit(gpu_job(2, 8, "vision"));
  world.settle();
  world.submit(gpu_job(3, 8, "speech"));
  EXPECT_THAT(victims_of_plan(world.pass()), ElementsAre(job(2)));
}

TEST(Guarantees, TheIdleClassIsNeverGuaranteed) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8}));
  world.team("vision", {{.gpus = 8, .count = 1}});
  world.submit(gpu_job(1, 8, "vision", PriorityClass::idle));
  world.settle();
  EXPECT_EQ(world.standing(1), Standing::borrowed);
  EXPECT_FALSE(world.is_protected(job(1)));
  world.submit(gpu_job(2, 8, "vision"));
  EXPECT_THAT(victims_of_plan(world.pass()), ElementsAre(job(1)));
  world.free_stopping();
  world.settle();
  EXPECT_EQ(world.standing(2), Standing::guaranteed);
  // Nor does it evict anybody.
  world.end(2);
  world.settle();
  world.submit(gpu_job(3, 8, "speech"));
  world.settle();
  EXPECT_TRUE(world.runs(1) || world.runs(3));
}

TEST(Guarantees, ABrokenGpuCostsTheTeamTheOneCellThatContainsIt) {
  for (const int size : {1, 2, 4, 8}) {
    SCOPED_TRACE(size);
    const int count = 16 / size;
    Controller world;
    const Machine machine{.cpus = 32, .gpus = 8};
    world.add(up(1, machine));
    world.add(up(2, machine));
    world.team("vision", {{.gpus = size, .count = count}});
    world.add(broken(1, machine, {5}));
    for (int i = 1; i <= count; ++i) world.submit(gpu_job(i, size, "vision"));
    world.settle();
    EXPECT_EQ(std::ssize(world.running), count - 1);
    for (const auto& [id, one] : world.running) {
      EXPECT_TRUE(world.is_protected(id)) << id.str();
      for (const NodeShare& share : one.start.placement.shares)
        EXPECT_THAT(share.device_ids, ::testing::Not(::testing::Contains("1:5")));
    }
    // It is repaired: the cell is back, and so is the last job.
    world.add(up(1, machine));
    world.settle();
    EXPECT_EQ(std::ssize(world.running), count);
  }
}

TEST(Guarantees, ABrokenGpuUnderARunningJobCostsNoOtherJobItsCell) {
  Controller world;
  const Machine machine{.cpus = 32, .gpus = 8};
  world.add(up(1, machine));
  world.add(up(2, machine));
  world.team("vision", {{.gpus = 4, .count = 4}});
  for (int i = 1; i <= 4; ++i) world.submit(gpu_job(i, 4, "vision"));
  world.settle();
  ASSERT_EQ(world.running.size(), 4U);
  JobId hit;
  for (const auto& [id, one] : world.running)
    for (const std::string& device : one.start.placement.shares[0].device_ids)
      if (device == "2:6") hit = id;
  world.now += 1min;
  world.add(broken(2, machine, {6}));
  world.queue_again(hit);
  const Plan plan = world.pass();
  EXPECT_THAT(plan.starts, IsEmpty());
  EXPECT_THAT(plan.preemptions, IsEmpty());
  for (const auto& [id, one] : world.running) EXPECT_TRUE(world.is_protected(id)) << id.str();
  // Elsewhere there is a spare quad: it goes there, evicting who borrows it.
  world.add(up(3, {.cpus = 32, .gpus = 4}));
  EXPECT_THAT(world.settle().first, ElementsAre(hit));
  EXPECT_EQ(world.running.at(hit).start.standing, Standing::guaranteed);
}

TEST(Guarantees, CellsOfTheTypeThatTheTeamOwnsOnly) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8, .model = "A100"}));
  world.add(up(2, {.cpus = 32, .gpus = 8, .model = "H100"}));
  world.team("vision", {{.gpu_type = "H100", .gpus = 8, .count = 1}});
  world.submit(gpu_job(1, 8, "speech"));
  world.submit(gpu_job(2, 8, "speech"));
  world.settle();
  ASSERT_EQ(world.running.size(), 2U);
  QueuedJob wants = gpu_job(3, 8, "vision");
  wants.resources.gpu_type = "A100";  // not what the team owns
  world.submit(wants);
  EXPECT_THAT(world.pass().preemptions, IsEmpty());
  world.submit(gpu_job(4, 8, "vision"));
  world.settle();
  ASSERT_TRUE(world.runs(4));
  EXPECT_EQ(world.running.at(job(4)).start.placement.shares[0].node, node(2));
}

TEST(Guarantees, AGangRunsOnItsTeamsCellsOrWaits) {
  Controller world;
  for (int i = 1; i <= 3; ++i) world.add(up(i, {.cpus = 32, .gpus = 8}));
  world.team("vision", {{.gpus = 8, .count = 2}});
  for (int i = 1; i <= 3; ++i) world.submit(gpu_job(i, 8, "speech"));
  world.settle();
  QueuedJob gang = gpu_job(4, 8, "vision");
  gang.resources.nodes = 2;
  world.submit(gang);
  EXPECT_EQ(world.pass().preemptions.size(), 2U);
  // Only one victim has gone: the gang waits for both, and nobody slips into the first place.
  world.queue_again(*world.stopping.begin());
  EXPECT_THAT(world.pass().starts, IsEmpty());
  world.free_stopping();
  EXPECT_THAT(world.settle().first, ElementsAre(job(4)));
  EXPECT_EQ(world.running.at(job(4)).start.placement.shares.size(), 2U);
  EXPECT_EQ(world.standing(4), Standing::guaranteed);
}

TEST(Guarantees, SmallCellsOfOneTeamLeaveRoomForTheLargeOneOfAnother) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8}));
  world.add(up(2, {.cpus = 32, .gpus = 8}));
  world.team("small", {{.gpus = 1, .count = 4}, {.gpus = 2, .count = 2}});
  world.team("large", {{.gpus = 8, .count = 1}});
  for (int i = 1; i <= 4; ++i) world.submit(gpu_job(i, 1, "small"));
  for (int i = 5; i <= 6; ++i) world.submit(gpu_job(i, 2, "small"));
  for (int i = 7; i <= 14; ++i) world.submit(gpu_job(i, 1, "guests"));
  world.settle();
  for (int i = 1; i <= 6; ++i) EXPECT_TRUE(world.runs(i)) << i;
  world.submit(gpu_job(20, 8, "large"));
  world.settle();
  EXPECT_TRUE(world.runs(20));
  for (int i = 1; i <= 6; ++i) EXPECT_TRUE(world.runs(i)) << i;
}

TEST(Guarantees, WhoTakesThemAwayTurnsTheJobsIntoBorrowers) {
  Controller world;
  world.add(up(1, {.cpus = 32, .gpus = 8}));
  world.team("vision", {{.gpus = 8, .count = 1}});
  world.submit(gpu_job(1, 8, "vision"));
  world.settle();
  ASSERT_TRUE(world.is_protected(job(1)));
  world.team("vision", {});
  world.team("speech", {{.gpus = 8, .count = 1}});
  world.settle();
  EXPECT_FALSE(world.is_protected(job(1)));
  world.submit(gpu_job(2, 8, "speech"));
  EXPECT_THAT(victims_of_plan(world.pass()), ElementsAre(job(1)));
}

}  // namespace
}  // namespace galley::scheduler
