#include "traces/arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace galley::bench {
namespace {

TraceTask task(int gpus, int gpu_milli) {
  return {.name = "t",
          .cpu_milli = 1,
          .memory_mib = 1,
          .gpus = gpus,
          .gpu_milli = gpu_milli,
          .models = {}};
}

TEST(Arrivals, BringEveryTaskOnceAndCopiesUpToTheLoad) {
  const std::vector<TraceTask> tasks{task(1, 1000), task(2, 1000), task(1, 500), task(0, 0)};
  const auto order = arrivals(tasks, 100'000, 1.3, 7);
  std::int64_t asked = 0;
  for (const auto number : order) asked += gpu_request_milli(tasks[number]);
  EXPECT_LE(asked, 130'000);
  EXPECT_GT(asked, 128'000) << "the next copy of at most two GPUs did not fit";
  for (std::uint32_t number = 0; number < tasks.size(); ++number)
    EXPECT_NE(std::ranges::count(order, number), 0);
}

TEST(Arrivals, AreEqualForEqualSeedsOnly) {
  const std::vector<TraceTask> tasks{task(1, 1000), task(1, 300)};
  EXPECT_EQ(arrivals(tasks, 50'000, 1.3, 1), arrivals(tasks, 50'000, 1.3, 1));
  EXPECT_NE(arrivals(tasks, 50'000, 1.3, 1), arrivals(tasks, 50'000, 1.3, 2));
}

TEST(Arrivals, EndWithoutGpusAsWell) {
  const std::vector<TraceTask> tasks{task(0, 0), task(0, 0)};
  EXPECT_EQ(arrivals(tasks, 50'000, 1.3, 1).size(), 2U);
}

TEST(Shuffled, IsAPermutation) {
  auto order = shuffled(100, 3);
  EXPECT_FALSE(std::ranges::is_sorted(order));
  std::ranges::sort(order);
  std::vector<std::uint32_t> all(100);
  std::iota(all.begin(), all.end(), 0U);
  EXPECT_EQ(order, all);
}

}  // namespace
}  // namespace galley::bench
