#include <cmath>

#include "figures.h"

namespace galley::profiling {
namespace {

struct Shape {
  double base_ms = 5, a_prompt_token = 0.01, a_token = 2, prompt_exponent = 1, noise = 0.02;
  double kv_factor = 1;
  int requests = 120;
  double most_output = 50;
};

std::vector<Row> requests(const Shape& shape) {
  Noise noise(shape.noise);
  std::mt19937 random(3);
  std::vector<Row> rows;
  for (int i = 0; i < shape.requests; ++i) {
    const double prompt = 465 + static_cast<double>(random() % 610);
    const double output = 1 + std::fmod(static_cast<double>(random() % 1000), shape.most_output);
    const double first =
        shape.base_ms + shape.a_prompt_token * std::pow(prompt, shape.prompt_exponent);
    const double factor = noise();
    rows.push_back({{"request", double(i)},
                    {"prompt_tokens", prompt},
                    {"output_tokens", output},
                    {"first_token_ms", first * factor},
                    {"latency_ms", (first + (output - 1) * shape.a_token) * factor},
                    {"finish", std::string("stop")},
                    {"kv_bytes", shape.kv_factor * 36'864 * (prompt + output)}});
  }
  return rows;
}

Experiment wide(const Shape& shape) { return table_of("wide-greedy", requests(shape)); }

TEST(Answers, LongerInputTakesLonger) {
  expect_verdict(wide({.a_prompt_token = 0.2}), "wide-greedy.grows-with-input", Verdict::yes);
  expect_verdict(wide({.a_prompt_token = 0, .noise = 0.005}), "wide-greedy.grows-with-input",
                 Verdict::no);
  expect_verdict(wide({.a_prompt_token = 0.002, .noise = 0.3, .requests = 30}),
                 "wide-greedy.grows-with-input", Verdict::cannot_tell);
}

TEST(Answers, TimeGrowsLessThanInProportionToTheInput) {
  expect_verdict(wide({.a_prompt_token = 0.05}), "wide-greedy.sub-linear", Verdict::yes);
  expect_verdict(
      wide({.base_ms = 0, .a_prompt_token = 0.001, .a_token = 0.001, .prompt_exponent = 2}),
      "wide-greedy.sub-linear", Verdict::no);
  expect_verdict(
      wide({.base_ms = 0, .a_prompt_token = 1, .a_token = 0, .noise = 0.2, .requests = 40}),
      "wide-greedy.sub-linear", Verdict::cannot_tell);
}

TEST(Answers, GeneratedTokensDecideMoreThanTheInput) {
  expect_verdict(wide({}), "wide-greedy.output-decides", Verdict::yes);
  expect_verdict(wide({.a_prompt_token = 1, .a_token = 0.01}), "wide-greedy.output-decides",
                 Verdict::no);
  expect_verdict(wide({.noise = 1.5, .requests = 12}), "wide-greedy.output-decides",
                 Verdict::cannot_tell);
}

TEST(Answers, FirstTokenTakesMostOfTheTime) {
  const auto narrow = [](const Shape& shape) { return table_of("narrow", requests(shape)); };
  expect_verdict(narrow({.a_prompt_token = 1}), "narrow.first-token", Verdict::yes);
  expect_verdict(narrow({}), "narrow.first-token", Verdict::no);
  expect_verdict(narrow({.a_prompt_token = 0.0612, .noise = 0.4, .requests = 24}),
                 "narrow.first-token", Verdict::cannot_tell);
}

TEST(Answers, MemoryGrowsByWhatTheShapeSays) {
  expect_verdict(wide({}), "wide-greedy.kv-per-token", Verdict::yes);
  expect_verdict(wide({.kv_factor = 2}), "wide-greedy.kv-per-token", Verdict::no);
  auto rows = requests({.requests = 20});
  Noise noise(0.2);
  for (Row& row : rows) row["kv_bytes"] = std::get<double>(row["kv_bytes"]) * noise();
  expect_verdict(table_of("wide-greedy", rows), "wide-greedy.kv-per-token", Verdict::cannot_tell);
  Profile unknown = profile_with({wide({})});
  unknown.model.kv_bytes_per_token = 0;
  expect_verdict(unknown, "wide-greedy.kv-per-token", Verdict::cannot_tell);
}

TEST(Answers, WeightsTakeMostOfTheMemory) {
  Profile profile = profile_with({wide({})});
  expect_verdict(profile, "wide-greedy.weights-share", Verdict::yes);
  profile.model.weight_bytes = 1'000'000;
  expect_verdict(profile, "wide-greedy.weights-share", Verdict::no);
  profile.model.weight_bytes = 36'864 * 800;
  expect_verdict(profile, "wide-greedy.weights-share", Verdict::cannot_tell);
}

TEST(Answers, SamplingTakesLonger) {
  const auto with = [](double a_token, double noise, int count) {
    return profile_with(
        {wide({.noise = noise, .requests = count}),
         table_of("wide-sampled",
                  requests({.a_token = a_token, .noise = noise, .requests = count}))});
  };
  expect_verdict(with(2.6, 0.02, 100), "wide-sampled.sampling-costs", Verdict::yes);
  expect_verdict(with(2.0, 0.02, 100), "wide-sampled.sampling-costs", Verdict::no);
  expect_verdict(with(2.1, 0.5, 20), "wide-sampled.sampling-costs", Verdict::cannot_tell);
}

TEST(Answers, TooFewRequestsTellNothing) {
  const Profile profile = profile_with({wide({.requests = 5})});
  for (const char* id : {"wide-greedy.grows-with-input", "wide-greedy.sub-linear",
                         "wide-greedy.output-decides", "wide-greedy.kv-per-token"})
    expect_verdict(profile, id, Verdict::cannot_tell);
  for (const ExperimentKind& kind : kExperiments) {
    for (const Answer& answer : answer_all(profile_with({table_of(kind.id, {})}))) {
      EXPECT_EQ(answer.verdict, Verdict::cannot_tell) << answer.id;
      EXPECT_FALSE(answer.has_figure);
      EXPECT_TRUE(answer.sentence.starts_with("Cannot tell: ")) << answer.sentence;
    }
  }
}

TEST(Answers, ATargetThatHidesItsMemoryIsNotAskedAboutIt) {
  auto rows = requests({});
  for (Row& row : rows) row.erase("kv_bytes");
  for (const Answer& answer : answer_all(profile_with({table_of("wide-greedy", rows)}))) {
    EXPECT_NE(answer.id, "wide-greedy.kv-per-token");
    EXPECT_NE(answer.id, "wide-greedy.weights-share");
  }
}

TEST(Answers, EqualProfilesGiveEqualAnswers) {
  const Profile profile = profile_with({wide({.noise = 0.3})});
  const auto first = answer_all(profile), second = answer_all(profile);
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].sentence, second[i].sentence);
}

struct LengthShape {
  double a_token = 2, noise = 0.02, stop_share = 0.3;
  int repetitions = 4;
};

Experiment length(const LengthShape& shape) {
  Noise noise(shape.noise);
  std::vector<Row> rows;
  for (int repetition = 0; repetition < shape.repetitions; ++repetition)
    for (const double words : {8.0, 16.0, 32.0, 64.0, 128.0, 256.0})
      for (const double ignore : {0.0, 1.0}) {
        const double output = ignore != 0 ? words : std::ceil(words * shape.stop_share);
        rows.push_back({{"repetition", double(repetition)},
                        {"words", words},
                        {"ignore_eos", ignore},
                        {"prompt_tokens", 64.0},
                        {"output_tokens", output},
                        {"latency_ms", (100 + output * shape.a_token) * noise()}});
      }
  return table_of("length", rows);
}

TEST(Answers, TimeFollowsTheGeneratedTokens) {
  expect_verdict(length({}), "length.follows-tokens", Verdict::yes);
  expect_verdict(length({.a_token = 0.001, .noise = 0.1}), "length.follows-tokens", Verdict::no);
  expect_verdict(length({.noise = 0.15, .repetitions = 2}), "length.follows-tokens",
                 Verdict::cannot_tell);
}

TEST(Answers, StoppingEarlySavesTime) {
  expect_verdict(length({}), "length.early-stop", Verdict::yes);
  expect_verdict(length({.stop_share = 1}), "length.early-stop", Verdict::no);
  expect_verdict(length({.noise = 0.5, .stop_share = 0.9, .repetitions = 2}), "length.early-stop",
                 Verdict::cannot_tell);
}

Experiment warm_up(double cold_factor, double noise_level, int rounds) {
  Noise noise(noise_level);
  std::vector<Row> rows;
  for (int round = 0; round < rounds; ++round)
    for (const double with : {0.0, 1.0})
      for (int request = 0; request < 4; ++request) {
        const double factor = with == 0 && request == 0 ? cold_factor : 1;
        rows.push_back({{"warm_up", with},
                        {"request", double(request)},
                        {"first_token_ms", 5.0},
                        {"latency_ms", 20 * factor * noise()}});
      }
  return table_of("warm-up", rows);
}

TEST(Answers, WarmUpMakesTheFirstRequestFaster) {
  expect_verdict(warm_up(3, 0.05, 1), "warm-up.first-pays", Verdict::yes);
  expect_verdict(warm_up(1, 0.02, 4), "warm-up.first-pays", Verdict::no);
  expect_verdict(warm_up(1.2, 0.4, 1), "warm-up.first-pays", Verdict::cannot_tell);
}

}  // namespace
}  // namespace galley::profiling
