#include "scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet.h"

namespace galley::scheduler {
namespace {

using protocol::PriorityClass;
using protocol::Resources;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SchedulerTest : public ::testing::Test {
 protected:
  /// Carries the plan out, as the controller does, and answers the jobs that started.
  std::vector<JobId> start_all(WallTime now = kNow) {
    std::vector<JobId> started;
    for (const Start& start : scheduler_.decide(now).starts) {
      scheduler_.apply(JobPlaced{*scheduler_.find(start.job), start.placement, now});
      started.push_back(start.job);
    }
    return started;
  }
  void queue(const QueuedJob& job) { scheduler_.apply(JobQueued{job}); }
  void end(int number) { scheduler_.apply(JobGone{job(number), kNow}); }

  Scheduler scheduler_;
};

TEST_F(SchedulerTest, ServesByClassThenAcceptance) {
  scheduler_.apply(up(1, {.cpus = 1}));
  queue(queued(1, {}, PriorityClass::idle));
  queue(queued(2, {}));
  queue(queued(3, {}, PriorityClass::urgent));
  queue(queued(4, {}));

  std::vector<JobId> order;
  for (int i = 0; i < 4; ++i) {
    const auto started = start_all();
    ASSERT_EQ(started.size(), 1U);
    order.push_back(started.front());
    scheduler_.apply(JobGone{started.front(), kNow});
  }
  EXPECT_THAT(order, ElementsAre(job(3), job(2), job(4), job(1)));
  EXPECT_EQ(scheduler_.queued(), 0U);
}

TEST_F(SchedulerTest, ABigJobIsNotStarvedBySmallOnes) {
  scheduler_.apply(up(1, {.cpus = 4}));
  queue(queued(1, {.cpus = 2}));
  queue(queued(2, {.cpus = 1}));
  EXPECT_THAT(start_all(), ElementsAre(job(1), job(2)));
  queue(queued(3, {.cpus = 4}));
  for (int i = 4; i < 10; ++i) queue(queued(i, {.cpus = 1}));

  // One processor is free, and it is kept for the big job.
  EXPECT_THAT(start_all(), IsEmpty());
  end(1);
  EXPECT_THAT(start_all(), IsEmpty());
  end(2);
  EXPECT_THAT(start_all(), ElementsAre(job(3)));
  end(3);
  EXPECT_EQ(start_all().size(), 4U);
}

TEST_F(SchedulerTest, SmallJobsUseWhatTheWaitingOneDoesNotNeed) {
  scheduler_.apply(up(1, {.cpus = 4, .gpus = 2}));
  scheduler_.apply(up(2, {.cpus = 4}));
  queue(queued(1, {.gpus = 1, .cpus = 1}));
  EXPECT_THAT(start_all(), ElementsAre(job(1)));
  queue(queued(2, {.gpus = 2, .cpus = 2}));
  queue(queued(3, {.cpus = 4}));
  queue(queued(4, {.cpus = 1}));
  queue(queued(5, {.gpus = 1, .cpus = 1}));

  EXPECT_THAT(start_all(), ElementsAre(job(3), job(4)));
}

TEST_F(SchedulerTest, TheHoldStaysWithTheNodeThatLacksFewestGpus) {
  scheduler_.apply(up(1, {.cpus = 16, .gpus = 4}));
  scheduler_.apply(up(2, {.cpus = 64, .gpus = 4}));
  queue(queued(1, {.gpus = 1, .cpus = 8}));
  queue(queued(2, {.gpus = 4, .cpus = 8}));
  EXPECT_THAT(start_all(), ElementsAre(job(1), job(2)));
  // Node 1 has three of the four GPUs already, node 2 more processors but no GPU.
  queue(queued(3, {.gpus = 4, .cpus = 8}));
  queue(queued(4, {.gpus = 1, .cpus = 1}));
  EXPECT_THAT(start_all(), IsEmpty());
  end(1);
  const Plan plan = scheduler_.decide(kNow);
  ASSERT_EQ(plan.starts.size(), 1U);
  EXPECT_EQ(plan.starts[0].job, job(3));
  EXPECT_EQ(plan.starts[0].placement.shares[0].node, node(1));
}

TEST_F(SchedulerTest, PlacesWhereLeastIsLeft) {
  scheduler_.apply(up(1, {.cpus = 16, .gpus = 4}));
  scheduler_.apply(up(2, {.cpus = 16, .gpus = 2}));
  scheduler_.apply(up(3, {.cpus = 4}));
  queue(queued(1, {.gpus = 2, .cpus = 1}));
  queue(queued(2, {.cpus = 4}));
  queue(queued(3, {.gpus = 1, .cpus = 1}));

  const Plan plan = scheduler_.decide(kNow);

  ASSERT_EQ(plan.starts.size(), 3U);
  EXPECT_EQ(plan.starts[0].placement, (Placement{{{node(2), {"2:0", "2:1"}}}}));
  EXPECT_EQ(plan.starts[1].placement, (Placement{{{node(3), {}}}}));
  EXPECT_EQ(plan.starts[2].placement, (Placement{{{node(1), {"1:0"}}}}));
}

TEST_F(SchedulerTest, TiesGoToTheLowerIdWhateverTheOrderOfArrival) {
  scheduler_.apply(up(2, {}));
  scheduler_.apply(up(1, {}));
  queue(queued(1, {}));
  EXPECT_EQ(scheduler_.decide(kNow).starts.at(0).placement.shares[0].node, node(1));
}

TEST_F(SchedulerTest, GivesOnlyGpusOfTheTypeThatWasAskedFor) {
  scheduler_.apply(up(1, {.gpus = 2, .model = "NVIDIA A100-SXM4-80GB"}));
  scheduler_.apply(up(2, {.gpus = 2}));
  queue(queued(1, {.gpus = 1, .gpu_type = "h100"}));
  queue(queued(2, {.gpus = 2, .gpu_type = "H100"}));
  queue(queued(3, {.gpus = 1, .gpu_type = "a100"}));

  const Plan plan = scheduler_.decide(kNow);

  ASSERT_EQ(plan.starts.size(), 2U);
  EXPECT_EQ(plan.starts[0].placement, (Placement{{{node(2), {"2:0"}}}}));
  EXPECT_EQ(plan.starts[1].job, job(3));
  EXPECT_EQ(plan.starts[1].placement.shares[0].node, node(1));
}

TEST_F(SchedulerTest, WaitsForTheTimeThatWasBooked) {
  scheduler_.apply(up(1, {}));
  auto later = queued(1, {});
  later.start_at = kNow + std::chrono::hours(2);
  auto sooner = queued(2, {});
  sooner.start_at = kNow + std::chrono::hours(1);
  queue(later);
  queue(sooner);

  const Plan early = scheduler_.decide(kNow);
  EXPECT_THAT(early.starts, IsEmpty());
  EXPECT_EQ(early.wake_at, sooner.start_at);
  const Plan between = scheduler_.decide(*sooner.start_at);
  EXPECT_EQ(between.starts.at(0).job, job(2));
  EXPECT_EQ(between.wake_at, later.start_at);
  const Plan late = scheduler_.decide(*later.start_at);
  EXPECT_EQ(late.starts.size(), 2U);
  EXPECT_FALSE(late.wake_at);
}

TEST_F(SchedulerTest, ABookedJobHoldsNothingBeforeItsTime) {
  scheduler_.apply(up(1, {.cpus = 2}));
  auto booked = queued(1, {.cpus = 2}, PriorityClass::urgent);
  booked.start_at = kNow + Millis(1);
  queue(booked);
  queue(queued(2, {.cpus = 2}, PriorityClass::idle));
  EXPECT_THAT(start_all(), ElementsAre(job(2)));
}

TEST_F(SchedulerTest, ANodeThatShrinksGetsNothingMoreUntilItHasRoomAgain) {
  scheduler_.apply(up(1, {.cpus = 4, .gpus = 2}));
  queue(queued(1, {.gpus = 2, .cpus = 3}));
  EXPECT_THAT(start_all(), ElementsAre(job(1)));
  scheduler_.apply(up(1, {.cpus = 2, .gpus = 1}));
  queue(queued(2, {.cpus = 1}));
  EXPECT_THAT(start_all(), IsEmpty());
  end(1);
  EXPECT_THAT(start_all(), ElementsAre(job(2)));
}

TEST_F(SchedulerTest, WhatRunsOnANodeThatLeftIsStillHeldWhenItComesBack) {
  scheduler_.apply(up(1, {.cpus = 2}));
  queue(queued(1, {.cpus = 2}));
  EXPECT_THAT(start_all(), ElementsAre(job(1)));
  scheduler_.apply(NodeDown{node(1)});
  queue(queued(2, {.cpus = 1}));
  EXPECT_THAT(start_all(), IsEmpty());
  scheduler_.apply(up(1, {.cpus = 2}));
  EXPECT_THAT(start_all(), IsEmpty());
  end(1);
  EXPECT_THAT(start_all(), ElementsAre(job(2)));
}

TEST_F(SchedulerTest, QueueingAJobAgainReplacesIt) {
  queue(queued(1, {}));
  auto again = queued(1, {}, PriorityClass::urgent);
  again.seq = 9;
  queue(again);
  EXPECT_EQ(scheduler_.queued(), 1U);
  EXPECT_EQ(scheduler_.find(job(1))->seq, 9);
  end(1);
  EXPECT_EQ(scheduler_.find(job(1)), nullptr);
}

TEST_F(SchedulerTest, AdmitSaysWhatWouldFit) {
  EXPECT_TRUE(scheduler_.admit(queued(1, {.gpus = 64})));
  scheduler_.apply(up(1, {.cpus = 8, .gpus = 2, .memory_bytes = std::int64_t{16} << 30}));
  scheduler_.apply(up(2, {.cpus = 32, .memory_bytes = std::int64_t{64} << 30}));

  const auto refused = [&](const Resources& resources) {
    const auto status = scheduler_.admit(queued(1, resources));
    EXPECT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::invalid_argument);
    return status ? Error{} : status.error();
  };
  EXPECT_TRUE(scheduler_.admit(queued(1, {.gpus = 2, .cpus = 8})));
  EXPECT_TRUE(scheduler_.admit(queued(1, {.nodes = 2})));
  EXPECT_EQ(refused({.gpus = 3}).field, "resources.gpus");
  EXPECT_EQ(refused({.gpus = 3}).expected, "at most 2");
  EXPECT_EQ(refused({.gpus = 1, .gpu_type = "B200"}).field, "resources.gpu_type");
  EXPECT_THAT(refused({.gpus = 1, .gpu_type = "B200"}).expected, HasSubstr("NVIDIA H100"));
  EXPECT_EQ(refused({.cpus = 33}).expected, "at most 32");
  EXPECT_EQ(refused({.memory = {std::int64_t{65} << 30}}).expected, "at most 64 GiB");
  EXPECT_EQ(refused({.gpus = 1, .cpus = 16}).field, "resources");
  EXPECT_EQ(refused({.nodes = 3}).field, "resources.nodes");
  EXPECT_EQ(refused({.gpus = 1, .gpu_milli = 500}).field, "resources.gpu_milli");
}

TEST_F(SchedulerTest, WhyTellsTheReason) {
  queue(queued(1, {.cpus = 4}));
  EXPECT_EQ(scheduler_.why(job(1), kNow).summary, "no node is up");
  EXPECT_EQ(scheduler_.why(job(9), kNow).summary, "it is not in the queue");

  scheduler_.apply(up(1, {.cpus = 4}));
  EXPECT_THAT(start_all(), ElementsAre(job(1)));
  EXPECT_EQ(scheduler_.why(job(1), kNow).summary, "it has its place on n1");

  queue(queued(2, {.cpus = 2}));
  const auto waiting = scheduler_.why(job(2), kNow);
  EXPECT_EQ(waiting.summary, "2 processors on one node are needed and at most 0 are free");
  ASSERT_EQ(waiting.candidates.size(), 1U);
  EXPECT_EQ(waiting.candidates[0].node_name, "n1");
  EXPECT_EQ(waiting.candidates[0].obstacle, "0 of 4 processors free");

  queue(queued(3, {.gpus = 1}));
  EXPECT_THAT(scheduler_.why(job(3), kNow).summary, HasSubstr("1 GPU on one node was asked for"));

  auto booked = queued(4, {});
  booked.start_at = kNow + Millis(1000);
  queue(booked);
  EXPECT_THAT(scheduler_.why(job(4), kNow).summary,
              HasSubstr("booked for 2023-11-14T22:13:21.000Z"));
}

TEST_F(SchedulerTest, WhyTellsWhenRoomIsSetAside) {
  scheduler_.apply(up(1, {.cpus = 4}));
  queue(queued(1, {.cpus = 3}));
  EXPECT_THAT(start_all(), ElementsAre(job(1)));
  queue(queued(2, {.cpus = 4}));
  queue(queued(3, {.cpus = 1}));
  const auto why = scheduler_.why(job(3), kNow);
  EXPECT_THAT(why.summary, HasSubstr("kept for jobs before it"));
  EXPECT_EQ(why.jobs_ahead, 1);
}

}  // namespace
}  // namespace galley::scheduler
