#include "workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "profiling/catalogue.h"

namespace galley::profiling {
namespace {

TEST(Workloads, AreThoseOfTheStudy) {
  EXPECT_EQ(workload("narrow").prompts, 1888U);
  EXPECT_EQ(workload("narrow").prompt_least, 365U);
  EXPECT_EQ(workload("narrow").prompt_most, 410U);
  EXPECT_EQ(workload("narrow").output_tokens, 16U);
  EXPECT_EQ(workload("narrow").repetition_penalty, 5);
  EXPECT_EQ(workload("wide-sampled").prompts, 1007U);
  EXPECT_FALSE(workload("wide-sampled").greedy);
  EXPECT_TRUE(workload("wide-greedy").greedy);
  EXPECT_EQ(workload("wide-greedy").prompt_most, 1075U);
  EXPECT_EQ(workload("one-shot").output_tokens, 128U);
  EXPECT_EQ(workload("few-shot").prompt_least, 956U);
  for (const Workload& one : workloads())
    EXPECT_NE(std::ranges::find(kExperiments, one.name, &ExperimentKind::id),
              std::end(kExperiments));
}

TEST(Workloads, AScaleShortensAllButTheShortest) {
  const Workload half = scaled(workload("narrow"), 0.5);
  EXPECT_EQ(half.prompt_least, 183U);
  EXPECT_EQ(half.prompt_most, 205U);
  EXPECT_EQ(half.output_tokens, 8U);
  EXPECT_EQ(scaled(workload("narrow"), 0.1).output_tokens, 8U);
  EXPECT_EQ(scaled(workload("narrow"), 1).prompt_most, 410U);
}

TEST(Workloads, FitIntoTheContextAtItsScale) {
  EXPECT_EQ(scale_for_context(0), 1);
  EXPECT_EQ(scale_for_context(1125), 1);
  EXPECT_EQ(scale_for_context(32768), 1);
  EXPECT_EQ(scale_for_context(10), 0);
  for (const std::uint32_t context : {64U, 256U, 512U, 1024U, 1124U}) {
    const double scale = scale_for_context(context);
    ASSERT_GT(scale, 0) << context;
    ASSERT_LT(scale, 1) << context;
    for (const Workload& one : workloads()) {
      const Workload small = scaled(one, scale);
      EXPECT_LE(small.prompt_most + small.output_tokens, context) << one.name;
    }
  }
}

TEST(Workloads, LengthsAreSpreadOverTheRangeAndEqualForEqualSeeds) {
  const Workload& wide = workload("wide-greedy");
  std::set<std::uint32_t> seen;
  for (std::uint64_t i = 0; i < 1007; ++i) {
    const auto tokens = prompt_tokens_of(wide, 1, i);
    EXPECT_GE(tokens, wide.prompt_least);
    EXPECT_LE(tokens, wide.prompt_most);
    EXPECT_EQ(tokens, prompt_tokens_of(wide, 1, i));
    seen.insert(tokens);
  }
  EXPECT_GT(seen.size(), 400U);
  EXPECT_LT(*seen.begin(), 475U);
  EXPECT_GT(*seen.rbegin(), 1065U);
  EXPECT_NE(prompt_tokens_of(wide, 1, 0), prompt_tokens_of(wide, 2, 0));
}

TEST(PromptText, IsTheSameForTheSameSeedAndSharesNoBeginning) {
  for (const PromptShape shape : {PromptShape::prose, PromptShape::shots}) {
    const auto text = prompt_text(1, 5, 2000, shape);
    EXPECT_GE(text.size(), 2000U);
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(text, prompt_text(1, 5, 2000, shape));
    EXPECT_NE(text.substr(0, 12), prompt_text(1, 6, 2000, shape).substr(0, 12));
    EXPECT_NE(text.substr(0, 12), prompt_text(2, 5, 2000, shape).substr(0, 12));
  }
}

TEST(PromptText, ALongerOneBeginsAsTheShorterOne) {
  const auto text = prompt_text(3, 0, 500, PromptShape::prose);
  EXPECT_EQ(prompt_text(3, 0, 5000, PromptShape::prose).substr(0, text.size()), text);
}

}  // namespace
}  // namespace galley::profiling
