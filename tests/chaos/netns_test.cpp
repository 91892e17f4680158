#include <gtest/gtest.h>
#include <unistd.h>

#include "failover/failover_bench.h"

namespace galley::testing {
namespace {

class NetnsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
  }
};

TEST_F(NetnsTest, ALeaderThatIsCutOffIsReplacedAndItsJobsGoOn) {
  const auto report = bench::run_failover_bench(
      {.programs = std::filesystem::path(GALLEY_BIN_DIR), .faults = 2, .only = "partition"});
  ASSERT_TRUE(report) << describe(report.error());
  EXPECT_EQ(report->figures.at("lost_submits"), 0);
  EXPECT_EQ(report->figures.at("disturbed_jobs"), 0);
  EXPECT_EQ(report->figures.at("double_allocations"), 0);
}

}  // namespace
}  // namespace galley::testing
