#include <algorithm>
#include <cmath>
#include <functional>

#include "fixture.h"

namespace galley::tracking {
namespace {

class Search : public TrackingFixture {
 protected:
  /// Run number i has the metrics acc = i / 100 and, if i is even, loss = -i.
  void make_runs(int count) {
    for (int i = 0; i < count; ++i) {
      const auto run = new_run("run-" + std::to_string(i), i % 2 == 0 ? "even" : "odd");
      std::vector<MetricPoint> points{{"acc", 0, 100.0, 1}, {"acc", 1, i / 100.0, 2}};
      if (i % 2 == 0) points.push_back({"loss", 0, -1.0 * i, 1});
      ASSERT_TRUE(tracking_->log_metrics(run, points));
      ASSERT_TRUE(tracking_->log_params(run, std::vector<KeyValue>{{"lr", i < 5 ? "0.1" : "0.2"}}));
      ASSERT_TRUE(tracking_->set_tags(
          run, std::vector<KeyValue>{{"team", "NLP-" + std::to_string(i % 3)}}));
      clock_.advance(Millis{5});
    }
  }
  std::vector<std::string> names(const RunSearch& search) {
    const auto page = tracking_->search(search);
    EXPECT_TRUE(page) << (page ? "" : describe(page.error()));
    std::vector<std::string> found;
    if (page)
      for (const auto& run : page->runs) found.push_back(run.name);
    return found;
  }
};

using Names = std::vector<std::string>;

RunCondition metric(const std::string& key, RunComparison comparison, double number) {
  return {.field = RunField::metric, .key = key, .comparison = comparison, .number = number};
}
RunCondition text(RunField field, const std::string& key, RunComparison comparison,
                  const std::string& value) {
  return {.field = field, .key = key, .comparison = comparison, .text = value};
}

TEST_F(Search, AllRunsNewestFirst) {
  make_runs(4);
  EXPECT_EQ(names({}), (Names{"run-3", "run-2", "run-1", "run-0"}));
  EXPECT_EQ(names({.experiments = {"odd"}}), (Names{"run-3", "run-1"}));
  EXPECT_EQ(names({.order = {.descending = false}, .limit = 2}), (Names{"run-0", "run-1"}));
  EXPECT_EQ(names({.experiments = {"none"}}), Names{});
}

TEST_F(Search, MetricsCompareByTheirNewestValueAtOnce) {
  make_runs(10);
  EXPECT_EQ(names({.conditions = {metric("acc", RunComparison::greater_or_equal, 0.08)}}),
            (Names{"run-9", "run-8"}));
  EXPECT_EQ(names({.conditions = {metric("acc", RunComparison::greater, 0.03),
                                  metric("loss", RunComparison::less, -5)}}),
            (Names{"run-8", "run-6"}));
  EXPECT_EQ(names({.conditions = {metric("acc", RunComparison::not_equal, 0.05),
                                  metric("loss", RunComparison::equal, -4)}}),
            (Names{"run-4"}));
}

TEST_F(Search, OrderByAMetricPutsRunsWithoutItLast) {
  make_runs(6);
  const RunOrder by_loss{.field = RunField::metric, .key = "loss", .descending = false};
  EXPECT_EQ(names({.order = by_loss}),
            (Names{"run-4", "run-2", "run-0", "run-5", "run-3", "run-1"}));
  RunSearch paged{.order = by_loss, .limit = 2};
  Names all;
  do {
    const auto page = tracking_->search(paged);
    ASSERT_TRUE(page) << describe(page.error());
    ASSERT_LE(page->runs.size(), 2U);
    for (const auto& run : page->runs) all.push_back(run.name);
    paged.cursor = page->next_cursor;
  } while (!paged.cursor.empty() && all.size() < 20);
  EXPECT_EQ(all, (Names{"run-4", "run-2", "run-0", "run-5", "run-3", "run-1"}));
  EXPECT_EQ(names({.conditions = {metric("acc", RunComparison::less, 0.04)}, .order = by_loss}),
            (Names{"run-2", "run-0", "run-3", "run-1"}));
}

/// However the database is asked, by few runs of one condition or by all in order.
TEST_F(Search, AgreesWithLookingAtEveryRun) {
  constexpr int kRuns = 60;
  const auto value_of = [](int run, int key) { return (run * (7 + 4 * key) % 61) / 61.0; };
  for (int i = 0; i < kRuns; ++i) {
    const auto run = new_run(std::to_string(i));
    std::vector<MetricPoint> points;
    for (int key = 0; key < 3; ++key)
      points.push_back({"m" + std::to_string(key), 1, value_of(i, key), 1});
    ASSERT_TRUE(tracking_->log_metrics(run, points));
    clock_.advance(Millis{5});
  }
  for (const double first : {0.05, 0.5, 0.95})
    for (const double second : {0.1, 0.9}) {
      std::vector<int> expected;
      for (int i = 0; i < kRuns; ++i)
        if (value_of(i, 0) > first && value_of(i, 1) < second) expected.push_back(i);
      std::ranges::sort(expected, std::greater<>(), [&](int i) { return value_of(i, 2); });
      Names wanted;
      for (const int i : expected) wanted.push_back(std::to_string(i));
      EXPECT_EQ(names({.conditions = {metric("m0", RunComparison::greater, first),
                                      metric("m1", RunComparison::less, second)},
                       .order = {.field = RunField::metric, .key = "m2"}}),
                wanted)
          << first << " " << second;
    }
}

TEST_F(Search, TextsCompareAndMatch) {
  make_runs(6);
  const auto lr = text(RunField::param, "lr", RunComparison::equal, "0.2");
  EXPECT_EQ(names({.conditions = {lr}}), (Names{"run-5"}));
  const auto like = [&](RunField field, const std::string& key, const std::string& pattern) {
    return names({.conditions = {text(field, key, RunComparison::like, pattern)}});
  };
  EXPECT_EQ(like(RunField::tag, "team", "NLP-1"), (Names{"run-4", "run-1"}));
  EXPECT_EQ(like(RunField::tag, "team", "nlp%"), Names{});
  EXPECT_EQ(like(RunField::name, "", "%-_"), names({}));
  EXPECT_EQ(like(RunField::name, "", "*"), Names{}) << "only % and _ are special";
  EXPECT_EQ(names({.conditions = {text(RunField::tag, "team", RunComparison::like_in_any_case,
                                       "nlp-1")}}),
            (Names{"run-4", "run-1"}));
  EXPECT_EQ(names({.conditions = {text(RunField::state, "", RunComparison::equal, "finished")}}),
            Names{});
}

TEST_F(Search, SaysWhatItCannotDo) {
  const auto code = [&](const RunSearch& search) {
    const auto page = tracking_->search(search);
    return page ? Errc::internal : page.error().code;
  };
  EXPECT_EQ(code({.cursor = "x5"}), Errc::invalid_argument);
  EXPECT_EQ(code({.cursor = "m-5"}), Errc::invalid_argument);
  EXPECT_EQ(code({.order = {.field = RunField::dataset}}), Errc::invalid_argument);
  EXPECT_EQ(code({.conditions = {metric("a", RunComparison::like, 1)}}), Errc::invalid_argument);
  EXPECT_EQ(code({.conditions = {metric("a", RunComparison::less, std::nan(""))}}),
            Errc::invalid_argument);
  EXPECT_EQ(code({.conditions = std::vector<RunCondition>(65)}), Errc::too_large);
}

}  // namespace
}  // namespace galley::tracking
