// Channels that move while everybody asks.
#include <array>
#include <atomic>
#include <thread>

#include "fixture.h"

namespace galley::serving {
namespace {

TEST(ModelHostSwap, EveryAnswerUnderASwapIsOfOneOfTheTwo) {
  World world;
  const auto first = world.snapshot("nsmc", 1);
  const auto second = world.snapshot("nsmc", 2);
  ASSERT_TRUE(world.host->apply(first));

  constexpr int kThreads = 8;
  constexpr int kSwaps = 40;
  std::atomic<bool> done = false;
  std::atomic<std::int64_t> answered = 0;
  std::atomic<int> wrong = 0;
  std::array<std::atomic<bool>, 3> seen{};
  {
    std::vector<std::jthread> askers;
    for (int i = 0; i < kThreads; ++i)
      askers.emplace_back([&] {
        while (!done.load()) {
          const auto answer = world.host->predict("nsmc", {"hello", "world"});
          // Label, labels and reference must be of one snapshot.
          const bool whole =
              answer && answer->predictions.size() == 2 &&
              answer->predictions[0].label == answer->labels->at(0) &&
              ((answer->snapshot_ref == "nsmc@1" && answer->predictions[1].label == "nsmc-1") ||
               (answer->snapshot_ref == "nsmc@2" && answer->predictions[1].label == "nsmc-2"));
          if (!whole) wrong.fetch_add(1);
          if (whole) seen[answer->snapshot_ref == "nsmc@1" ? 1 : 2].store(true);
          answered.fetch_add(2);
        }
      });
    for (int i = 0; i < kSwaps; ++i) {
      const std::int64_t before = answered.load();
      EXPECT_TRUE(world.host->apply(at_generation(i % 2 == 0 ? second : first, 10 + i)));
      (void)world.host->stats();
      (void)world.host->loaded();
      // Each state is asked for at least once before the next swap.
      while (answered.load() < before + 4 * kThreads) std::this_thread::yield();
    }
    done = true;
  }
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_TRUE(seen[1].load() && seen[2].load());
  EXPECT_EQ(world.host->stats().predictions_total, answered.load());
  EXPECT_EQ(world.host->stats().errors_total, 0);
  EXPECT_EQ(world.host->find("nsmc")->predictions_total, answered.load());
}

TEST(ModelHostSwap, TwoMoversEndWithTheHighestGeneration) {
  World world;
  const auto first = world.snapshot("nsmc", 1);
  const auto second = world.snapshot("nsmc", 2);
  {
    std::vector<std::jthread> movers;
    for (int mover = 0; mover < 2; ++mover)
      movers.emplace_back([&, mover] {
        for (int i = 0; i < 20; ++i)
          EXPECT_TRUE(world.host->apply(at_generation(mover == 0 ? first : second, 2 * i + mover)));
      });
  }
  EXPECT_EQ(world.ask("nsmc"), "nsmc-2");
  EXPECT_EQ(world.host->find("nsmc")->placement.generation, 39);
  world.restart();
  EXPECT_EQ(world.ask("nsmc"), "nsmc-2");
}

}  // namespace
}  // namespace galley::serving
