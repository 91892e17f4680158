#include "inference/sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace galley::inference {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using text::TokenId;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TokenId sample(const SamplingParams& params, const std::vector<float>& logits,
               const std::vector<TokenId>& prompt = {}, const std::vector<TokenId>& output = {},
               const TokenMask* allowed = nullptr) {
  Sampler sampler(params, logits.size(), prompt);
  for (const TokenId token : output) sampler.accept(token);
  SamplingScratch scratch;
  return sampler.sample(logits, allowed, scratch).token;
}

std::vector<float> random_logits(std::size_t count, float spread, std::mt19937& random) {
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

/// The documented order of operations in the obvious way: sorting, in double.
std::vector<double> probabilities(const SamplingParams& params, const std::vector<float>& logits) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t i) { return logits[i]; });
  if (params.top_k > 0) order.resize(std::min<std::size_t>(order.size(), params.top_k));
  std::vector<double> p(logits.size());
  double total = 0;
  for (const std::size_t i : order)
    total += p[i] = std::exp((static_cast<double>(logits[i]) - logits[order[0]]) /
                             static_cast<double>(params.temperature));
  double reached = 0;
  double kept = 0;
  const auto top_p = static_cast<double>(params.top_p);
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    double& own = p[order[rank]];
    const bool enough = rank > 0 && params.top_p < 1 && reached >= top_p * total;
    reached += own;
    if (enough || own < static_cast<double>(params.min_p)) own = 0;
    kept += own;
  }
  for (double& own : p) own /= kept;
  return p;
}

TEST(RandomBits, ArePhilox) {
  // The known answers of the paper's library for a counter and key of zeros.
  EXPECT_EQ(random_bits(0, 0), 0xe169c58d6627e8d5U);
  EXPECT_NE(random_bits(1, 0), random_bits(0, 0));
  EXPECT_NE(random_bits(0, 1), random_bits(0, 0));
}

TEST(Sampler, GreedyTakesTheLowestOfEqualTokens) {
  SamplingParams greedy;
  greedy.greedy = true;
  EXPECT_EQ(sample(greedy, {1, 3, 3, 2}), 1);
  std::vector<float> many(1000, -5);
  many[997] = many[999] = -4;
  EXPECT_EQ(sample(greedy, many), 997);
  SamplingParams cold;
  cold.temperature = 0;
  EXPECT_EQ(sample(cold, many), 997);
  cold.temperature = std::numeric_limits<float>::denorm_min();
  cold.top_p = 0.5F;
  EXPECT_GE(sample(cold, many), 997);
}

TEST(Sampler, RepetitionDividesPositiveAndMultipliesNegativeLogits) {
  SamplingParams params;
  params.greedy = true;
  params.repetition_penalty = 3;
  EXPECT_EQ(sample(params, {4, 3, 1}, {}, {0}), 1);
  EXPECT_EQ(sample(params, {9.5F, 3, 1}, {}, {0}), 0);
  EXPECT_EQ(sample(params, {-1, -2, -4}, {}, {0}), 1);
  EXPECT_EQ(sample(params, {-1, -4, -4}, {}, {0, 0}), 0) << "repeats are penalised once";
  params.repetition_penalty = 5;
  EXPECT_EQ(sample(params, {0, -1, -2}, {}, {0}), 0);
}

TEST(Sampler, RepetitionKnowsThePromptOnlyInScopeAll) {
  SamplingParams params;
  params.greedy = true;
  params.repetition_penalty = 5;
  EXPECT_EQ(sample(params, {4, 3, 1}, {0}), 0);
  params.repetition_scope = PenaltyScope::all;
  EXPECT_EQ(sample(params, {4, 3, 1}, {0}), 1);
  EXPECT_EQ(sample(params, {4, 3, 1}, {0, 1, 99, -1}), 2) << "tokens past the vocabulary";
}

TEST(Sampler, PresenceAndFrequencyCountTheAnswerOnly) {
  SamplingParams params;
  params.greedy = true;
  params.presence_penalty = 1.5F;
  EXPECT_EQ(sample(params, {4, 3, 1}, {0}), 0);
  EXPECT_EQ(sample(params, {4, 3, 1}, {}, {0, 0}), 1);
  params.presence_penalty = 0;
  params.frequency_penalty = 0.6F;
  EXPECT_EQ(sample(params, {4, 3, 1}, {}, {0}), 0);
  EXPECT_EQ(sample(params, {4, 3, 1}, {}, {0, 0}), 1);
}

TEST(Sampler, AddsBiasBeforeThePenalties) {
  SamplingParams params;
  params.greedy = true;
  params.logit_bias = {{2, 10}};
  EXPECT_EQ(sample(params, {4, 3, 1}), 2);
  params.repetition_penalty = 3;  // (1 + 10) / 3 < 4, while 1 / 3 + 10 would win
  EXPECT_EQ(sample(params, {4, 3, 1}, {}, {2}), 0);
}

TEST(Sampler, ChoosesInsideOfTheMask) {
  TokenMask mask(200);
  mask.set(3);
  mask.set(130);
  std::vector<float> logits(200, 9);
  logits[3] = -2;
  logits[130] = -1;
  SamplingParams params;
  params.greedy = true;
  EXPECT_EQ(sample(params, logits, {}, {}, &mask), 130);
  params.greedy = false;
  params.top_k = 1;
  EXPECT_EQ(sample(params, logits, {}, {}, &mask), 130);
  params.top_k = 0;
  for (params.seed = 0; params.seed < 50; ++params.seed)
    EXPECT_TRUE(mask.test(sample(params, logits, {}, {}, &mask)));
  const TokenMask nothing(200);
  EXPECT_EQ(sample(params, logits, {}, {}, &nothing), -1);
}

TEST(Sampler, ReadsNaNAsImpossible) {
  SamplingParams params;
  for (params.seed = 0; params.seed < 20; ++params.seed) {
    EXPECT_EQ(sample(params, {kNaN, 1, kNaN, -kInfinity}), 1);
    EXPECT_EQ(sample(params, {kNaN, kNaN}), -1);
    EXPECT_EQ(sample(params, {0, kInfinity, kInfinity}), 1);
  }
  params.top_k = 2;
  EXPECT_EQ(sample(params, {kNaN, 1, kNaN, kNaN}), 1);
}

struct Knobs {
  float temperature;
  std::int32_t top_k;
  float top_p;
  float min_p;
  float spread;
  std::size_t vocabulary;
};

class Distribution : public testing::TestWithParam<Knobs> {};

TEST_P(Distribution, FollowsTheDocumentedOrder) {
  const Knobs& knobs = GetParam();
  std::mt19937 random(7);
  const auto logits = random_logits(knobs.vocabulary, knobs.spread, random);
  SamplingParams params;
  params.temperature = knobs.temperature;
  params.top_k = knobs.top_k;
  params.top_p = knobs.top_p;
  params.min_p = knobs.min_p;
  const auto expected = probabilities(params, logits);

  constexpr int kDraws = 4000;
  std::vector<int> counts(logits.size());
  SamplingScratch scratch;
  Sampler sampler(params, logits.size(), {});
  for (int i = 0; i < kDraws; ++i) {
    const TokenId token = sampler.sample(logits, nullptr, scratch).token;
    sampler.accept(token);
    ++counts[static_cast<std::size_t>(token)];
  }

  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double mean = expected[i] * kDraws;
    EXPECT_NEAR(counts[i], mean, 5 * std::sqrt(mean) + 1e-9) << "token " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Knobs, Distribution,
                         testing::Values(Knobs{1, 0, 1, 0, 2, 50}, Knobs{0.7F, 0, 1, 0, 2, 50},
                                         Knobs{2.5F, 5, 1, 0, 2, 50}, Knobs{1, 0, 0.8F, 0, 2, 50},
                                         Knobs{1, 0, 1, 0.2F, 2, 50},
                                         Knobs{1.3F, 20, 0.9F, 0.05F, 3, 200},
                                         Knobs{1, 60, 0.5F, 0, 0.1F, 1000},
                                         Knobs{1, 0, 0, 0, 1, 100},
                                         Knobs{1, 3000, 0.3F, 0, 6, 3000}));

TEST(Sampler, KeepsExactlyTheNucleus) {
  // Rounded logits make ties, which is where a border can be wrong.
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    auto logits = random_logits(100 + random() % 400, round % 2 == 0 ? 0.5F : 3, random);
    for (float& logit : logits) logit = std::round(logit * 8) / 8;  // many ties
    SamplingParams params;
    params.top_p = 0.05F + 0.9F * static_cast<float>(random() % 1000) / 1000;
    params.top_k = round % 3 == 0 ? static_cast<std::int32_t>(random() % 50) : 0;
    const auto expected = probabilities(params, logits);
    std::vector<bool> drawn(logits.size());
    SamplingScratch scratch;
    Sampler sampler(params, logits.size(), {});
    for (int i = 0; i < 4000; ++i) {
      const auto token = static_cast<std::size_t>(sampler.sample(logits, nullptr, scratch).token);
      sampler.accept(0);
      drawn[token] = true;
      ASSERT_GT(expected[token], 0) << "token " << token << " is outside, round " << round;
    }
    for (std::size_t i = 0; i < logits.size(); ++i)
      EXPECT_TRUE(drawn[i] || expected[i] < 4e-3) << "token " << i << ", round " << round;
  }
}

TEST(Sampler, TopPOfEqualTokensKeepsTheLowestIds) {
  SamplingParams params;
  params.top_p = 0.25F;
  const std::vector<float> logits(1000, 1.5F);
  TokenId highest = 0;
  for (params.seed = 0; params.seed < 3000; ++params.seed)
    highest = std::max(highest, sample(params, logits));
  EXPECT_EQ(highest, 249);
  params.top_p = 1;
  params.top_k = 10;
  highest = 0;
  for (params.seed = 0; params.seed < 300; ++params.seed)
    highest = std::max(highest, sample(params, logits));
  EXPECT_EQ(highest, 9);
}

TEST(Sampler, DrawsByTheSeedAndTheIndexAlone) {
  std::mt19937 random(11);
  SamplingParams params;
  params.seed = 42;
  params.top_p = 0.95F;
  params.frequency_penalty = 0.5F;
  std::vector<std::vector<float>> rows;
  for (int i = 0; i < 40; ++i) rows.push_back(random_logits(500, 2, random));
  SamplingScratch scratch;
  std::vector<TokenId> tokens;
  Sampler whole(params, 500, {});
  for (const auto& row : rows) {
    tokens.push_back(whole.sample(row, nullptr, scratch).token);
    whole.accept(tokens.back());
  }

  Sampler resumed(params, 500, {});  // as after a preemption, with another's scratch
  for (std::size_t i = 0; i < 20; ++i) resumed.accept(tokens[i]);
  SamplingScratch other;
  Sampler(SamplingParams{}, 500, {}).sample(rows[3], nullptr, other);
  for (std::size_t i = 20; i < rows.size(); ++i) {
    EXPECT_EQ(resumed.sample(rows[i], nullptr, other).token, tokens[i]);
    resumed.accept(tokens[i]);
  }

  params.seed = 43;
  Sampler another(params, 500, {});
  std::size_t equal = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    equal += another.sample(rows[i], nullptr, scratch).token == tokens[i] ? 1 : 0;
    another.accept(tokens[i]);
  }
  EXPECT_LT(equal, 20U);
}

TEST(Sampler, TellsLogprobsOfTheModelsOwnDistribution) {
  SamplingParams params;
  params.greedy = true;
  params.temperature = 0.1F;
  params.logit_bias = {{0, 50}};
  params.logprobs = 3;
  const std::vector<float> logits{0, 2, 1, 2};
  SamplingScratch scratch;

  const Sampled sampled = Sampler(params, 4, {}).sample(logits, nullptr, scratch);

  const double normal = std::log(1 + 2 * std::exp(2.0) + std::exp(1.0));
  EXPECT_EQ(sampled.token, 0);
  EXPECT_NEAR(sampled.logprob, -normal, 1e-6);
  ASSERT_EQ(sampled.top.size(), 3U);
  EXPECT_EQ(sampled.top[0].token, 1);
  EXPECT_EQ(sampled.top[1].token, 3);
  EXPECT_EQ(sampled.top[2].token, 2);
  EXPECT_NEAR(sampled.top[0].logprob, 2 - normal, 1e-6);
  EXPECT_NEAR(sampled.top[2].logprob, 1 - normal, 1e-6);
}

TEST(LogProbabilities, AreAccurateOverALargeVocabulary) {
  std::mt19937 random(5);
  const auto logits = random_logits(128'000, 4, random);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  SamplingScratch scratch;

  const Sampled sampled = log_probabilities(logits, 777, 20, scratch);

  EXPECT_NEAR(sampled.logprob, static_cast<double>(logits[777]) - std::log(sum), 1e-5);
  ASSERT_EQ(sampled.top.size(), 20U);
  auto sorted = logits;
  std::ranges::sort(sorted, std::greater());
  for (std::size_t i = 0; i < 20; ++i)
    EXPECT_EQ(logits[static_cast<std::size_t>(sampled.top[i].token)], sorted[i]);
}

struct Wrong {
  const char* field;
  const char* message;
  void (*spoil)(SamplingParams&);
};

class Validate : public testing::TestWithParam<Wrong> {};

TEST_P(Validate, NamesTheFieldAndTheFix) {
  SamplingParams params;
  GetParam().spoil(params);
  const Status status = validate(params, 1000);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::invalid_argument);
  EXPECT_EQ(status.error().field, GetParam().field);
  EXPECT_THAT(status.error().message, HasSubstr(GetParam().message));
  EXPECT_FALSE(status.error().expected.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Fields, Validate,
    testing::Values(
        Wrong{"temperature", "-0.5", [](SamplingParams& p) { p.temperature = -0.5F; }},
        Wrong{"temperature", "nan", [](SamplingParams& p) { p.temperature = kNaN; }},
        Wrong{"temperature", "inf", [](SamplingParams& p) { p.temperature = kInfinity; }},
        Wrong{"top_p", "1.5", [](SamplingParams& p) { p.top_p = 1.5F; }},
        Wrong{"top_p", "nan", [](SamplingParams& p) { p.top_p = kNaN; }},
        Wrong{"min_p", "-1", [](SamplingParams& p) { p.min_p = -1; }},
        Wrong{"top_k", "-3", [](SamplingParams& p) { p.top_k = -3; }},
        Wrong{"repetition_penalty", "is 0", [](SamplingParams& p) { p.repetition_penalty = 0; }},
        Wrong{"repetition_penalty", "nan", [](SamplingParams& p) { p.repetition_penalty = kNaN; }},
        Wrong{"presence_penalty", "3", [](SamplingParams& p) { p.presence_penalty = 3; }},
        Wrong{"frequency_penalty", "-3", [](SamplingParams& p) { p.frequency_penalty = -3; }},
        Wrong{"logit_bias", "token 1000",
              [](SamplingParams& p) {
                p.logit_bias = {{1000, 1}};
              }},
        Wrong{"logit_bias", "token -1",
              [](SamplingParams& p) {
                p.logit_bias = {{-1, 1}};
              }},
        Wrong{"logit_bias", "nan",
              [](SamplingParams& p) {
                p.logit_bias = {{1, kNaN}};
              }},
        Wrong{"logit_bias", "tokens long",
              [](SamplingParams& p) { p.logit_bias.resize(kMaxLogitBias + 1); }},
        Wrong{"logprobs", "101", [](SamplingParams& p) { p.logprobs = 101; }},
        Wrong{"logprobs", "-2", [](SamplingParams& p) { p.logprobs = -2; }}));

TEST(Validate, AcceptsTheDefaultsAndStrongPenalties) {
  SamplingParams params;
  EXPECT_TRUE(validate(params, 1000));
  params.repetition_penalty = 5;
  params.temperature = 0;
  params.top_k = 5000;
  EXPECT_TRUE(validate(params, 1000));
}

}  // namespace
}  // namespace galley::inference
