#include <algorithm>
#include <bit>
#include <cmath>
#include <future>
#include <limits>

#include "fixture.h"

namespace galley::tracking {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr std::size_t kAll = 1'000'000;

class Metrics : public TrackingFixture {};

std::vector<MetricPoint> curve(const std::string& key, std::int64_t from, std::int64_t to) {
  std::vector<MetricPoint> points;
  for (std::int64_t step = from; step < to; ++step)
    points.push_back({key, step, std::sin(static_cast<double>(step) / 100), 1000 + step});
  return points;
}

TEST_F(Metrics, ComeBackAsReportedWhateverTheBatches) {
  const auto run = new_run();
  // Batches that end before, at and after the border of a chunk, and one that spans several.
  std::int64_t from = 0;
  for (const std::int64_t to : {1, 2, 500, 512, 513, 1024, 1100, 4000, 4001}) {
    ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", from, to)));
    from = to;
    const auto points = tracking_->points(run, "loss", kAll);
    ASSERT_TRUE(points) << describe(points.error());
    ASSERT_EQ(points->size(), static_cast<std::size_t>(to));
  }
  ASSERT_TRUE(tracking_->settle(run));
  const auto points = *tracking_->points(run, "loss", kAll);
  const auto wanted = curve("loss", 0, from);
  for (std::size_t i = 0; i < points.size(); ++i) {
    ASSERT_EQ(points[i].step, wanted[i].step);
    ASSERT_EQ(points[i].value, wanted[i].value);
    ASSERT_EQ(points[i].at_ms, wanted[i].at_ms);
  }
  EXPECT_EQ(count("select count(*) from chunks"), 8);
  EXPECT_EQ(count("select count(*) from chunks where sealed = 1 and point_count = 512"), 7);
}

TEST_F(Metrics, ASealedChunkIsNeverWrittenAgain) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", 0, 512)));
  ASSERT_TRUE(tracking_->settle(run));
  const std::string digest =
      "select length(columns) * 1000 + first_step from chunks where chunk_index = 0";
  const auto before = count(digest);
  ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", 512, 600)));
  ASSERT_TRUE(tracking_->settle(run));
  EXPECT_EQ(count(digest), before);
}

TEST_F(Metrics, SeveralInOneBatchAreSortedOutByKey) {
  const auto run = new_run();
  std::vector<MetricPoint> mixed;
  for (std::int64_t step = 0; step < 700; ++step) {
    mixed.push_back({"loss", step, 1.0, step});
    if (step % 100 == 0) mixed.push_back({"val/정확도", step, 0.5, step});
  }
  ASSERT_TRUE(tracking_->log_metrics(run, mixed));
  const auto series = tracking_->series(run);
  ASSERT_EQ(series->size(), 2U);
  EXPECT_EQ((*series)[0].key, "loss");
  EXPECT_EQ((*series)[0].count, 700);
  EXPECT_EQ((*series)[1].count, 7);
  EXPECT_EQ(tracking_->points(run, "val/정확도", kAll)->size(), 7U);
}

TEST_F(Metrics, SummariesFollowEveryBatch) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->log_metrics(
      run, std::vector<MetricPoint>{{"loss", 5, 2.0, 50}, {"loss", 6, -1.0, 60}}));
  ASSERT_TRUE(tracking_->log_metrics(run, std::vector<MetricPoint>{{"loss", 4, 7.0, 70}}));
  const auto summary = (*tracking_->series(run))[0];
  EXPECT_EQ(summary.count, 3);
  EXPECT_EQ(summary.last_step, 6) << "the greatest, whatever came last";
  EXPECT_EQ(summary.last_value, -1.0);
  EXPECT_EQ(summary.last_at, from_ms(60));
  EXPECT_EQ(summary.min_value, -1.0);
  EXPECT_EQ(summary.max_value, 7.0);
}

TEST_F(Metrics, TheNewestIsOfTheGreatestStepThenTimeThenValue) {
  const auto run = new_run();
  const auto newest = [&] {
    const auto summary = (*tracking_->series(run))[0];
    return Point{summary.last_step, summary.last_value, to_ms(summary.last_at)};
  };
  const auto expect = [&](const MetricPoint& next, double value) {
    ASSERT_TRUE(tracking_->log_metrics(run, std::span(&next, 1)));
    EXPECT_EQ(newest().value, value);
    ASSERT_TRUE(tracking_->settle(run));
    EXPECT_EQ(newest().value, value) << "settled as well as waiting";
  };
  expect({"m", -3, 1, 10}, 1);
  expect({"m", 2, 5, 10}, 5);
  expect({"m", 1, 9, 99}, 5);
  expect({"m", 2, 4, 11}, 4);
  expect({"m", 2, 6, 11}, 6);
  expect({"m", 2, kNan, 11}, 6);
  expect({"m", 3, 0, 0}, 0);
}

TEST_F(Metrics, ValuesThatAreNotFiniteAreKept) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->log_metrics(run, std::vector<MetricPoint>{{"only-nan", 0, kNan, 0}}));
  ASSERT_TRUE(tracking_->log_metrics(run, std::vector<MetricPoint>{{"mixed", 0, kNan, 0},
                                                                   {"mixed", 1, 3.0, 0},
                                                                   {"mixed", 2, kInfinite, 0},
                                                                   {"mixed", 3, kNan, 0}}));
  const auto points = *tracking_->points(run, "mixed", kAll);
  EXPECT_TRUE(std::isnan(points[0].value));
  EXPECT_EQ(points[2].value, kInfinite);

  const auto series = *tracking_->series(run);
  EXPECT_EQ(series[0].min_value, 3.0);
  EXPECT_EQ(series[0].max_value, kInfinite);
  EXPECT_TRUE(std::isnan(series[0].last_value));
  EXPECT_TRUE(std::isnan(series[1].last_value));
  EXPECT_TRUE(std::isnan(series[1].min_value));
  EXPECT_TRUE(std::isnan(series[1].max_value));
}

TEST_F(Metrics, AResumedRunIsOrderedByStep) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->log_metrics(
      run, std::vector<MetricPoint>{{"m", 1, 1, 0}, {"m", 2, 2, 0}, {"m", 3, 3, 0}}));
  ASSERT_TRUE(
      tracking_->log_metrics(run, std::vector<MetricPoint>{{"m", 2, 20, 0}, {"m", 3, 30, 0}}));
  std::vector<double> values;
  const auto points = *tracking_->points(run, "m", kAll);
  for (const Point& point : points) values.push_back(point.value);
  EXPECT_EQ(values, (std::vector<double>{1, 2, 20, 3, 30}));
}

TEST_F(Metrics, BadPointsRefuseTheWholeBatch) {
  const auto run = new_run();
  const auto attempt = [&](const MetricPoint& bad) {
    const auto status =
        tracking_->log_metrics(run, std::vector<MetricPoint>{{"good", 1, 1, 1}, bad});
    EXPECT_FALSE(status);
    return status ? Errc::internal : status.error().code;
  };
  EXPECT_EQ(attempt({"", 1, 0, 0}), Errc::invalid_argument);
  EXPECT_EQ(attempt({std::string(251, 'k'), 1, 0, 0}), Errc::invalid_argument);
  EXPECT_EQ(attempt({"bad\xff", 1, 0, 0}), Errc::invalid_argument);
  EXPECT_TRUE(tracking_->series(run)->empty());
  EXPECT_TRUE(tracking_->log_metrics(run, {}));

  EXPECT_EQ(tracking_->log_metrics(ids_.next<RunTag>(), curve("m", 0, 1)).error().code,
            Errc::not_found);
  EXPECT_EQ(tracking_->points(run, "absent", kAll).error().code, Errc::not_found);
  EXPECT_EQ(tracking_->series(ids_.next<RunTag>()).error().code, Errc::not_found);
}

TEST_F(Metrics, TheNumberOfSeriesIsBounded) {
  const auto run = new_run();
  std::vector<MetricPoint> many;
  for (std::size_t i = 0; i < kMaxSeries; ++i) many.push_back({"m" + std::to_string(i), 0, 0, 0});
  ASSERT_TRUE(tracking_->log_metrics(run, many));
  const auto more = tracking_->log_metrics(run, std::vector<MetricPoint>{{"one more", 0, 0, 0}});
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::too_large);
  EXPECT_TRUE(tracking_->log_metrics(run, many)) << "known series go on";
}

TEST_F(Metrics, AreAppendedWithTheCallersOwnRowsOrNotAtAll) {
  const auto run = new_run();
  const auto status = database_->write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(append_points(transaction, run, curve("loss", 0, 600)));
    return Error{Errc::conflict, "the epoch is stale"};
  });
  EXPECT_FALSE(status);
  EXPECT_TRUE(tracking_->series(run)->empty());
  EXPECT_EQ(count("select count(*) from chunks"), 0);
}

TEST_F(Metrics, ADamagedChunkIsReported) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", 0, 600)));
  ASSERT_TRUE(tracking_->settle(run));
  ASSERT_TRUE(database_->write([](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute("update chunks set columns = :1 where chunk_index = 1",
                                          {store::Blob{"nonsense"}}));
    return ok();
  }));
  EXPECT_EQ(tracking_->points(run, "loss", kAll).error().code, Errc::corrupt);
  ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", 600, 601))) << "new points are kept";
  EXPECT_EQ(tracking_->settle(run).error().code, Errc::corrupt);
  EXPECT_EQ(count("select count(*) from waiting_points"), 1);
  EXPECT_TRUE(tracking_->finish_run(run, RunState::finished)) << "and the run can end";
}

TEST_F(Metrics, PointsThatWaitAreSeenAsOthersAre) {
  const auto run = new_run();
  ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", 0, 700)));
  ASSERT_TRUE(tracking_->settle(run));
  ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", 700, 710)));
  ASSERT_TRUE(tracking_->log_metrics(
      run, std::vector<MetricPoint>{{"accuracy", 5, kNan, 7}, {"accuracy", 6, 0.5, 8}}));
  EXPECT_EQ(count("select count(*) from waiting_points"), 2);
  const auto series = *tracking_->series(run);
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].key, "accuracy");
  EXPECT_EQ(series[0].count, 2);
  EXPECT_EQ(series[0].min_value, 0.5);
  EXPECT_EQ(series[0].last_step, 6);
  EXPECT_EQ(series[1].count, 710);
  EXPECT_EQ(series[1].last_at, from_ms(1709));
  EXPECT_EQ(tracking_->points(run, "loss", kAll)->size(), 710U);

  ASSERT_TRUE(tracking_->finish_run(run, RunState::finished));
  EXPECT_EQ(count("select count(*) from waiting_points"), 0);
  EXPECT_EQ(count("select count(*) from waiting_runs"), 0);
  EXPECT_EQ(tracking_->points(run, "loss", kAll)->size(), 710U);
  EXPECT_EQ((*tracking_->series(run))[0].min_value, 0.5);
}

TEST_F(Metrics, AreSettledBySelfWhenManyWait) {
  const auto run = new_run();
  for (int i = 0; i < 9; ++i)
    ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", 1000 * i, 1000 * (i + 1))));
  EXPECT_EQ(count("select point_count from series"), 9000);
  EXPECT_EQ(count("select count(*) from waiting_points"), 0);

  // Many keys wait longer, since each costs the same whatever its points.
  std::vector<MetricPoint> wide;
  for (int i = 0; i < 1000; ++i) wide.push_back({"m" + std::to_string(i), 1, 1, 1});
  for (int i = 0; i < 127; ++i) ASSERT_TRUE(tracking_->log_metrics(run, wide));
  EXPECT_EQ(count("select count(*) from waiting_points"), 127);
  ASSERT_TRUE(tracking_->log_metrics(run, wide));
  EXPECT_EQ(count("select count(*) from waiting_points"), 0);
  EXPECT_EQ(count("select count(*) from series where point_count = 128"), 1000);
}

TEST_F(Metrics, ABatchIsDurableWhenItIsSaidToBe) {
  const auto run = new_run();
  PointBatch batch;
  ASSERT_TRUE(batch.add("loss", 1, 0.5, 100));
  std::promise<Status> done;
  tracking_->log_batch(run, batch, [&](Status status) { done.set_value(std::move(status)); });
  ASSERT_TRUE(done.get_future().get());
  EXPECT_EQ(tracking_->points(run, "loss", kAll)->size(), 1U);
  std::promise<Status> unknown;
  tracking_->log_batch(ids_.next<RunTag>(), batch,
                       [&](Status status) { unknown.set_value(std::move(status)); });
  EXPECT_EQ(unknown.get_future().get().error().code, Errc::not_found);
}

TEST_F(Metrics, AFarViewOfALongSeriesKeepsItsSpikes) {
  const auto run = new_run();
  constexpr std::int64_t kLong = 100'000;
  auto points = curve("loss", 0, kLong);
  points[33'333].value = 50;
  points[99'990].value = -50;
  ASSERT_TRUE(tracking_->log_metrics(run, points));
  ASSERT_TRUE(tracking_->settle(run));
  ASSERT_TRUE(tracking_->log_metrics(run, curve("loss", kLong, kLong + 100)));
  EXPECT_EQ(count("select count(*) from previews"), kLong / 512);
  const auto far = *tracking_->points(run, "loss", 200);
  EXPECT_LE(far.size(), 200U);
  EXPECT_EQ(far.front().step, 0);
  EXPECT_EQ(far.back().step, kLong + 99);
  EXPECT_TRUE(std::ranges::is_sorted(far, {}, &Point::step));
  EXPECT_EQ(std::ranges::count(far, 50.0, &Point::value), 1);
  EXPECT_EQ(std::ranges::count(far, -50.0, &Point::value), 1);
  // Without previews, as an earlier version left them, the same is seen.
  ASSERT_TRUE(database_->write([](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute("delete from previews"));
    return ok();
  }));
  const auto whole = *tracking_->points(run, "loss", 200);
  EXPECT_EQ(std::ranges::count(whole, 50.0, &Point::value), 1);
  EXPECT_EQ(whole.size(), far.size());
}

TEST(PointBatch, ComesBackAsItWas) {
  PointBatch batch;
  EXPECT_EQ(batch.add("", 0, 0, 0).error().code, Errc::invalid_argument);
  ASSERT_TRUE(batch.add("a", std::numeric_limits<std::int64_t>::max(), -0.0, -5));
  ASSERT_TRUE(batch.add("b", -4, kNan, 1'700'000'000'000));
  ASSERT_TRUE(batch.add("a", 7, kInfinite, std::numeric_limits<std::int64_t>::min()));
  const std::string packed = batch.pack();
  const auto read = PointBatch::unpack(packed);
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->keys(), (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(read->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read->key_of()[i], batch.key_of()[i]);
    EXPECT_EQ(read->points()[i].step, batch.points()[i].step);
    EXPECT_EQ(read->points()[i].at_ms, batch.points()[i].at_ms);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(read->points()[i].value),
              std::bit_cast<std::uint64_t>(batch.points()[i].value));
  }
  for (std::size_t i = 0; i < packed.size(); ++i) {
    std::string damaged = packed;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(PointBatch::unpack(damaged)) << i;
    EXPECT_FALSE(PointBatch::unpack(packed.substr(0, i))) << i;
  }
}

TEST(Downsample, KeepsEndsAndSpikes) {
  std::vector<Point> points;
  for (std::int64_t step = 0; step < 100'000; ++step) points.push_back({step, 0.5, step});
  points[33'333].value = 100;
  points[66'666].value = -100;

  const auto kept = downsample(points, 200);

  EXPECT_LE(kept.size(), 200U);
  EXPECT_EQ(kept.front().step, 0);
  EXPECT_EQ(kept.back().step, 99'999);
  EXPECT_TRUE(std::ranges::is_sorted(kept, {}, &Point::step));
  EXPECT_EQ(std::ranges::count(kept, 100.0, &Point::value), 1);
  EXPECT_EQ(std::ranges::count(kept, -100.0, &Point::value), 1);
}

TEST(Downsample, LeavesShortSeriesAlone) {
  const std::vector<Point> points{{0, 1, 0}, {1, 2, 0}, {2, 3, 0}};
  EXPECT_EQ(downsample(points, 0).size(), 3U);
  EXPECT_EQ(downsample(points, 3).size(), 3U);
  EXPECT_TRUE(downsample({}, 10).empty());
}

TEST(Downsample, PrefersNumbersToNan) {
  std::vector<Point> points;
  for (std::int64_t step = 0; step < 1000; ++step)
    points.push_back({step, step % 10 == 5 ? 1.0 : kNan, step});
  const auto kept = downsample(points, 22);
  for (std::size_t i = 1; i + 1 < kept.size(); ++i) EXPECT_EQ(kept[i].value, 1.0);

  for (Point& point : points) point.value = kNan;
  EXPECT_LE(downsample(points, 22).size(), 22U);
}

}  // namespace
}  // namespace galley::tracking
