#include "profiling/merge.h"

#include <nlohmann/json.hpp>

#include "figures.h"

namespace galley::profiling {
namespace {

Profile study(const std::string& machine, const std::string& model, double token_ms,
              double noise_level = 0.02, unsigned seed = 1) {
  Noise noise(noise_level, seed);
  std::vector<Row> narrow, batches;
  for (int i = 0; i < 40; ++i) {
    const double factor = noise();
    narrow.push_back({{"request", double(i)},
                      {"prompt_tokens", 380.0},
                      {"output_tokens", 16.0},
                      {"first_token_ms", 20 * factor},
                      {"latency_ms", (20 + 15 * token_ms) * factor}});
  }
  for (int repetition = 0; repetition < 3; ++repetition)
    batches.push_back({{"batch", 8.0},
                       {"repetition", double(repetition)},
                       {"prompt_tokens", 170.0},
                       {"output_tokens", 128.0},
                       {"latency_ms", 400 * token_ms * noise()}});
  Profile profile = profile_with({table_of("narrow", narrow), table_of("one-shot", batches)});
  profile.machine.name = machine;
  profile.model.name = model;
  profile.seed = 1;
  return profile;
}

const ComparedRow& row_of(const Comparison& comparison, std::string_view measure) {
  for (const ComparedRow& row : comparison.rows)
    if (row.measure == measure) return row;
  ADD_FAILURE() << measure;
  return comparison.rows.front();
}

TEST(Compare, SaysWhoIsBetterByHowMuch) {
  const auto comparison = compare({study("a", "m", 2), study("b", "m", 1), study("c", "m", 4)});
  ASSERT_TRUE(comparison);
  EXPECT_EQ(comparison->names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(comparison->same_model);
  EXPECT_FALSE(comparison->same_machine);
  const ComparedRow& token = row_of(*comparison, "time of each further token, ms");
  EXPECT_FALSE(token.studies[0].ratio);
  EXPECT_NEAR(token.studies[1].ratio->value, 0.5, 0.02);
  EXPECT_EQ(token.studies[1].better, Verdict::yes);
  EXPECT_EQ(token.studies[2].better, Verdict::no);
  const ComparedRow& speed = row_of(*comparison, "tokens a second at batch 8");
  EXPECT_FALSE(speed.lower_is_better);
  EXPECT_EQ(speed.studies[1].better, Verdict::yes);
  EXPECT_NE(speed.sentence.find("better"), std::string::npos);
}

TEST(Compare, TwoRunsOfOneThingCannotBeTold) {
  const auto comparison = compare({study("a", "m", 2, 0.1, 1), study("a", "m", 2, 0.1, 2)});
  ASSERT_TRUE(comparison);
  EXPECT_TRUE(comparison->same_machine);
  ASSERT_EQ(comparison->names.size(), 2U);
  EXPECT_NE(comparison->names[0], comparison->names[1]);
  for (const ComparedRow& row : comparison->rows)
    EXPECT_EQ(row.studies[1].better, Verdict::cannot_tell) << row.measure << " " << row.sentence;
}

TEST(Compare, WarnsOfUnequalStudiesAndKeepsWhatOneLacks) {
  Profile other = study("b", "m2", 1), third = study("c", "m", 1);
  other.seed = 2;
  other.scale = 0.5;
  other.effort = "full";
  third.experiments.pop_back();
  const auto comparison = compare({study("a", "m", 2), other, third});
  ASSERT_TRUE(comparison);
  EXPECT_FALSE(comparison->same_model);
  EXPECT_EQ(comparison->warnings.size(), 3U);
  EXPECT_EQ(comparison->names[1], "m2 on b");
  const ComparedRow& speed = row_of(*comparison, "tokens a second at batch 8");
  EXPECT_FALSE(speed.studies[2].figure);
  EXPECT_FALSE(speed.studies[2].better);
}

TEST(Compare, OneStudyIsNoComparison) {
  EXPECT_EQ(compare({study("a", "m", 2)}).error().code, Errc::invalid_argument);
  EXPECT_EQ(compare({}).error().code, Errc::invalid_argument);
}

TEST(Compare, PrintsJson) {
  const auto comparison = compare({study("a", "m", 2), study("b", "m", 1)});
  ASSERT_TRUE(comparison);
  const auto json = comparison_json(*comparison);
  EXPECT_EQ(json["kind"], "profile_comparison");
  EXPECT_EQ(json["names"].size(), 2U);
  ASSERT_FALSE(json["rows"].empty());
  EXPECT_EQ(json["rows"][0]["studies"].size(), 2U);
  EXPECT_EQ(json["rows"][0]["studies"][1]["better"].get<std::string>().empty(), false);
}

}  // namespace
}  // namespace galley::profiling
