#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "controller.h"

namespace galley::scheduler {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr protocol::Resources gpus(std::int64_t count) {
  protocol::Resources resources;
  resources.gpus = count;
  return resources;
}

QueuedJob of(const std::string& user, int number, std::int64_t count) {
  QueuedJob job = queued(number, gpus(count));
  job.user = user;
  return job;
}

class UserQuota : public ::testing::Test {
 protected:
  UserQuota() {
    world_.add(up(1, {.cpus = 64, .gpus = 8}));
    world_.scheduler.apply(QuotaChanged{"ada", 4});
  }
  std::vector<JobId> started() { return world_.settle().first; }
  Guide guide(int number) {
    return world_.scheduler.guide(*world_.scheduler.find(job(number)), world_.now);
  }
  Controller world_;
};

TEST_F(UserQuota, JobsPastItWaitWithTheReasonAndStartWhenTheUsersOwnEnd) {
  world_.submit(of("ada", 1, 2));
  world_.submit(of("ada", 2, 2));
  world_.submit(of("ada", 3, 2));
  EXPECT_THAT(started(), ElementsAre(job(1), job(2)));
  EXPECT_EQ(guide(3).binding, Binding::quota);
  EXPECT_EQ(guide(3).reason, "quota of ada: 4 of 4 GPUs in use");
  EXPECT_EQ(world_.scheduler.why(job(3), world_.now).summary, "quota of ada: 4 of 4 GPUs in use");
  world_.end(1);
  EXPECT_THAT(started(), ElementsAre(job(3)));
}

TEST_F(UserQuota, OthersAreNotTouchedAndPassBy) {
  world_.submit(of("ada", 1, 4));
  world_.submit(of("ada", 2, 4));
  world_.submit(of("bob", 3, 4));
  EXPECT_THAT(started(), ElementsAre(job(1), job(3)));
}

TEST_F(UserQuota, WhatStillFitsIsNotHeldUpByAJobThatDoesNot) {
  world_.submit(of("ada", 1, 3));
  world_.submit(of("ada", 2, 2));
  world_.submit(of("ada", 3, 1));
  EXPECT_THAT(started(), ElementsAre(job(1), job(3)));
}

TEST_F(UserQuota, JobsWithoutGpusDoNotCount) {
  world_.submit(of("ada", 1, 4));
  world_.submit(of("ada", 2, 0));
  EXPECT_THAT(started(), ElementsAre(job(1), job(2)));
}

TEST_F(UserQuota, AJobLargerThanItIsToldSo) {
  world_.submit(of("ada", 1, 8));
  EXPECT_THAT(started(), IsEmpty());
  EXPECT_EQ(guide(1).reason, "quota of ada: it asks for 8 GPUs, and 4 may be in use at once");
  for (const Alternative& one : guide(1).alternatives)
    if (one.kind == "fewer_gpus") {
      EXPECT_TRUE(one.starts_now);
      EXPECT_LE(one.resources.gpus, 4);
    }
}

TEST_F(UserQuota, AChangeTakesEffectAtOnceInBothDirections) {
  for (int i = 1; i <= 4; ++i) world_.submit(of("ada", i, 2));
  EXPECT_EQ(started().size(), 2U);
  world_.scheduler.apply(QuotaChanged{"ada", 6});
  EXPECT_THAT(started(), ElementsAre(job(3)));
  world_.scheduler.apply(QuotaChanged{"ada", 2});
  world_.end(1);
  EXPECT_THAT(started(), IsEmpty()) << "4 of 2 GPUs are still in use";
  world_.scheduler.apply(QuotaChanged{"ada", std::nullopt});
  EXPECT_THAT(started(), ElementsAre(job(4)));
}

TEST_F(UserQuota, ABookedTimeDoesNotGoAroundIt) {
  world_.submit(of("ada", 1, 4));
  auto later = of("ada", 2, 2);
  later.start_at = world_.now + std::chrono::hours(1);
  later.runtime = Runtime{std::chrono::hours(1), std::chrono::hours(1)};
  world_.submit(later);
  EXPECT_THAT(started(), ElementsAre(job(1)));
  world_.now += std::chrono::hours(1);
  EXPECT_THAT(started(), IsEmpty());
  world_.end(1);
  EXPECT_THAT(started(), ElementsAre(job(2)));
}

TEST_F(UserQuota, GuaranteedCellsDoNotGoAroundIt) {
  world_.team("nlp", {{"", 8, 1}});
  for (int i = 1; i <= 3; ++i) {
    auto one = of("ada", i, 2);
    one.team = "nlp";
    world_.submit(one);
  }
  auto bobs = of("bob", 4, 2);
  bobs.team = "nlp";
  world_.submit(bobs);
  EXPECT_THAT(started(), ::testing::UnorderedElementsAre(job(1), job(2), job(4)));
  world_.end(2);
  EXPECT_THAT(started(), ElementsAre(job(3)));
  EXPECT_EQ(world_.standing(3), Standing::guaranteed);
}

/// Nobody ever holds more, nothing that fits is kept waiting on an empty fleet, and a scheduler
/// that is built anew from what is stored decides alike.
TEST(UserQuotaProperty, NobodyHoldsMoreAndARestartChangesNothing) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 dice(seed);
    Controller world;
    world.add(up(1, {.cpus = 512, .gpus = 8}));
    world.add(up(2, {.cpus = 512, .gpus = 8}));
    std::map<std::string, std::int64_t> quota{{"ada", 4}, {"bob", 6}};
    for (const auto& [user, most] : quota) world.scheduler.apply(QuotaChanged{user, most});
    int number = 0;
    for (int step = 0; step < 60; ++step) {
      const char* users[] = {"ada", "bob", "eve"};
      if (dice() % 3 != 0) {
        world.submit(of(users[dice() % 3], ++number, static_cast<std::int64_t>(dice() % 5)));
      } else if (!world.running.empty()) {
        auto victim = world.running.begin();
        std::advance(victim, static_cast<std::ptrdiff_t>(dice() % world.running.size()));
        world.end(JobId(victim->first));
      }
      world.now += std::chrono::seconds(1);
      Scheduler anew;
      anew.apply(up(1, {.cpus = 512, .gpus = 8}));
      anew.apply(up(2, {.cpus = 512, .gpus = 8}));
      for (const auto& [id, run] : world.running)
        anew.apply(JobPlaced{run.job, run.start.placement, run.since});
      for (int i = 1; i <= number; ++i)
        if (const QueuedJob* waits = world.scheduler.find(job(i))) anew.apply(JobQueued{*waits});
      for (const auto& [user, most] : quota) anew.apply(QuotaChanged{user, most});
      std::vector<JobId> expected;
      for (const Start& start : anew.decide(world.now).starts) expected.push_back(start.job);
      std::vector<JobId> found;
      for (const Start& start : world.pass().starts) found.push_back(start.job);
      EXPECT_THAT(found, ::testing::UnorderedElementsAreArray(expected));
      std::map<std::string, std::int64_t> held;
      for (const auto& [id, run] : world.running) held[run.job.user] += run.job.resources.gpus;
      for (const auto& [user, most] : quota) ASSERT_LE(held[user], most) << user;
    }
    EXPECT_GT(number, 10);
  }
}

}  // namespace
}  // namespace galley::scheduler
