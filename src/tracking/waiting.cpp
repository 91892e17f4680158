#include "waiting.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "checks.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// When waiting points are settled: a series costs nearly the same for one point as for a hundred,
// a reader goes through all that wait, and each call is a row of its own.
constexpr std::int64_t kSettlePoints = 8192;
constexpr std::int64_t kSettlePointsOfSeries = 128;
constexpr std::int64_t kSettleBatches = 2048;

struct WaitingRun {
  std::int64_t batches = 0;
  std::int64_t points = 0;
  std::int64_t most_keys = 0;
  std::int64_t key_total = 0;
  std::string key_sets{};
  std::int64_t series = 0;
};

/// Further sets of keys are counted each time.
constexpr std::size_t kMaxKeySets = 64;

/// " 16 hexadecimal digits" (FNV-1a): two sets that collide count as one, which costs nothing but a
/// few series past the limit.
std::string key_set_of(const PointBatch& batch) {
  std::uint64_t digest = 0xcbf29ce484222325U;
  const auto add = [&](char c) {
    digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  };
  for (const std::string& key : batch.keys()) {
    for (const char c : key) add(c);
    add('\n');
  }
  return fmt::format(" {:016x}", digest);
}

Result<std::int64_t> count_series(Transaction& transaction, const RunId& run) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select count(*) from series where run_id = :1", {run.str()}));
  return row->integer(0);
}

Result<WaitingRun> read_waiting_run(Transaction& transaction, const RunId& run) {
  GALLEY_TRY(
      const auto row,
      transaction.query_one("select r.id, w.batch_count, w.point_count, w.key_count, w.key_total,"
                            " w.key_sets, w.series_count, r.deleted_ms from runs r left join "
                            "waiting_runs w on w.run_id = r.id"
                            " where r.id = :1",
                            {run.str()}));
  if (!row) return Error{Errc::not_found, "there is no run " + run.str()};
  if (!row->is_null(7))
    return Error{Errc::invalid_argument, "The run " + run.str() +
                                             " must be in the 'active' state. Current state is"
                                             " deleted."};
  if (!row->is_null(1))
    return WaitingRun{row->integer(1), row->integer(2), row->integer(3),
                      row->integer(4), row->text(5),    row->integer(6)};
  GALLEY_TRY(const auto series, count_series(transaction, run));
  return WaitingRun{.series = series};
}

Status write_waiting_run(Transaction& transaction, const RunId& run, const WaitingRun& waiting) {
  return transaction.enqueue(
      "insert into waiting_runs (run_id, batch_count, point_count, key_count, key_total,"
      " key_sets, series_count) values (:1, :2, :3, :4, :5, :6, :7) on conflict (run_id) do update "
      "set"
      " batch_count = excluded.batch_count, point_count = excluded.point_count,"
      " key_count = excluded.key_count, key_total = excluded.key_total,"
      " key_sets = excluded.key_sets, series_count = excluded.series_count",
      {run.str(), waiting.batches, waiting.points, waiting.most_keys, waiting.key_total,
       waiting.key_sets, waiting.series});
}

bool is_much(const WaitingRun& waiting) {
  return waiting.batches >= kSettleBatches ||
         waiting.points >= std::max(kSettlePoints, kSettlePointsOfSeries * waiting.most_keys);
}

/// The exact check, for a run whose keys may be too many by the quick one.
Status check_series_count(Transaction& transaction, const RunId& run, const PointBatch& batch) {
  GALLEY_TRY(const auto rows,
             transaction.query("select metric_key from series where run_id = :1", {run.str()}));
  std::unordered_set<std::string> known;
  for (const Row& row : rows) known.insert(row.text(0));
  for (const std::string& key : batch.keys())
    if (known.insert(key).second && known.size() > kMaxSeries)
      return Error{Errc::too_large, "run " + run.str() + " has " + std::to_string(kMaxSeries) +
                                        " metrics, the most that are kept; '" + key +
                                        "' would be one more"};
  return ok();
}

/// A series with what is to be written of it: its growing chunk's points, then those that waited.
struct SettledSeries {
  std::string key;
  std::optional<std::int64_t> id{};
  std::int64_t count = 0;  // of the points that were settled before
  double least = kNan;
  double greatest = kNan;
  std::optional<Point> newest{};
  std::size_t fresh_from = 0;
  std::vector<Point> points{};
};

/// What is known of the series, in front of the points that waited.
Status read_settled(Transaction& transaction, const RunId& run, SettledSeries& series) {
  GALLEY_TRY(
      const auto row,
      transaction.query_one("select id, point_count, min_value, max_value, last_step, last_value,"
                            " last_ms from series"
                            " where run_id = :1 and metric_key = :2",
                            {run.str(), series.key}));
  if (!row) return ok();
  series.id = row->integer(0);
  series.count = row->integer(1);
  series.least = nan_if_null(*row, 2);
  series.greatest = nan_if_null(*row, 3);
  if (series.count > 0)
    series.newest = Point{row->integer(4), nan_if_null(*row, 5), row->integer(6)};
  const auto full = static_cast<std::int64_t>(kChunkPoints);
  if (series.count % full == 0) return ok();
  GALLEY_TRY(const auto chunk, transaction.query_one("select columns from chunks"
                                                     " where series_id = :1 and chunk_index = :2",
                                                     {*series.id, series.count / full}));
  if (!chunk) return Error{Errc::corrupt, "the last chunk of a time series is missing"};
  GALLEY_TRY(const auto growing, decode_chunk(chunk->text(0)));
  if (static_cast<std::int64_t>(growing.size()) != series.count % full)
    return Error{Errc::corrupt, "the last chunk of a time series has the wrong length"};
  series.fresh_from = growing.size();
  series.points.insert(series.points.begin(), growing.begin(), growing.end());
  return ok();
}

/// By series, in the order of their first points.
std::vector<SettledSeries> group_by_series(std::span<const PointBatch> batches) {
  std::vector<SettledSeries> all;
  std::unordered_map<std::string_view, std::size_t> index;
  std::vector<std::size_t> place;  // in `all`, of each key of the batch at hand
  for (const PointBatch& batch : batches) {
    place.clear();
    for (const std::string& key : batch.keys()) {
      const auto [at, fresh] = index.try_emplace(key, all.size());
      if (fresh) all.push_back({.key = key});
      place.push_back(at->second);
    }
    for (std::size_t i = 0; i < batch.size(); ++i)
      all[place[batch.key_of()[i]]].points.push_back(batch.points()[i]);
  }
  return all;
}

Status write_chunks(Transaction& transaction, const SettledSeries& series) {
  auto index = series.count / static_cast<std::int64_t>(kChunkPoints);
  for (std::span<const Point> rest(series.points); !rest.empty(); ++index) {
    const auto part = rest.first(std::min(rest.size(), kChunkPoints));
    const bool full = part.size() == kChunkPoints;
    GALLEY_TRY_STATUS(transaction.enqueue(
        "insert into chunks (series_id, chunk_index, first_step, point_count, sealed, columns)"
        " values (:1, :2, :3, :4, :5, :6) on conflict (series_id, chunk_index) do update set"
        " point_count = excluded.point_count, sealed = excluded.sealed, columns = excluded.columns",
        {*series.id, index, part.front().step, static_cast<std::int64_t>(part.size()),
         std::int64_t{full},
         store::Blob{encode_chunk(part, full ? ChunkForm::sealed : ChunkForm::growing)}}));
    if (full)
      GALLEY_TRY_STATUS(transaction.enqueue(
          "insert into previews (series_id, chunk_index, columns) values (:1, :2, :3)"
          " on conflict (series_id, chunk_index) do update set columns = excluded.columns",
          {*series.id, index,
           store::Blob{encode_chunk(downsample(part, kPreviewPoints), ChunkForm::growing)}}));
    rest = rest.subspan(part.size());
  }
  return ok();
}

Status write_settled(Transaction& transaction, const RunId& run, SettledSeries& series) {
  if (!series.id) {
    GALLEY_TRY(const auto made,
               transaction.query_one("insert into series (run_id, metric_key, point_count,"
                                     " last_step, last_ms) values (:1, :2, 0, 0, 0) returning id",
                                     {run.str(), series.key}));
    series.id = made->integer(0);
  }
  GALLEY_TRY_STATUS(write_chunks(transaction, series));
  // fmin and fmax answer the other argument when one is NaN: "over the numbers".
  for (const Point& point : std::span(series.points).subspan(series.fresh_from)) {
    series.least = std::fmin(series.least, point.value);
    series.greatest = std::fmax(series.greatest, point.value);
    if (!series.newest || is_newer(point, *series.newest)) series.newest = point;
  }
  const Point& last = *series.newest;
  const auto fresh = static_cast<std::int64_t>(series.points.size() - series.fresh_from);
  return transaction.enqueue(
      "update series set point_count = :1, last_step = :2, last_value = :3, last_ms = :4,"
      " min_value = :5, max_value = :6 where id = :7",
      {series.count + fresh, last.step, number_or_null(last.value), last.at_ms,
       number_or_null(series.least), number_or_null(series.greatest), *series.id});
}

}  // namespace

bool is_newer(const Point& point, const Point& than) {
  if (point.step != than.step) return point.step > than.step;
  if (point.at_ms != than.at_ms) return point.at_ms > than.at_ms;
  return point.value > than.value || (std::isnan(than.value) && !std::isnan(point.value));
}

double nan_if_null(const Row& row, std::size_t column) {
  return row.is_null(column) ? kNan : row.real(column);
}
Value number_or_null(double value) { return std::isnan(value) ? Value(nullptr) : Value(value); }

Result<std::vector<PointBatch>> read_waiting(Transaction& transaction, const RunId& run) {
  GALLEY_TRY(const auto rows, transaction.query("select columns from waiting_points"
                                                " where run_id = :1 order by batch_index",
                                                {run.str()}));
  std::vector<PointBatch> batches;
  batches.reserve(rows.size());
  for (const Row& row : rows) {
    GALLEY_TRY(auto batch, PointBatch::unpack(row.text(0)));
    batches.push_back(std::move(batch));
  }
  return batches;
}

Status settle_points(Transaction& transaction, const RunId& run) {
  GALLEY_TRY(const auto batches, read_waiting(transaction, run));
  if (batches.empty()) return ok();
  // All that may turn out to be damaged is read before anything is written.
  std::vector<SettledSeries> all = group_by_series(batches);
  for (SettledSeries& series : all) GALLEY_TRY_STATUS(read_settled(transaction, run, series));
  for (SettledSeries& series : all) GALLEY_TRY_STATUS(write_settled(transaction, run, series));
  GALLEY_TRY_STATUS(
      transaction.enqueue("delete from waiting_points where run_id = :1", {run.str()}));
  return transaction.enqueue("delete from waiting_runs where run_id = :1", {run.str()});
}

Status add_waiting(Transaction& transaction, const RunId& run, const PointBatch& batch,
                   const std::string& packed) {
  GALLEY_TRY(WaitingRun waiting, read_waiting_run(transaction, run));
  const auto keys = static_cast<std::int64_t>(batch.keys().size());
  const std::string key_set = key_set_of(batch);
  const bool is_new = waiting.key_sets.find(key_set) == std::string::npos;
  if (is_new && waiting.series + waiting.key_total + keys > static_cast<std::int64_t>(kMaxSeries)) {
    GALLEY_TRY_STATUS(settle_points(transaction, run));
    GALLEY_TRY_STATUS(check_series_count(transaction, run, batch));
    GALLEY_TRY(const auto series, count_series(transaction, run));
    waiting = {.series = series};
  }
  GALLEY_TRY_STATUS(transaction.enqueue(
      "insert into waiting_points (run_id, batch_index, columns) values (:1, :2, :3)",
      {run.str(), waiting.batches, store::Blob{packed}}));
  waiting.batches += 1;
  waiting.points += static_cast<std::int64_t>(batch.size());
  waiting.most_keys = std::max(waiting.most_keys, keys);
  if (is_new) {
    waiting.key_total += keys;
    if (waiting.key_sets.size() < kMaxKeySets * key_set.size()) waiting.key_sets += key_set;
  }
  GALLEY_TRY_STATUS(write_waiting_run(transaction, run, waiting));
  return is_much(waiting) ? settle_points(transaction, run) : ok();
}

}  // namespace galley::tracking
