// Reservations, what may be backfilled before them, bookings and slots.
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

QueuedJob gpu_job(int number, std::int64_t gpus) {
  return queued(number, {.gpus = gpus, .cpus = 1});
}

class Reservations : public ::testing::Test {
 protected:
  void SetUp() override { world_.add(up(1, {.cpus = 32, .gpus = 8})); }

  /// Four GPUs are taken for the next hour, and a job that needs all eight waits.
  void block_the_node() {
    world_.submit(lasting(gpu_job(1, 4), 1h));
    world_.settle();
    world_.submit(lasting(gpu_job(2, 8), 1h));
  }

  Controller world_;
};

TEST_F(Reservations, SayWhenAndWhere) {
  block_the_node();
  const Plan plan = world_.pass();
  EXPECT_THAT(plan.starts, IsEmpty());
  ASSERT_EQ(plan.reservations.size(), 1U);
  EXPECT_EQ(plan.reservations[0].job, job(2));
  EXPECT_EQ(plan.reservations[0].at, kNow + 1h);
  EXPECT_THAT(plan.reservations[0].nodes, ElementsAre(node(1)));
}

TEST_F(Reservations, AJobThatEndsInTimeMayUseWhatIsKept) {
  block_the_node();
  world_.submit(lasting(gpu_job(3, 4), 1h));
  EXPECT_THAT(world_.settle().first, ElementsAre(job(3)));
}

TEST_F(Reservations, AJobThatMayRunLongerMayNot) {
  block_the_node();
  QueuedJob longer = gpu_job(3, 4);
  longer.runtime = Runtime{50min, 61min};  // typically in time, but one in ten is not
  world_.submit(longer);
  EXPECT_THAT(world_.settle().first, IsEmpty());
}

TEST_F(Reservations, CountOnTheEndThatTheProgressOfARunningJobTells) {
  world_.submit(gpu_job(1, 4));  // nothing is known of it: soon over, by all that can be said
  world_.settle();
  world_.submit(lasting(gpu_job(2, 8), 1h));
  world_.submit(lasting(gpu_job(3, 4), 30min));
  EXPECT_THAT(world_.settle().first, IsEmpty());

  world_.scheduler.apply(EndExpected{job(1), kNow + 40min});

  const Plan plan = world_.pass();
  ASSERT_EQ(plan.starts.size(), 1U);
  EXPECT_EQ(plan.starts[0].job, job(3));
  ASSERT_EQ(plan.reservations.size(), 1U);
  EXPECT_EQ(plan.reservations[0].at, kNow + 40min);
}

TEST_F(Reservations, ProgressRulesOverWhatAJobHasStated) {
  block_the_node();
  world_.scheduler.apply(EndExpected{job(1), kNow + 10min});
  world_.submit(lasting(gpu_job(3, 4), 30min));
  EXPECT_THAT(world_.settle().first, IsEmpty());
  EXPECT_EQ(world_.pass().reservations.at(0).at, kNow + 10min);
}

TEST_F(Reservations, AJobThatHasEndedOrNeverBeganIsExpectedNoMore) {
  world_.scheduler.apply(EndExpected{job(7), kNow + 10min});
  world_.submit(lasting(gpu_job(1, 4), 1h));
  world_.scheduler.apply(EndExpected{job(1), kNow + 10min});  // it waits
  world_.settle();
  world_.scheduler.apply(EndExpected{job(1), kNow + 10min});
  world_.queue_again(job(1));  // and begins anew
  world_.settle();
  world_.submit(lasting(gpu_job(2, 8), 1h));
  EXPECT_EQ(world_.pass().reservations.at(0).at, kNow + 1h);
}

TEST_F(Reservations, AJobThatRunsLikeEarlierOnesMayBeBackfilled) {
  block_the_node();
  world_.submit(gpu_job(3, 4));
  EXPECT_THAT(world_.settle().first, IsEmpty());
  world_.scheduler.apply(RuntimeExpected{job(3), {20min, 50min}});
  EXPECT_THAT(world_.settle().first, ElementsAre(job(3)));
}

TEST_F(Reservations, AWaitingJobTakesItsPlaceByWhatItIsExpectedToTake) {
  world_.submit(lasting(gpu_job(1, 8), 1h));
  world_.settle();
  world_.submit(gpu_job(2, 8));
  world_.submit(gpu_job(3, 8));
  world_.scheduler.apply(RuntimeExpected{job(3), {2min, 3min}});
  world_.end(1);
  EXPECT_THAT(world_.settle().first, ElementsAre(job(3)));
  world_.end(3);
  EXPECT_THAT(world_.settle().first, ElementsAre(job(2)));
}

TEST_F(Reservations, AJobOfUnknownLengthMayNot) {
  block_the_node();
  world_.submit(gpu_job(3, 1));
  EXPECT_THAT(world_.settle().first, IsEmpty());
  world_.now += 1h;
  world_.end(1);
  EXPECT_THAT(world_.settle().first, ElementsAre(job(2)));
}

TEST_F(Reservations, BackfilledJobsDoNotDelayTheReservation) {
  block_the_node();
  int next = 3;
  std::map<JobId, WallTime> ends;
  // Every five minutes two short ones come; those whose end lies before it may run.
  for (; world_.now < kNow + 1h; world_.now += 5min) {
    for (auto one = ends.begin(); one != ends.end();) {
      if (one->second > world_.now) {
        ++one;
        continue;
      }
      world_.end(one->first);
      one = ends.erase(one);
    }
    for (int i = 0; i < 2; ++i) world_.submit(lasting(gpu_job(next++, 2), 20min));
    for (const JobId& id : world_.settle().first) {
      ASSERT_NE(id, job(2));
      ends[id] = world_.now + 20min;
      EXPECT_LE(ends[id], kNow + 1h);
    }
  }
  for (const auto& [id, end] : ends) world_.end(id);
  world_.end(1);
  const auto started = world_.settle().first;
  EXPECT_THAT(started, ElementsAre(job(2)));
}

/// A job of a whole node among small ones that keep every GPU busy: one comes for each that ends.
WallTime::duration wait_among_small_ones(int node_count, std::optional<Millis> small,
                                         std::optional<Millis> big) {
  Controller world;
  for (int i = 1; i <= node_count; ++i) world.add(up(i, {.cpus = 64, .gpus = 8}));
  int next = 1;
  const auto submit_small = [&] {
    QueuedJob one = queued(next++, {.gpus = 1, .cpus = 1});
    if (small) one = lasting(one, *small);
    world.submit(one);
  };
  for (int i = 0; i < node_count * 16; ++i) submit_small();
  world.settle();
  const int waits = next++;
  QueuedJob whole = gpu_job(waits, 8);
  if (big) whole = lasting(whole, *big);
  world.submit(whole);
  // Small ones run for half an hour, ending at different times.
  std::multimap<WallTime, JobId> ends;
  int place = 0;
  for (const auto& [id, one] : world.running)
    ends.emplace(kNow + Millis(1min) * (1 + place++ % 30), id);
  while (!world.runs(waits) && world.now < kNow + 24h * 7 && !ends.empty()) {
    world.now = std::max(world.now, ends.begin()->first);
    world.end(ends.begin()->second);
    ends.erase(ends.begin());
    submit_small();
    for (const JobId& id : world.settle().first) ends.emplace(world.now + 30min, id);
  }
  return world.runs(waits) ? world.now - kNow : WallTime::duration::max();
}

TEST(Starvation, AWholeNodeIsFoundForAJobAmongSmallOnesOfKnownLength) {
  EXPECT_LE(wait_among_small_ones(1, 30min, 1h), 25h);
  EXPECT_LE(wait_among_small_ones(4, 30min, 1h), 25h);
}
TEST(Starvation, AWholeNodeIsFoundForAJobAmongSmallOnesOfUnknownLength) {
  EXPECT_LE(wait_among_small_ones(1, std::nullopt, std::nullopt), 25h);
  EXPECT_LE(wait_among_small_ones(4, std::nullopt, std::nullopt), 25h);
}
TEST(Starvation, AWholeNodeIsFoundWhenOnlyOneSideIsKnown) {
  EXPECT_LE(wait_among_small_ones(4, 30min, std::nullopt), 25h);
  EXPECT_LE(wait_among_small_ones(4, std::nullopt, 1h), 25h);
  // Small ones that overstay what they stated, and a big one of less than a minute.
  EXPECT_LE(wait_among_small_ones(4, 5min, 30s), 25h);
}

/// Jobs of four days keep waiting, and short ones keep coming that would fill every GPU: GPU-hours
/// that each kind gets in five weeks on a node of eight.
std::pair<double, double> long_and_short_hours() {
  Controller world;
  world.add(up(1, {.cpus = 64, .gpus = 8}));
  int next = 1;
  const auto submit = [&](int count, Millis length) {
    for (int i = 0; i < count; ++i)
      world.submit(lasting(queued(next++, {.gpus = 1, .cpus = 1}), length));
  };
  constexpr Millis kLong = 96h;
  constexpr Millis kShort = 6h;
  submit(20, kLong);
  std::multimap<WallTime, JobId> ends;
  double long_hours = 0;
  double short_hours = 0;
  for (; world.now < kNow + 24h * 35; world.now += kShort) {
    while (!ends.empty() && ends.begin()->first <= world.now) {
      world.end(ends.begin()->second);
      ends.erase(ends.begin());
    }
    submit(10, kShort);
    for (const JobId& id : world.settle().first) {
      const bool is_long = world.running.at(id).job.runtime->typical == kLong;
      (is_long ? long_hours : short_hours) += is_long ? 96 : 6;
      ends.emplace(world.now + (is_long ? kLong : kShort), id);
    }
  }
  return {long_hours, short_hours};
}

TEST(Starvation, LongJobsThatHaveWaitedForDaysGetAPartOfTheFleetAndNoMore) {
  const auto [long_hours, short_hours] = long_and_short_hours();

  EXPECT_GE(long_hours, 24 * 35 / 2.0) << "half of one GPU at least";
  EXPECT_LE(long_hours, 24 * 35 * 1.5 + 96) << "and little more than that GPU";
  EXPECT_GE(short_hours, 24 * 35 * 6.0);
}

class Bookings : public Reservations {
 protected:
  void SetUp() override {
    Reservations::SetUp();
    world_.scheduler.apply(Booked{{.id = "demo",
                                   .team = "vision",
                                   .resources = {.gpus = 4, .cpus = 4},
                                   .start_at = kNow + 1h,
                                   .duration = 1h}});
  }
  static QueuedJob inside(QueuedJob job) {
    job.team = "vision";
    job.booking = "demo";
    return job;
  }
};

TEST_F(Bookings, KeepTheirGpusForThoseWhoNameThem) {
  world_.submit(lasting(gpu_job(1, 8), 2h));  // it would run into the booking
  world_.submit(lasting(gpu_job(2, 4), 2h));
  EXPECT_THAT(world_.settle().first, ElementsAre(job(2)));
  world_.now += 1h;
  world_.submit(inside(gpu_job(3, 4)));
  EXPECT_THAT(world_.settle().first, ElementsAre(job(3)));
}

TEST_F(Bookings, LendTheirGpusToJobsThatEndBefore) {
  world_.submit(lasting(gpu_job(1, 8), 1h));
  EXPECT_THAT(world_.settle().first, ElementsAre(job(1)));
}

TEST_F(Bookings, DoNotLendThemToJobsOfUnknownLength) {
  world_.submit(gpu_job(1, 8));
  EXPECT_THAT(world_.settle().first, IsEmpty());
}

TEST_F(Bookings, AreOverWhenTheyEnd) {
  world_.submit(gpu_job(1, 8));
  const auto wake = world_.settle().second;
  ASSERT_TRUE(wake);
  EXPECT_EQ(*wake, kNow + 1h);
  world_.now += 2h;
  EXPECT_THAT(world_.settle().first, ElementsAre(job(1)));
}

TEST_F(Bookings, GiveWayWhenTheyAreCancelled) {
  world_.submit(gpu_job(1, 8));
  EXPECT_THAT(world_.settle().first, IsEmpty());
  world_.scheduler.apply(Unbooked{"demo"});
  EXPECT_THAT(world_.settle().first, ElementsAre(job(1)));
}

TEST_F(Reservations, ASlotIsKeptForAJobWithAStatedRuntime) {
  QueuedJob slot = lasting(gpu_job(1, 8), 1h);
  slot.start_at = kNow + 2h;
  world_.submit(slot);
  world_.submit(lasting(gpu_job(2, 1), 3h));
  world_.submit(lasting(gpu_job(3, 1), 2h));
  world_.submit(gpu_job(4, 1));
  const auto [started, wake] = world_.settle();
  EXPECT_THAT(started, ElementsAre(job(3)));
  EXPECT_EQ(wake, kNow + 2h);
  world_.now += 2h;
  world_.end(3);
  EXPECT_THAT(world_.settle().first, ElementsAre(job(1)));
}

TEST_F(Reservations, ASlotWithoutARuntimeKeepsNothing) {
  QueuedJob slot = gpu_job(1, 8);
  slot.start_at = kNow + 2h;
  world_.submit(slot);
  world_.submit(gpu_job(2, 8));
  EXPECT_THAT(world_.settle().first, ElementsAre(job(2)));
}

TEST_F(Reservations, ADueSlotGoesBeforeTheQueue) {
  world_.submit(gpu_job(1, 8));
  world_.settle();
  world_.submit(gpu_job(2, 8));
  QueuedJob slot = gpu_job(3, 8);
  slot.start_at = kNow + 1h;
  world_.submit(slot);
  world_.now += 2h;
  world_.end(1);
  EXPECT_THAT(world_.settle().first, ElementsAre(job(3)));
}

}  // namespace
}  // namespace galley::scheduler
