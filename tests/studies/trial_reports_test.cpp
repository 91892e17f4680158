#include "trial_reports.h"

#include <gtest/gtest.h>

namespace galley::studies {
namespace {

using hpo::Event;
using tracking::Artifact;
using tracking::ArtifactKind;
using tracking::Point;

const RunId kRun = RunId::trusted("run_01hzzzzzzzzzzzzzzzzzzzzzzz");

std::vector<Point> points_at(std::initializer_list<std::pair<std::int64_t, double>> pairs) {
  std::vector<Point> points;
  for (const auto& [step, value] : pairs) {
    Point point{};
    point.step = step;
    point.value = value;
    points.push_back(point);
  }
  return points;
}

Artifact checkpoint_at(std::optional<std::int64_t> step, char digest = 'a') {
  return {"model.pt", ArtifactKind::checkpoint, std::string(64, digest), 7, {}, step};
}

/// "reported 3", "checkpointed 3" ...
std::vector<std::string> words_of(const std::vector<Event>& events) {
  std::vector<std::string> words;
  for (const Event& event : events)
    words.push_back(std::string(to_string(event.kind)) + " " +
                    std::to_string(static_cast<int>(event.resource)));
  return words;
}
using Words = std::vector<std::string>;

TEST(TrialReports, StepsAreTheResourceWhereNothingElseSaysHowFarItIs) {
  const auto events =
      told_by_run(kRun, {points_at({{1, 0.5}, {2, 0.6}})}, {}, {checkpoint_at(1)}, 0);
  EXPECT_EQ(words_of(events), (Words{"checkpointed 1", "reported 1", "reported 2"}));
  EXPECT_EQ(events[0].text, kRun.str() + "/model.pt@" + std::string(64, 'a'));
  EXPECT_EQ(events[2].objectives, std::vector<double>{0.6});
}

TEST(TrialReports, TheMetricNamedAsResourceSaysHowFarItIs) {
  const auto events = told_by_run(kRun, {points_at({{300, 0.5}, {600, 0.6}})},
                                  points_at({{300, 1}, {600, 2}}), {checkpoint_at(600)}, 0);
  EXPECT_EQ(words_of(events), (Words{"reported 1", "checkpointed 2", "reported 2"}));
}

TEST(TrialReports, WhoCountsFromZeroHasSpentOneUnitAtZero) {
  EXPECT_EQ(words_of(told_by_run(kRun, {points_at({{0, 0.5}, {1, 0.6}})}, {}, {}, 0)),
            (Words{"reported 1", "reported 2"}));
  // ... and goes on so.
  EXPECT_EQ(words_of(told_by_run(kRun, {points_at({{3, 0.5}, {4, 0.6}})}, {}, {}, 3)),
            (Words{"reported 4", "reported 5"}));
}

TEST(TrialReports, StepsThatAreCountedAnewGoOnFromTheCheckpoint) {
  EXPECT_EQ(words_of(told_by_run(kRun, {points_at({{0, 0.5}, {1, 0.6}})}, {}, {}, 3)),
            (Words{"reported 4", "reported 5"}));
  EXPECT_EQ(words_of(told_by_run(kRun, {points_at({{4, 0.5}, {5, 0.6}})}, {}, {}, 3)),
            (Words{"reported 4", "reported 5"}))
      << "those that are not, too";
}

TEST(TrialReports, ACheckpointOfAnUnknownPlaceIsOfTheNewestReport) {
  EXPECT_EQ(words_of(told_by_run(kRun, {points_at({{9, 0.5}})}, points_at({{9, 2}}),
                                 {checkpoint_at(77)}, 0)),
            (Words{"checkpointed 2", "reported 2"}));
  EXPECT_EQ(words_of(told_by_run(kRun, {{}}, {}, {checkpoint_at(std::nullopt)}, 4)),
            (Words{"checkpointed 4"}));
}

TEST(TrialReports, AStepWithoutAllMeasuresAndOtherFilesSayNothing) {
  Artifact plot = checkpoint_at(1);
  plot.kind = ArtifactKind::file;
  EXPECT_EQ(words_of(told_by_run(kRun, {points_at({{1, 0.5}, {2, 0.6}}), points_at({{2, 7}})}, {},
                                 {plot}, 0)),
            (Words{"reported 2"}));
}

}  // namespace
}  // namespace galley::studies
