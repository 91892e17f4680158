#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>

#include "checks.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The store cannot hold a NaN; null stands for it (see the schema).
Value number_or_null(double value) { return std::isnan(value) ? Value(nullptr) : Value(value); }
double nan_if_null(const Row& row, std::size_t column) {
  return row.is_null(column) ? kNan : row.real(column);
}

/// fmin and fmax answer the other argument when one is NaN, which is what "over the numbers" means.
struct Totals {
  std::int64_t id = 0;
  std::int64_t count = 0;
  double least = kNan;
  double greatest = kNan;
};

/// The points of one call by key, each key's in their order.
struct Group {
  const std::string* key;
  std::vector<Point> points;
};

Result<std::vector<Group>> group_by_key(std::span<const MetricPoint> points) {
  std::vector<Group> groups;
  std::unordered_map<std::string_view, std::size_t> index;
  for (const MetricPoint& point : points) {
    const auto [at, fresh] = index.try_emplace(point.key, groups.size());
    if (fresh) {
      GALLEY_TRY_STATUS(check_key("metric", point.key));
      groups.push_back({&point.key, {}});
    }
    if (point.step < 0)
      return Error{Errc::invalid_argument,
                   "metric " + point.key + " has the negative step " + std::to_string(point.step),
                   "step", "0 or more"};
    groups[at->second].points.push_back({point.step, point.value, point.at_ms});
  }
  return groups;
}

Result<std::int64_t> count_series(Transaction& transaction, const RunId& run) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select count(*) from series where run_id = :1", {run.str()}));
  return row->integer(0);
}

/// Opens series for one call; counts the run's series at most once.
class SeriesOpener {
 public:
  SeriesOpener(Transaction& transaction, const RunId& run) : transaction_(transaction), run_(run) {}

  Result<Totals> open(const std::string& key) {
    GALLEY_TRY(const auto row,
               transaction_.query_one("select id, point_count, min_value, max_value from series"
                                      " where run_id = :1 and metric_key = :2",
                                      {run_.str(), key}));
    if (row)
      return Totals{row->integer(0), row->integer(1), nan_if_null(*row, 2), nan_if_null(*row, 3)};
    if (!known_) {
      GALLEY_TRY(known_, count_series(transaction_, run_));
    }
    if (++*known_ > static_cast<std::int64_t>(kMaxSeries))
      return Error{Errc::too_large, "run " + run_.str() + " has " + std::to_string(kMaxSeries) +
                                        " metrics, the most that are kept; '" + key +
                                        "' would be one more"};
    GALLEY_TRY(const auto made,
               transaction_.query_one("insert into series (run_id, metric_key, point_count,"
                                      " last_step, last_ms) values (:1, :2, 0, 0, 0) returning id",
                                      {run_.str(), key}));
    return Totals{.id = made->integer(0)};
  }

 private:
  Transaction& transaction_;
  const RunId& run_;
  std::optional<std::int64_t> known_;
};

/// Writes the points behind those that the growing chunk holds, sealing every chunk that fills.
Status write_chunks(Transaction& transaction, const Totals& totals, std::vector<Point> points) {
  auto index = totals.count / static_cast<std::int64_t>(kChunkPoints);
  if (totals.count % static_cast<std::int64_t>(kChunkPoints) != 0) {
    GALLEY_TRY(const auto row, transaction.query_one("select columns from chunks"
                                                     " where series_id = :1 and chunk_index = :2",
                                                     {totals.id, index}));
    if (!row) return Error{Errc::corrupt, "the last chunk of a time series is missing"};
    GALLEY_TRY(auto growing, decode_chunk(row->text(0)));
    points.insert(points.begin(), growing.begin(), growing.end());
  }
  for (std::span<const Point> rest(points); !rest.empty(); ++index) {
    const auto part = rest.first(std::min(rest.size(), kChunkPoints));
    const bool full = part.size() == kChunkPoints;
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into chunks (series_id, chunk_index, first_step, point_count, sealed, columns)"
        " values (:1, :2, :3, :4, :5, :6) on conflict (series_id, chunk_index) do update set"
        " point_count = excluded.point_count, sealed = excluded.sealed, columns = excluded.columns",
        {totals.id, index, part.front().step, static_cast<std::int64_t>(part.size()),
         std::int64_t{full},
         store::Blob{encode_chunk(part, full ? ChunkForm::sealed : ChunkForm::growing)}}));
    rest = rest.subspan(part.size());
  }
  return ok();
}

Status update_totals(Transaction& transaction, Totals totals, std::span<const Point> added) {
  for (const Point& point : added) {
    totals.least = std::fmin(totals.least, point.value);
    totals.greatest = std::fmax(totals.greatest, point.value);
  }
  const Point& last = added.back();
  GALLEY_TRY_STATUS(transaction.execute(
      "update series set point_count = :1, last_step = :2, last_value = :3, last_ms = :4,"
      " min_value = :5, max_value = :6 where id = :7",
      {totals.count + static_cast<std::int64_t>(added.size()), last.step,
       number_or_null(last.value), last.at_ms, number_or_null(totals.least),
       number_or_null(totals.greatest), totals.id}));
  return ok();
}

Result<std::vector<Point>> read_series(Transaction& transaction, std::int64_t id) {
  GALLEY_TRY(const auto rows,
             transaction.query(
                 "select columns from chunks where series_id = :1 order by chunk_index", {id}));
  std::vector<Point> points;
  points.reserve(rows.size() * kChunkPoints);
  for (const Row& row : rows) {
    GALLEY_TRY(const auto part, decode_chunk(row.text(0)));
    points.insert(points.end(), part.begin(), part.end());
  }
  return points;
}

}  // namespace

Status append_points(Transaction& transaction, const RunId& run,
                     std::span<const MetricPoint> points) {
  GALLEY_TRY(const auto groups, group_by_key(points));
  GALLEY_TRY_STATUS(require_run(transaction, run));
  SeriesOpener opener(transaction, run);
  for (const Group& group : groups) {
    GALLEY_TRY(const auto totals, opener.open(*group.key));
    GALLEY_TRY_STATUS(write_chunks(transaction, totals, group.points));
    GALLEY_TRY_STATUS(update_totals(transaction, totals, group.points));
  }
  return ok();
}

Status Tracking::log_metrics(const RunId& run, std::span<const MetricPoint> points) {
  return database_.write(
      [&](Transaction& transaction) { return append_points(transaction, run, points); });
}

Result<std::vector<SeriesSummary>> Tracking::series(const RunId& run) const {
  std::vector<SeriesSummary> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(require_run(transaction, run));
    GALLEY_TRY(const auto rows,
               transaction.query("select metric_key, point_count, last_step, last_value, last_ms,"
                                 " min_value, max_value from series where run_id = :1"
                                 " order by metric_key",
                                 {run.str()}));
    for (const Row& row : rows)
      found.push_back({row.text(0), row.integer(1), row.integer(2), nan_if_null(row, 3),
                       from_ms(row.integer(4)), nan_if_null(row, 5), nan_if_null(row, 6)});
    return ok();
  }));
  return found;
}

Result<std::vector<Point>> Tracking::points(const RunId& run, std::string_view key,
                                            std::size_t max_points) const {
  std::vector<Point> points;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(require_run(transaction, run));
    GALLEY_TRY(const auto row, transaction.query_one("select id from series where run_id = :1"
                                                     " and metric_key = :2",
                                                     {run.str(), std::string(key)}));
    if (!row)
      return Error{Errc::not_found,
                   "run " + run.str() + " has no metric " + std::string(key.substr(0, 80))};
    GALLEY_TRY(points, read_series(transaction, row->integer(0)));
    return ok();
  }));
  // A run that resumed from a checkpoint reports some steps twice.
  std::ranges::stable_sort(points, {}, &Point::step);
  return downsample(points, max_points);
}

}  // namespace galley::tracking
