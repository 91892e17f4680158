#include <gtest/gtest.h>

#include "hpo_study/scale_bench.h"

namespace galley::bench {
namespace {

TEST(Population, BeatsTheBestFixedSettingOfEqualComputeAndItsLineagesReplayBitEqual) {
  const auto gate = run_pbt_gate(/*seeds=*/30);
  ASSERT_TRUE(gate) << gate.error().message;
  EXPECT_GT(gate->gain, 0);
  EXPECT_LT(gate->p, 0.05);
  EXPECT_DOUBLE_EQ(gate->bit_equal, 1);
}

}  // namespace
}  // namespace galley::bench
