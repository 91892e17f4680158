#include "budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::profiling {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// 8 GiB of weights, and 1 MiB a page of 16 tokens.
constexpr MemoryNeeds kNeeds{.weight_bytes = 8 * kGiB, .work_bytes = 0, .page_bytes = kMiB};

TEST(MemoryBudget, NeedsWholePagesAndNothingForTheLastToken) {
  EXPECT_EQ(needed_bytes(kNeeds, {.batch = 1, .prompt_tokens = 16, .output_tokens = 1}),
            8 * kGiB + kMiB);
  EXPECT_EQ(needed_bytes(kNeeds, {.batch = 1, .prompt_tokens = 16, .output_tokens = 2}),
            8 * kGiB + 2 * kMiB);
  EXPECT_EQ(needed_bytes(kNeeds, {.batch = 32, .prompt_tokens = 16, .output_tokens = 2}),
            8 * kGiB + 64 * kMiB);
}

TEST(MemoryBudget, RefusesNothingThatFits) {
  const MemoryCell cell{.batch = 64, .prompt_tokens = 1008, .output_tokens = 17};
  EXPECT_EQ(needed_bytes(kNeeds, cell), 12 * kGiB);
  EXPECT_EQ(refusal(kNeeds, cell, 12 * kGiB), "");
  EXPECT_NE(refusal(kNeeds, cell, 12 * kGiB - 1), "");
}

TEST(MemoryBudget, SaysWhatIsNeededAndWhatWouldFit) {
  const MemoryCell cell{.batch = 64, .prompt_tokens = 1008, .output_tokens = 17};
  EXPECT_EQ(refusal(kNeeds, cell, 10 * kGiB),
            "12 GiB are needed, 8 GiB of them for the model, and the budget is 10 GiB; 32 such "
            "requests at once would fit, or 64 with prompts of 495 tokens");
}

TEST(MemoryBudget, WhatItSaysWouldFitDoesFit) {
  for (std::uint64_t budget = 8 * kGiB + kMiB; budget < 12 * kGiB; budget += 333 * kMiB) {
    const MemoryCell cell{.batch = 64, .prompt_tokens = 1008, .output_tokens = 17};
    const auto batch = largest_batch(kNeeds, cell, budget);
    if (batch == 0) continue;
    auto smaller = cell;
    smaller.batch = static_cast<std::uint32_t>(batch);
    EXPECT_EQ(refusal(kNeeds, smaller, budget), "");
    ++smaller.batch;
    EXPECT_NE(refusal(kNeeds, smaller, budget), "");
  }
}

TEST(MemoryBudget, SaysWhenTheModelAloneIsTooLarge) {
  EXPECT_THAT(refusal(kNeeds, {.batch = 1, .prompt_tokens = 16, .output_tokens = 1}, 4 * kGiB),
              AllOf(HasSubstr("the model alone does not fit"), HasSubstr("more than 8 GiB")));
}

TEST(MemoryBudget, SaysWhenNotOneRequestFits) {
  EXPECT_THAT(refusal(kNeeds, {.batch = 1, .prompt_tokens = 1600, .output_tokens = 1},
                      8 * kGiB + 10 * kMiB),
              AllOf(HasSubstr("not even one such request would fit"),
                    HasSubstr("or 1 with prompts of 159 tokens")));
}

TEST(MemoryBudget, TheMapEndsAtTheFirstBatchThatIsRefused) {
  const MemoryCell longest{.batch = 1, .prompt_tokens = 1008, .output_tokens = 17};
  const auto batches = map_batches(kNeeds, longest, 80 * kGiB);
  EXPECT_EQ(batches, (std::vector<std::uint32_t>{1, 2, 4, 8, 16, 32, 64, 1024, 2048}));
  EXPECT_EQ(map_batches(kNeeds, longest, kGiB),
            (std::vector<std::uint32_t>{1, 2, 4, 8, 16, 32, 64}));
}

}  // namespace
}  // namespace galley::profiling
