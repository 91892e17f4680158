#include "attempt_follower.h"

#include <gmock/gmock.h>

namespace galley::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Points = std::vector<std::tuple<std::string, std::int64_t, double>>;

constexpr WallTime kNow{Millis{5'000}};

Points points_of(const protocol::ProgressReport& report) {
  Points points;
  for (const auto& point : report.points) points.emplace_back(point.key, point.step, point.value);
  return points;
}

AttemptFollower follower(std::int64_t stored_offset = 0) {
  return AttemptFollower({.attempt_id = AttemptId::trusted("att_1"),
                          .job_id = JobId::trusted("job_1"),
                          .run_id = RunId::trusted("run_1"),
                          .workdir = "/work/dir"},
                         stored_offset);
}

TEST(AttemptFollower, LinesBecomePointsFilesAndTexts) {
  auto reader = follower();
  const std::string text =
      "galley:: step=120 loss=0.5 acc=0.75\n"
      "galley:: artifact=out/../a.bin checkpoint=/c/d note=\"two words\"\n";
  EXPECT_TRUE(reader.take(text, kNow));
  ASSERT_TRUE(reader.has_report());
  const auto report = reader.report();
  EXPECT_EQ(report.attempt_id.str(), "att_1");
  EXPECT_EQ(report.run_id.str(), "run_1");
  EXPECT_EQ(report.from_offset, 0);
  EXPECT_EQ(report.to_offset, static_cast<std::int64_t>(text.size()));
  EXPECT_EQ(points_of(report), (Points{{"loss", 120, 0.5}, {"acc", 120, 0.75}}));
  EXPECT_EQ(report.points[0].at, kNow);
  ASSERT_EQ(report.files.size(), 2U);
  EXPECT_EQ(report.files[0].path, "/work/dir/a.bin");
  EXPECT_FALSE(report.files[0].checkpoint);
  EXPECT_EQ(report.files[1].path, "/c/d");
  EXPECT_TRUE(report.files[1].checkpoint);
  EXPECT_THAT(report.texts, ElementsAre(::testing::Pair("note", "two words")));
  EXPECT_FALSE(reader.has_report());
}

TEST(AttemptFollower, AFileBelongsToTheNumbersBeforeIt) {
  auto reader = follower();
  const std::string text =
      "galley:: checkpoint=zero\n"
      "galley:: epoch=1 loss=0.5 checkpoint=a\n"
      "galley:: epoch=2 loss=0.4\ngalley:: checkpoint=b\n"
      "galley:: step=700 loss=0.3 checkpoint=c\n";
  ASSERT_TRUE(reader.take(text, kNow));
  const auto files = reader.report().files;
  ASSERT_EQ(files.size(), 4U);
  EXPECT_EQ(files[0].step, std::nullopt);
  EXPECT_EQ(files[1].step, 0) << "counted from 0, as its numbers are";
  EXPECT_EQ(files[2].step, 1);
  EXPECT_EQ(files[3].step, 700);
}

TEST(AttemptFollower, WaitsForTheRestOfALine) {
  auto reader = follower();
  EXPECT_FALSE(reader.take("galley:: loss=0.", kNow));
  EXPECT_EQ(reader.next_offset(), 0);
  EXPECT_TRUE(reader.take("galley:: loss=0.5\n", kNow));
  EXPECT_EQ(points_of(reader.report()), (Points{{"loss", 0, 0.5}}));
}

TEST(AttemptFollower, CountsStepsOfEachMetricWhereNoneIsGiven) {
  auto reader = follower();
  reader.take(
      "galley:: loss=3\ngalley:: loss=2 acc=1\ngalley:: step=10 loss=1\ngalley:: loss=0 acc=2\n",
      kNow);
  EXPECT_EQ(points_of(reader.report()), (Points{{"loss", 0, 3},
                                                {"loss", 1, 2},
                                                {"acc", 0, 1},
                                                {"loss", 10, 1},
                                                {"loss", 11, 0},
                                                {"acc", 1, 2}}));
}

TEST(AttemptFollower, CountsOnFromWhatIsStored) {
  const std::string stored = "galley:: loss=3\ngalley:: loss=2\n";
  auto reader = follower(static_cast<std::int64_t>(stored.size()));
  EXPECT_TRUE(reader.take(stored, kNow));
  EXPECT_FALSE(reader.has_report());
  EXPECT_TRUE(reader.take("galley:: loss=1\n", kNow));
  const auto report = reader.report();
  EXPECT_EQ(report.from_offset, static_cast<std::int64_t>(stored.size()));
  EXPECT_EQ(points_of(report), (Points{{"loss", 2, 1}}));
}

TEST(AttemptFollower, PassesOverWhatSaysNothing) {
  auto reader = follower();
  EXPECT_TRUE(reader.take("noise\ngalley:: epoch\ngalley:: a\x01=5\n\n", kNow));
  EXPECT_FALSE(reader.has_report());
  EXPECT_TRUE(reader.take("galley:: x=1\n", kNow));
  EXPECT_EQ(reader.report().from_offset, 0);
}

TEST(AttemptFollower, AStepAloneIsProgress) {
  auto reader = follower();
  EXPECT_TRUE(reader.take("galley:: step=4\ngalley:: step=5 loss=1\n", kNow));
  const auto points = reader.report().points;
  ASSERT_THAT(points, ::testing::SizeIs(2));
  EXPECT_EQ(points[0].key, "step");
  EXPECT_EQ(points[0].step, 4);
  EXPECT_EQ(points[0].value, 4);
  EXPECT_EQ(points[1].key, "loss");
}

TEST(AttemptFollower, WhatWasFoundElsewhereCountsAsAWhole) {
  const std::string block =
      "galley-read begin\ngalley-read p 3 0.5 1000 loss\ngalley-read o 77 \ngalley-read end\n";
  auto reader = follower();
  EXPECT_TRUE(reader.take(block.substr(0, block.find("galley-read end")), kNow));
  EXPECT_FALSE(reader.has_report());
  EXPECT_TRUE(reader.take("galley-read end\n", kNow));
  const auto report = reader.report();
  ASSERT_THAT(report.points, ::testing::SizeIs(1));
  EXPECT_EQ(report.points[0].step, 3);
  EXPECT_EQ(to_ms(report.points[0].at), 1000);
  EXPECT_FALSE(reader.has_own_lines());
}

TEST(AttemptFollower, BoundsAReport) {
  std::string text;
  for (int i = 0; i < 2'500; ++i) text += "galley:: x=1\n";
  auto reader = follower();
  EXPECT_TRUE(reader.take(text, kNow));
  EXPECT_TRUE(reader.is_full());
  const auto first = reader.report();
  EXPECT_EQ(first.points.size(), AttemptFollower::kMostPoints);
  EXPECT_FALSE(reader.is_full());
  EXPECT_TRUE(reader.take(
      std::string_view(text).substr(static_cast<std::size_t>(reader.next_offset())), kNow));
  const auto second = reader.report();
  EXPECT_EQ(second.points.size(), 500U);
  EXPECT_EQ(second.from_offset, first.to_offset);
  EXPECT_EQ(second.points.back().step, 2'499);
}

TEST(AttemptFollower, DoesNotStickAtALineWithoutEnd) {
  auto reader = follower();
  EXPECT_TRUE(reader.take(std::string(AttemptFollower::kBlockBytes, 'x'), kNow));
  EXPECT_EQ(reader.next_offset(), static_cast<std::int64_t>(AttemptFollower::kBlockBytes));
  EXPECT_TRUE(reader.take("\ngalley:: x=1\n", kNow));
  EXPECT_THAT(reader.report().points, ::testing::SizeIs(1));
}

TEST(AttemptFollower, CutsLongTextsBetweenLetters) {
  std::string text = "galley:: t=";
  for (int i = 0; i < 5'000; ++i) text += "\xc3\xa4";
  auto reader = follower();
  reader.take(text + "\n", kNow);
  const auto report = reader.report();
  ASSERT_EQ(report.texts.size(), 1U);
  EXPECT_EQ(report.texts[0].second.size(), 8'000U);
}

TEST(AttemptFollower, TotalsDoNotHideHowFarItIs) {
  AttemptFollower follower({.workdir = "/w"}, 0);
  ASSERT_TRUE(
      follower.take("galley:: step=3 total_steps=10\ngalley:: total_steps=10\n", WallTime{}));
  std::vector<std::pair<std::string, std::int64_t>> told;
  for (const auto& point : follower.report().points) told.emplace_back(point.key, point.step);
  EXPECT_EQ(told, (std::vector<std::pair<std::string, std::int64_t>>{
                      {"total_steps", 3}, {"step", 3}, {"total_steps", 4}}));
}

}  // namespace
}  // namespace galley::agent
