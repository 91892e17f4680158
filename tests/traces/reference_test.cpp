#include "traces/reference.h"

#include <gtest/gtest.h>

#include <vector>

#include "traces/student.h"

namespace galley::bench {
namespace {

TraceTask fleet_task(int gpus, int gpu_milli, std::int64_t cpu_milli = 1'000) {
  return {.name = "t",
          .cpu_milli = cpu_milli,
          .memory_mib = 1,
          .gpus = gpus,
          .gpu_milli = gpu_milli,
          .models = {}};
}
TraceNode fleet_node(int gpus, std::int64_t cpu_milli = 8'000) {
  return {.name = "n", .cpu_milli = cpu_milli, .memory_mib = 1'000, .gpus = gpus, .model = "T4"};
}

TEST(TypicalClasses, KeepsTheMostFrequentUpToTheCut) {
  std::vector<TraceTask> tasks(90, fleet_task(1, 1000));
  tasks.insert(tasks.end(), 8, fleet_task(1, 500));
  tasks.insert(tasks.end(), 2, fleet_task(8, 1000));
  const auto classes = typical_classes(tasks);
  ASSERT_EQ(classes.size(), 2U);
  EXPECT_EQ(classes[0].gpu_milli, 1000);
  EXPECT_DOUBLE_EQ(classes[0].share + classes[1].share, 1);
}

class EachReference : public testing::TestWithParam<Reference> {};

TEST_P(EachReference, PlacesUntilNothingFits) {
  const OpenbTrace trace{
      {fleet_node(2), fleet_node(4)},
      {fleet_task(1, 1000), fleet_task(4, 1000), fleet_task(1, 400), fleet_task(0, 0, 8'001)}};
  const auto mix = typical_classes(trace.tasks);
  ReferenceFleet fleet(trace, mix, GetParam(), 1);
  EXPECT_FALSE(fleet.place(3)) << "more processors than any node has";
  EXPECT_TRUE(fleet.place(1));
  EXPECT_FALSE(fleet.place(1));
  EXPECT_TRUE(fleet.place(0));
  EXPECT_TRUE(fleet.place(2));
  EXPECT_TRUE(fleet.place(2));
  EXPECT_FALSE(fleet.place(0));
  EXPECT_FALSE(fleet.place(2)) << "200 thousandths are left";
}

INSTANTIATE_TEST_SUITE_P(All, EachReference, testing::ValuesIn(kReferences),
                         [](const auto& each) { return std::string(to_string(each.param)); });

TEST(Fgd, SparesTheNodeThatLargeTasksNeed) {
  const OpenbTrace trace{{fleet_node(4), fleet_node(2)},
                         {fleet_task(1, 1000), fleet_task(4, 1000)}};
  const auto mix = typical_classes(trace.tasks);
  ReferenceFleet fleet(trace, mix, Reference::fgd, 1);
  EXPECT_TRUE(fleet.place(0));
  EXPECT_TRUE(fleet.place(0));
  EXPECT_TRUE(fleet.place(1));
}

TEST(PairedDifference, IsStudents) {
  // Differences 1, 2, 3: mean 2, standard error 1/sqrt(3), t(2) = 4.303.
  const auto gain = paired_difference(std::vector{2.0, 4.0, 6.0}, std::vector{1.0, 2.0, 3.0});
  EXPECT_DOUBLE_EQ(gain.mean, 2);
  EXPECT_NEAR(gain.low, 2 - 4.303 / 1.7320508, 1e-6);
}

}  // namespace
}  // namespace galley::bench
