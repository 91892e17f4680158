#include "hpo/space.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json.h"
#include "hpo/space_json.h"

namespace {

using namespace galley::hpo;
using galley::Json;

Space parsed(const char* text) {
  const auto json = galley::parse_json(text);
  EXPECT_TRUE(json) << text;
  auto space = parse_space(*json);
  EXPECT_TRUE(space) << (space ? "" : describe(space.error()));
  return *space;
}

galley::Error refused(const char* text) {
  const auto json = galley::parse_json(text);
  EXPECT_TRUE(json) << text;
  const auto space = parse_space(*json);
  EXPECT_FALSE(space) << text;
  return space ? galley::Error{} : space.error();
}

constexpr const char* kWhole = R"({
  "h_params": {
    "lr": {"type": "float", "distribution": "log_uniform", "parameters": [0.01, 0.09],
           "p_range": [0.001, 0.1]},
    "depth": {"type": "int", "distribution": "uniform", "parameters": [5, 10]},
    "batch": {"type": "int", "distribution": "uniform", "parameters": [32, 128], "step": 32},
    "opt": {"type": "str", "distribution": "categorical", "parameters": ["sgd", "adam"]},
    "momentum": {"type": "float", "distribution": "uniform", "parameters": [0.1, 0.9], "p_range": []},
    "nesterov": {"type": "bool", "parameters": [true, false]},
    "width": {"distribution": "ordered", "parameters": [16, 64, 256]}},
  "h_params_conditions": [{"param": "momentum", "when": {"opt": "sgd"}},
                          {"param": "nesterov", "when": {"momentum": {"min": 0.5}}}],
  "h_params_conjunctions": [{"depth": 10, "width": 256},
                            {"if": {"opt": "adam"}, "then": {"lr": {"max": 0.05}}}],
  "h_params_forbidden": [{"batch": [96, 128], "width": 16}],
  "measure": "test/accuracy", "order": "descending"})";

std::size_t at(const Space& space, const char* name) { return *space.find(name); }

TEST(Space, ReadsTheKeysOfAStudyFile) {
  const Space space = parsed(kWhole);

  ASSERT_EQ(space.size(), 7U);
  const Parameter& lr = space.parameter(at(space, "lr"));
  EXPECT_TRUE(lr.log);
  EXPECT_EQ(lr.low, 0.01);
  EXPECT_EQ(lr.hard_high, 0.1);
  EXPECT_EQ(space.parameter(at(space, "batch")).level_count(), 4U);
  EXPECT_EQ(space.parameter(at(space, "width")).kind, ParameterKind::ordered);
  EXPECT_EQ(space.parameter(at(space, "nesterov")).kind, ParameterKind::categorical);
  EXPECT_EQ(space.conditions().size(), 2U);
  EXPECT_EQ(space.rules().size(), 3U);
}

TEST(Space, PrintsWhatItReads) {
  const Space space = parsed(kWhole);

  const Json printed = print_space(space);
  const auto again = parse_space(printed);

  ASSERT_TRUE(again) << describe(again.error());
  EXPECT_EQ(print_space(*again), printed);
}

TEST(Space, DrawsKeepConditionsAndRules) {
  const Space space = parsed(kWhole);
  Rng rng(7);
  const std::size_t opt = at(space, "opt");
  const std::size_t momentum = at(space, "momentum");
  int with_momentum = 0;
  for (int i = 0; i < 2000; ++i) {
    const Point point = space.draw(rng);
    ASSERT_TRUE(space.contains(point));
    EXPECT_EQ(std::isnan(point[momentum]), point[opt] != 0);
    if (!std::isnan(point[momentum])) ++with_momentum;
    // Conjunctions: both or neither.
    EXPECT_EQ(point[at(space, "depth")] == 10, point[at(space, "width")] == 2);
  }
  EXPECT_GT(with_momentum, 400);
}

TEST(Space, UnitCubeAndValuesAgree) {
  const Space space = parsed(kWhole);
  Rng rng(3);
  for (std::size_t i = 0; i < space.size(); ++i)
    for (int k = 0; k < 200; ++k) {
      const double value = space.from_unit(i, rng.uniform());
      EXPECT_NEAR(space.from_unit(i, space.to_unit(i, value)), value, 1e-9 * std::abs(value));
      EXPECT_NEAR(space.nearest(i, value), value, 1e-9 * std::abs(value));
    }
}

TEST(Space, EndsOfLogarithmicWholeNumbersAreReached) {
  const Space space = parsed(R"({"h_params": {"n": {"type": "int", "distribution": "log_uniform",
                                 "parameters": [1, 4]}}})");
  Rng rng(1);
  std::map<double, int> seen;
  for (int i = 0; i < 4000; ++i) ++seen[space.draw(rng)[0]];
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_GT(seen[1], seen[2]);
  EXPECT_GT(seen[4], 200);
}

TEST(Space, HardBoundsAreWiderThanTheRange) {
  const Space space = parsed(kWhole);
  Rng rng(5);
  Point point = space.draw(rng);
  while (point[at(space, "opt")] != 0) point = space.draw(rng);
  point[at(space, "lr")] = 0.002;
  EXPECT_FALSE(space.contains(point));
  EXPECT_TRUE(space.contains_hard(point));
  EXPECT_EQ(space.nearest_hard(at(space, "lr"), 5), 0.1);
  EXPECT_EQ(space.nearest(at(space, "lr"), 5), 0.09);
}

TEST(Space, NamesThePathAndTheNearestKey) {
  const auto key = refused(R"({"h_params": {"lr": {"type": "float", "paramters": [0, 1]}}})");
  EXPECT_EQ(key.field, "h_params.lr.paramters");
  EXPECT_EQ(key.hint, "did you mean 'parameters'?");
  const auto top = refused(R"({"h_params": {"a": {"type": "float", "parameters": [0, 1]}},
                               "h_params_condition": []})");
  EXPECT_EQ(top.hint, "did you mean 'h_params_conditions'?");
  const auto condition = refused(R"({"h_params": {"opt": {"type": "str", "parameters": ["sgd"]}},
                  "h_params_conditions": [{"param": "opt", "when": {"optt": "sgd"}}]})");
  EXPECT_EQ(condition.field, "h_params_conditions[0].when.optt");
  EXPECT_EQ(condition.hint, "did you mean 'opt'?");
}

TEST(Space, RefusesWhatCannotBeSearched) {
  const auto field = [](const char* parameter) {
    return refused((R"({"h_params": {"x": )" + std::string(parameter) + "}}").c_str()).field;
  };
  EXPECT_EQ(field(R"({"type": "float", "parameters": [1, 0]})"), "h_params.x.parameters");
  EXPECT_EQ(field(R"({"type": "float", "distribution": "log_uniform", "parameters": [0, 1]})"),
            "h_params.x.parameters[0]");
  EXPECT_EQ(field(R"({"type": "int", "parameters": [0, 1.5]})"), "h_params.x.parameters[1]");
  EXPECT_EQ(field(R"({"type": "str", "parameters": ["a", 1]})"), "h_params.x.parameters[1]");
  EXPECT_EQ(field(R"({"type": "str", "parameters": ["a", "a"]})"), "h_params.x.parameters[1]");
  EXPECT_EQ(field(R"({"type": "str", "parameters": []})"), "h_params.x.parameters");
  EXPECT_EQ(field(R"({"type": "float", "parameters": [0, 1], "step": 0})"), "h_params.x.step");
  EXPECT_EQ(field(R"({"type": "float", "parameters": [0, 1], "p_range": [0.5, 1]})"),
            "h_params.x.p_range");
  EXPECT_EQ(field(R"({"type": "float", "distribution": "unifrom", "parameters": [0, 1]})"),
            "h_params.x.distribution");
  EXPECT_EQ(field(R"({"parameters": [0, 1]})"), "h_params.x.distribution");
  EXPECT_EQ(field("3"), "h_params.x");
  EXPECT_EQ(refused(R"({"order": "ascending"})").field, "h_params");
}

TEST(Space, RefusesCirclesAndRulesThatNothingKeeps) {
  EXPECT_NE(refused(R"({"h_params": {"a": {"type": "int", "parameters": [0, 1]},
                                     "b": {"type": "int", "parameters": [0, 1]}},
                        "h_params_conditions": [{"param": "a", "when": {"b": 1}},
                                                {"param": "b", "when": {"a": 1}}]})")
                .message.find("depends"),
            std::string::npos);
  EXPECT_NE(refused(R"({"h_params": {"a": {"type": "int", "parameters": [0, 1]}},
                        "h_params_forbidden": [{"a": [0, 1]}]})")
                .message.find("rules"),
            std::string::npos);
}

TEST(Space, PointsAreReadAndPrintedByName) {
  const Space space = parsed(kWhole);
  Rng rng(11);
  for (int i = 0; i < 100; ++i) {
    const Point point = space.draw(rng);
    const auto again = parse_point(space, print_point(space, point));
    ASSERT_TRUE(again) << describe(again.error());
    EXPECT_TRUE(Space::equal(*again, point));
  }
  EXPECT_EQ(parse_point(space, {{"lrr", 1}}).error().hint, "did you mean 'lr'?");
  EXPECT_EQ(parse_point(space, {{"opt", "adam"}, {"lr", 0.5}}).error().field, "parameters.batch");
}

TEST(Space, ARareRuleIsRepairedTo) {
  const Space space = parsed(R"({"h_params": {
      "a": {"type": "int", "parameters": [0, 99]}, "b": {"type": "int", "parameters": [0, 99]}},
      "h_params_conjunctions": [{"if": {"a": {"min": 0}}, "then": {"a": [3, 4]}}]})");
  Rng rng(2);
  std::set<double> seen;
  for (int i = 0; i < 200; ++i) {
    const Point point = space.draw(rng);
    ASSERT_TRUE(space.contains(point));
    seen.insert(point[0]);
  }
  EXPECT_EQ(seen, (std::set<double>{3, 4}));
}

}  // namespace
