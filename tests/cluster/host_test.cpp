#include "cluster/host.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "cluster/inventory.h"

namespace galley::cluster {
namespace {

TEST(ParseCpuTimes, CountsEverythingButIdleAndWaitingAsBusy) {
  const auto times = parse_cpu_times("cpu  10 20 30 400 50 6 7 8 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n");

  ASSERT_TRUE(times) << times.error().message;
  EXPECT_EQ(times->busy, 10U + 20 + 30 + 6 + 7 + 8);
  EXPECT_EQ(times->total, times->busy + 400 + 50);
}

TEST(ParseMeminfo, ReadsTotalAndAvailable) {
  const auto info = parse_meminfo("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n");

  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->total_bytes, 1000 * 1024);
  EXPECT_EQ(info->available_bytes, 600 * 1024);
}

TEST(ParseLoadavg, ReadsThreeNumbers) {
  const auto load = parse_loadavg("0.50 1.25 2.00 1/234 5678\n");

  ASSERT_TRUE(load) << load.error().message;
  EXPECT_EQ(load->minutes1, 0.5);
  EXPECT_EQ(load->minutes5, 1.25);
  EXPECT_EQ(load->minutes15, 2.0);
}

TEST(ParseHostFiles, RefuseOtherTexts) {
  for (const char* text :
       {"", "x", "cpu 1 2", "cpu a b c d e f", "MemTotal: 5 kB", "MemTotal: x kB",
        "MemTotal: 99999999999999999999 kB\nMemAvailable: 1 kB", "1 2"}) {
    EXPECT_FALSE(parse_cpu_times(text)) << text;
    EXPECT_FALSE(parse_meminfo(text)) << text;
    EXPECT_FALSE(parse_loadavg(text)) << text;
  }
}

TEST(HostCapacity, IsWithinTheMachine) {
  const auto capacity = host_capacity();

  ASSERT_TRUE(capacity) << capacity.error().message;
  EXPECT_GT(capacity->cpus, 0);
  EXPECT_LE(capacity->cpus, static_cast<double>(::sysconf(_SC_NPROCESSORS_CONF)));
  EXPECT_GT(capacity->memory_bytes, 0);
  EXPECT_LE(capacity->memory_bytes, ::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE));
  EXPECT_FALSE(capacity->hostname.empty());
}

TEST(HostSampler, KnowsTheCpuShareFromTheSecondSampleOn) {
  HostSampler sampler("/");

  const auto first = sampler.sample();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->cpu_busy_ratio);
  EXPECT_GT(first->memory.available_bytes, 0);
  EXPECT_GT(first->disk_total_bytes, 0);

  // Jiffies are 10 ms at most: this burns CPU until the counters have moved.
  Result<HostSample> next = sampler.sample();
  while (next && !next->cpu_busy_ratio) next = sampler.sample();
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_GE(*next->cpu_busy_ratio, 0);
  EXPECT_LE(*next->cpu_busy_ratio, 1);
}

TEST(HostSampler, SaysWhichFolderItCannotSee) {
  const auto sample = HostSampler("/no/such/folder").sample();

  ASSERT_FALSE(sample);
  EXPECT_THAT(sample.error().message, testing::HasSubstr("/no/such/folder"));
}

}  // namespace
}  // namespace galley::cluster
