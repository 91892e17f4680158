// Where jobs with images go.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet.h"

namespace galley::scheduler {
namespace {

using protocol::Resources;
using ::testing::HasSubstr;

class ContainersTest : public ::testing::Test {
 protected:
  void node_up(int number, bool runs, bool builds) {
    auto event = up(number, {.cpus = 8, .gpus = 2});
    event.offer.runs_images = runs;
    event.offer.builds_images = builds;
    scheduler_.apply(event);
  }
  QueuedJob with_image(int number, Container container) {
    auto job = queued(number, {.gpus = 1, .cpus = 1});
    job.container = container;
    job.contents = {{"image:a", 0}};
    return job;
  }
  /// The node on which the job starts now; 0 for none.
  int place(const QueuedJob& job) {
    scheduler_.apply(JobQueued{job});
    const Plan plan = scheduler_.decide(kNow);
    for (const Start& start : plan.starts) {
      if (start.job != job.id) continue;
      scheduler_.apply(JobPlaced{job, start.placement, kNow});
      for (int number = 1; number < 10; ++number)
        if (start.placement.shares.front().node == node(number)) return number;
    }
    return 0;
  }

  Scheduler scheduler_;
};

TEST_F(ContainersTest, AnImageNeedsANodeWithAnEngine) {
  node_up(1, false, false);
  const auto refused = scheduler_.admit(with_image(1, Container::run));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().field, "image");
  EXPECT_THAT(refused.error().message, HasSubstr("no node has a container engine"));
  EXPECT_EQ(scheduler_.guide(with_image(1, Container::run), kNow).binding, Binding::impossible);

  node_up(2, true, false);
  EXPECT_TRUE(scheduler_.admit(with_image(1, Container::run)));
  EXPECT_EQ(scheduler_.admit(with_image(1, Container::build)).error().field, "build");
  for (int number = 1; number <= 2; ++number)
    EXPECT_EQ(place(with_image(number, Container::run)), 2);
  EXPECT_EQ(place(with_image(3, Container::run)), 0) << "the node with the engine is full";
  EXPECT_EQ(place(queued(4, {.gpus = 1, .cpus = 1})), 1);
}

TEST_F(ContainersTest, AnEngineThatGoesAwayIsSaid) {
  node_up(1, true, true);
  node_up(2, false, false);
  node_up(1, false, false);
  const auto job = with_image(1, Container::run);
  EXPECT_EQ(place(job), 0);
  EXPECT_THAT(scheduler_.why(job.id, kNow).summary, HasSubstr("container engine"));
  for (const auto& candidate : scheduler_.why(job.id, kNow).candidates)
    EXPECT_THAT(candidate.obstacle, HasSubstr("no container engine"));
  node_up(1, true, true);
  ASSERT_EQ(scheduler_.decide(kNow).starts.size(), 1U);
}

TEST_F(ContainersTest, AJobThatRunsKeepsItsPlaceWhenTheEngineGoes) {
  node_up(1, true, true);
  ASSERT_EQ(place(with_image(1, Container::run)), 1);
  node_up(1, false, false);
  EXPECT_EQ(place(queued(2, {.gpus = 2, .cpus = 1})), 0);
  EXPECT_EQ(place(queued(3, {.gpus = 1, .cpus = 1})), 0) << "it is kept for the one before";
  scheduler_.apply(JobGone{job(1), kNow});
  EXPECT_EQ(scheduler_.decide(kNow).starts.size(), 1U);
}

TEST_F(ContainersTest, GoesWhereItsImageIs) {
  for (int number = 1; number <= 3; ++number) node_up(number, true, true);
  scheduler_.apply(ContentsSeen{node(3), {"image:a"}});
  scheduler_.apply(ContentMeasured{{"image:a", std::int64_t{8} << 30}, Millis{0}});
  EXPECT_EQ(place(with_image(1, Container::run)), 3);
}

TEST_F(ContainersTest, BuildsWhereItCanStartSoonest) {
  for (int number = 1; number <= 3; ++number) node_up(number, true, number != 3);
  auto job = with_image(1, Container::build);
  job.contents.push_back({"image:base", 0, true});
  scheduler_.apply(ContentMeasured{{"image:base", std::int64_t{8} << 30}, Millis{0}});
  scheduler_.apply(ContentsSeen{node(2), {"image:base"}});
  scheduler_.apply(ContentsSeen{node(3), {"image:base"}});
  EXPECT_EQ(place(job), 2) << "the base is there, and its engine builds";

  // Once it is built somewhere, its base does not matter any more.
  auto again = with_image(2, Container::build);
  again.contents.push_back({"image:base", 0, true});
  scheduler_.apply(ContentMeasured{{"image:a", 1000}, Millis{600'000}});
  scheduler_.apply(ContentsSeen{node(1), {"image:a"}});
  EXPECT_EQ(place(again), 1);
}

}  // namespace
}  // namespace galley::scheduler
