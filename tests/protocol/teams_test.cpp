#include "protocol/teams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/guide.h"

namespace galley::protocol {
namespace {

using ::testing::HasSubstr;

TEST(TeamSpec, ReadsWhatATeamOwns) {
  const auto team = parse_team_spec(*parse_json(R"({"name": "nlp", "weight": 2, "guarantees":
                      [{"gpu_type": "A100", "gpus": 8, "count": 4}, {"gpus": 1, "count": 2}]})"));
  ASSERT_TRUE(team) << describe(team.error());
  EXPECT_EQ(team->weight, 2);
  ASSERT_EQ(team->guarantees.size(), 2U);
  EXPECT_EQ(team->guarantees[0], (GuaranteeSpec{"A100", 8, 4}));
  EXPECT_EQ(team->guarantees[1].gpu_type, std::nullopt);
}

struct WrongTeams {
  std::string json;
  std::string says;
};
class WrongTeam : public ::testing::TestWithParam<WrongTeams> {};
class WrongReservation : public ::testing::TestWithParam<WrongTeams> {};

TEST_P(WrongTeam, IsRefusedInASentence) {
  const auto team = parse_team_spec(*parse_json(GetParam().json));
  ASSERT_FALSE(team);
  EXPECT_EQ(describe(team.error()), GetParam().says);
}
TEST_P(WrongReservation, IsRefusedInASentence) {
  const auto booking = parse_reservation_spec(*parse_json(GetParam().json));
  ASSERT_FALSE(booking);
  EXPECT_THAT(describe(booking.error()), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, WrongTeam,
    ::testing::Values(
        WrongTeams{
            R"({"name": "a b"})",
            "name: found 'a b'; expected letters, digits, '.', '_' and '-', beginning with a "
            "letter or digit"},
        WrongTeams{R"({"name": "-x"})",
                   "name: found '-x'; expected letters, digits, '.', '_' and '-', beginning with a "
                   "letter or digit"},
        WrongTeams{R"({"name": "x", "weight": 0})", "weight: found 0; expected 0.001 to 1000"},
        WrongTeams{R"({"name": "x", "weight": -1})", "weight: found -1; expected 0.001 to 1000"},
        WrongTeams{R"({"name": "x", "weight": 1e9})",
                   "weight: found 1000000000; expected 0.001 to 1000"},
        WrongTeams{R"({"name": "x", "guarantees": [{"gpus": 0, "count": 1}]})",
                   "guarantees[0].gpus: found 0; expected 1 to 64"},
        WrongTeams{R"({"name": "x", "guarantees": [{"gpus": 8, "count": -4}]})",
                   "guarantees[0].count: found -4; expected 1 to 100000"},
        WrongTeams{
            R"({"name": "x", "guarantees": [{"gpus": 8}]})",
            "guarantees[0].count: required field is missing; expected How many such cells."}));

INSTANTIATE_TEST_SUITE_P(
    Fields, WrongReservation,
    ::testing::Values(
        WrongTeams{R"({"resources": {"gpus": 8}, "start_at": "2026-12-01T09:00Z", "duration": 5})",
                   "duration: found 5.0 s; expected 1 minute to 366 days"},
        WrongTeams{
            R"({"resources": {"gpus": 8}, "start_at": "2026-12-01T09:00Z", "duration": "400d"})",
            "duration: found 400 d 0 h; expected 1 minute to 366 days"},
        WrongTeams{R"({"resources": {"gpus": 8}, "duration": "6h"})", "required field is missing"},
        WrongTeams{R"({"resources": {"gpus": 8}, "start_at": "soon", "duration": "6h"})",
                   "'soon' is not a time"},
        WrongTeams{
            R"({"resources": {"gpus": -8}, "start_at": "2026-12-01T09:00Z", "duration": "6h"})",
            "resources.gpus: found -8; expected 0 to 4096"},
        WrongTeams{
            R"({"resources": {"gpus": 2, "gpu_milli": 5}, "start_at": "2026-12-01T09:00Z",
                  "duration": "6h"})",
            "resources.gpu_milli: found part of a GPU beside gpus: 2; expected gpus: 1 beside "
            "it"}));

TEST(WhyRecord, ReadsBackWhatItPrints) {
  WhyRecord why{.summary = "It waits.", .lines = {"a", "b"}, .jobs_ahead = 3};
  why.candidates.push_back({.node_id = *NodeId::parse("node_00000000000000000000000001"),
                            .node_name = "n1",
                            .fits = true,
                            .start_delay_s = 1.5,
                            .total_s = 1.5});
  why.guide = GuideRecord{.binding = Binding::resources_in_use, .reason = "8 GPUs are in use"};
  why.guide->alternatives.push_back({.change = "4 GPUs instead of 8",
                                     .kind = "fewer_gpus",
                                     .resources = {.gpus = 4},
                                     .starts_now = true,
                                     .edits = {{"resources.gpus", "4"}}});
  const Json printed = print_struct(why);
  EXPECT_EQ(printed["guide"]["binding"], "resources_in_use");
  EXPECT_FALSE(printed.contains("start"));
  const auto again = parse_struct<WhyRecord>(printed);
  ASSERT_TRUE(again) << describe(again.error());
  EXPECT_EQ(*again, why);
}

}  // namespace
}  // namespace galley::protocol
