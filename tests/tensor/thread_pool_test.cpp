#include "tensor/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace galley::tensor {
namespace {

class Threads : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(Threads, RunEachTileOnceAndLeaveItsWritesVisible) {
  ThreadPool pool(GetParam());
  ASSERT_EQ(pool.size(), std::max(1U, GetParam()));
  // Not atomic on purpose: the pool alone orders these, which ThreadSanitizer checks.
  std::vector<int> calls(500, 0);
  long sum = 0;
  for (int loop = 0; loop < 2000; ++loop) {
    const std::size_t tiles = static_cast<std::size_t>(loop) % 97;
    pool.run(tiles, [&](std::size_t tile, std::uint32_t thread) {
      ++calls[tile];
      if (thread >= pool.size()) calls[tile] += 1000;
    });
    for (std::size_t tile = 0; tile < tiles; ++tile) sum += calls[tile];
    EXPECT_TRUE(std::all_of(calls.begin() + static_cast<std::ptrdiff_t>(tiles), calls.end(),
                            [](int count) { return count == 0; }));
    EXPECT_TRUE(std::all_of(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(tiles),
                            [](int count) { return count == 1; }))
        << "loop " << loop;
    std::ranges::fill(calls, 0);
  }
  EXPECT_GT(sum, 0);
}

TEST_P(Threads, HaveDifferentNumbersWhileTheyRunAtOnce) {
  ThreadPool pool(GetParam());
  // Each number's counter belongs to one thread at a time, or the sum would miss some.
  struct alignas(64) Counter {
    long value = 0;
  };
  std::vector<Counter> own(pool.size());
  constexpr std::size_t kTiles = 20000;
  pool.run(kTiles, [&](std::size_t, std::uint32_t thread) { ++own[thread].value; });
  long total = 0;
  for (const Counter& counter : own) total += counter.value;
  EXPECT_EQ(total, static_cast<long>(kTiles));
}

TEST_P(Threads, SleepBetweenLoopsAndWakeForTheNext) {
  ThreadPool pool(GetParam());
  std::vector<int> results(64);
  for (int loop = 0; loop < 20; ++loop) {
    // Long enough that whoever waits has stopped spinning.
    pool.run(results.size(), [&](std::size_t tile, std::uint32_t) {
      volatile int x = 0;
      for (int i = 0; i < 20000; ++i) x = x + 1;
      results[tile] += x;
    });
    volatile int serial = 0;
    for (int i = 0; i < 100000; ++i) serial = serial + 1;
  }
  EXPECT_TRUE(std::ranges::all_of(results, [](int x) { return x == 400000; }));
}

INSTANTIATE_TEST_SUITE_P(Counts, Threads, ::testing::Values(0, 1, 2, 3, 8, 33));

TEST(ThreadPool, StartsAndStopsWithoutALoop) {
  for (int i = 0; i < 50; ++i) ThreadPool pool(4);
}

}  // namespace
}  // namespace galley::tensor
