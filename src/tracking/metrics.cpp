#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>

#include "checks.h"
#include "tracking/tracking.h"
#include "waiting.h"

namespace galley::tracking {
namespace {

using store::Row;
using store::Transaction;

constexpr auto kFullChunk = static_cast<std::int64_t>(kChunkPoints);

/// Several where one cannot hold all.
struct PackedBatch {
  PointBatch batch;
  std::string packed;
};

Result<std::vector<PackedBatch>> pack_points(std::span<const MetricPoint> points) {
  std::vector<PackedBatch> all;
  while (!points.empty()) {
    const auto part = points.first(std::min(points.size(), kMaxBatchPoints));
    PackedBatch& one = all.emplace_back();
    for (const MetricPoint& point : part)
      GALLEY_TRY_STATUS(one.batch.add(point.key, point.step, point.value, point.at_ms));
    one.packed = one.batch.pack();
    points = points.subspan(part.size());
  }
  return all;
}

Status append_packed(Transaction& transaction, const RunId& run,
                     std::span<const PackedBatch> batches) {
  if (batches.empty()) return require_run(transaction, run);
  for (const PackedBatch& one : batches)
    GALLEY_TRY_STATUS(add_waiting(transaction, run, one.batch, one.packed));
  return ok();
}

void add_to_summary(SeriesSummary& summary, const Point& point) {
  const Point newest{summary.last_step, summary.last_value, to_ms(summary.last_at)};
  if (++summary.count == 1 || is_newer(point, newest)) {
    summary.last_step = point.step;
    summary.last_value = point.value;
    summary.last_at = from_ms(point.at_ms);
  }
  summary.min_value = std::fmin(summary.min_value, point.value);
  summary.max_value = std::fmax(summary.max_value, point.value);
}

Status append_chunks(const std::vector<Row>& rows, std::vector<Point>& points) {
  for (const Row& row : rows) {
    GALLEY_TRY(const auto part, decode_chunk(row.text(0)));
    points.insert(points.end(), part.begin(), part.end());
  }
  return ok();
}

/// Where a plot has room for one of many points, previews of the sealed chunks hold all that it
/// shows: a stretch of the plot spans four stretches of a preview at least.
bool is_far_view(std::int64_t count, std::size_t max_points) {
  constexpr std::int64_t kPointsOfAPlaceInThePlot = 128;
  return count / kPointsOfAPlaceInThePlot >= static_cast<std::int64_t>(max_points);
}

/// A series as it is read: previews of the sealed chunks where the view is far, and behind them,
/// or alone, the points themselves.
struct ReadSeries {
  std::vector<Point> points;
  std::size_t whole_from = 0;  // in front of it, previews
};

Result<ReadSeries> read_chunks(Transaction& transaction, std::int64_t series, std::int64_t count,
                               std::size_t max_points) {
  ReadSeries read;
  std::int64_t next = 0;
  if (is_far_view(count, max_points)) {
    GALLEY_TRY(const auto rows, transaction.query("select columns from previews"
                                                  " where series_id = :1 order by chunk_index",
                                                  {series}));
    // Chunks that an earlier version sealed have none.
    if (static_cast<std::int64_t>(rows.size()) == count / kFullChunk) {
      GALLEY_TRY_STATUS(append_chunks(rows, read.points));
      read.whole_from = read.points.size();
      next = count / kFullChunk;
    }
  }
  GALLEY_TRY(const auto rows, transaction.query("select columns from chunks where series_id = :1"
                                                " and chunk_index >= :2 order by chunk_index",
                                                {series, next}));
  if (next == 0) read.points.reserve(static_cast<std::size_t>(count));
  GALLEY_TRY_STATUS(append_chunks(rows, read.points));
  return read;
}

Status append_waiting(Transaction& transaction, const RunId& run, std::string_view key,
                      std::vector<Point>& points) {
  GALLEY_TRY(const auto waiting, read_waiting(transaction, run));
  for (const PointBatch& batch : waiting) {
    const auto at = std::ranges::find(batch.keys(), key);
    if (at == batch.keys().end()) continue;
    const auto wanted = static_cast<std::uint32_t>(at - batch.keys().begin());
    for (std::size_t i = 0; i < batch.size(); ++i)
      if (batch.key_of()[i] == wanted) points.push_back(batch.points()[i]);
  }
  return ok();
}

/// As thin as the previews in front, so that equal stretches of points are equal stretches of time.
void thin_whole_points(ReadSeries& read) {
  const std::vector<Point> whole(read.points.begin() + static_cast<std::ptrdiff_t>(read.whole_from),
                                 read.points.end());
  read.points.resize(read.whole_from);
  const auto thin = downsample(whole, whole.size() * kPreviewPoints / kChunkPoints);
  read.points.insert(read.points.end(), thin.begin(), thin.end());
}

}  // namespace

Status append_points(Transaction& transaction, const RunId& run,
                     std::span<const MetricPoint> points) {
  GALLEY_TRY(const auto batches, pack_points(points));
  return append_packed(transaction, run, batches);
}

Status Tracking::log_metrics(const RunId& run, std::span<const MetricPoint> points) {
  GALLEY_TRY(const auto batches, pack_points(points));
  GALLEY_TRY_STATUS(database_.write(
      [&](Transaction& transaction) { return append_packed(transaction, run, batches); }));
  if (on_points_) on_points_(run, points);
  return ok();
}

namespace {

/// Of a large batch a few of each stretch are enough to see how far a run is.
std::vector<MetricPoint> some_points(const PointBatch& batch) {
  constexpr std::size_t kEnough = 64;
  constexpr std::array<std::string_view, 4> kAlways{"total_steps", "total_epochs", "epoch", "step"};
  const std::size_t stride = 1 + batch.size() / kEnough;
  std::vector<MetricPoint> points;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::string& key = batch.keys()[batch.key_of()[i]];
    const bool wanted = i % stride == 0 || i + 1 == batch.size() ||
                        std::ranges::find(kAlways, key) != kAlways.end();
    const Point& point = batch.points()[i];
    if (wanted) points.push_back({key, point.step, point.value, point.at_ms});
  }
  return points;
}

}  // namespace

void Tracking::log_batch(const RunId& run, PointBatch batch, store::Database::Done done) {
  auto packed = std::make_shared<PackedBatch>();
  if (!batch.empty()) packed->packed = batch.pack();
  packed->batch = std::move(batch);
  database_.write_async(
      [run, packed](Transaction& transaction) {
        if (packed->batch.empty()) return require_run(transaction, run);
        return append_packed(transaction, run, std::span(packed.get(), 1));
      },
      [this, run, packed, done = std::move(done)](Status status) {
        if (status && on_points_ && !packed->batch.empty())
          on_points_(run, some_points(packed->batch));
        done(std::move(status));
      });
}

void Tracking::log_call(const RunId& run, LogBatch batch, store::Database::Command also,
                        store::Database::Done done) {
  struct Packed {
    LogBatch batch;
    PackedBatch points;
  };
  auto packed = std::make_shared<Packed>();
  if (!batch.points.empty()) packed->points.packed = batch.points.pack();
  packed->points.batch = std::move(batch.points);
  packed->batch = std::move(batch);
  database_.write_async(
      [run, packed, also = std::move(also),
       now = clock_.wall()](Transaction& transaction) -> Status {
        if (also) GALLEY_TRY_STATUS(also(transaction));
        if (!packed->points.batch.empty())
          GALLEY_TRY_STATUS(append_packed(transaction, run, std::span(&packed->points, 1)));
        else
          GALLEY_TRY_STATUS(require_run(transaction, run));
        if (!packed->batch.params.empty())
          GALLEY_TRY_STATUS(tracking::log_params(transaction, run, packed->batch.params, now));
        if (!packed->batch.tags.empty())
          GALLEY_TRY_STATUS(tracking::set_tags(transaction, run, packed->batch.tags, now));
        return ok();
      },
      std::move(done));
}

Result<std::vector<SeriesSummary>> Tracking::series(const RunId& run) const {
  std::map<std::string, SeriesSummary, std::less<>> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(require_run(transaction, run));
    GALLEY_TRY(const auto rows,
               transaction.query("select metric_key, point_count, last_step, last_value, last_ms,"
                                 " min_value, max_value from series where run_id = :1",
                                 {run.str()}));
    for (const Row& row : rows)
      found[row.text(0)] = {row.text(0),         row.integer(1),          row.integer(2),
                            nan_if_null(row, 3), from_ms(row.integer(4)), nan_if_null(row, 5),
                            nan_if_null(row, 6)};
    GALLEY_TRY(const auto waiting, read_waiting(transaction, run));
    for (const PointBatch& batch : waiting) {
      std::vector<SeriesSummary*> of_key;
      for (const std::string& key : batch.keys()) {
        const auto [at, fresh] = found.try_emplace(key);
        if (fresh) at->second = {.key = key, .min_value = std::nan(""), .max_value = std::nan("")};
        of_key.push_back(&at->second);
      }
      for (std::size_t i = 0; i < batch.size(); ++i)
        add_to_summary(*of_key[batch.key_of()[i]], batch.points()[i]);
    }
    return ok();
  }));
  std::vector<SeriesSummary> all;
  all.reserve(found.size());
  for (auto& [key, summary] : found) all.push_back(std::move(summary));
  return all;
}

Result<std::vector<Point>> Tracking::points(const RunId& run, std::string_view key,
                                            std::size_t max_points) const {
  ReadSeries read;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(require_run(transaction, run));
    GALLEY_TRY(const auto row, transaction.query_one("select id, point_count from series"
                                                     " where run_id = :1 and metric_key = :2",
                                                     {run.str(), std::string(key)}));
    if (row) {
      GALLEY_TRY(read, read_chunks(transaction, row->integer(0), row->integer(1), max_points));
    }
    GALLEY_TRY_STATUS(append_waiting(transaction, run, key, read.points));
    if (!row && read.points.empty())
      return Error{Errc::not_found,
                   "run " + run.str() + " has no metric " + std::string(key.substr(0, 80))};
    return ok();
  }));
  if (read.whole_from > 0) thin_whole_points(read);
  // A run that resumed from a checkpoint reports some steps twice.
  if (!std::ranges::is_sorted(read.points, {}, &Point::step))
    std::ranges::stable_sort(read.points, {}, &Point::step);
  return downsample(read.points, max_points);
}

Status Tracking::settle(const RunId& run) {
  return database_.write([&](Transaction& transaction) { return settle_points(transaction, run); });
}

}  // namespace galley::tracking
