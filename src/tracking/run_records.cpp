#include <algorithm>
#include <map>
#include <unordered_map>

#include "checks.h"
#include "tracking/tracking.h"
#include "waiting.h"

namespace galley::tracking {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

/// Runs that one statement names.
constexpr std::size_t kRunsAtOnce = 200;

/// "(:1, :2, …)" with the runs as parameters.
std::string list_of_runs(std::span<RunRecord> part, std::vector<Value>& parameters) {
  std::string list = "(";
  for (const RunRecord& one : part) {
    parameters.emplace_back(one.run.id.str());
    list += (parameters.size() > 1 ? ", :" : ":") + std::to_string(parameters.size());
  }
  return list + ")";
}

class RecordReader {
 public:
  RecordReader(Transaction& transaction, std::span<RunRecord> part)
      : transaction_(transaction), list_(list_of_runs(part, parameters_)) {
    for (RunRecord& one : part) record_of_.emplace(one.run.id.str(), &one);
  }

  Status read(bool with_metrics) {
    GALLEY_TRY(const auto params,
               ask("select run_id, param_key, value from run_params where run_id in "));
    for (const Row& row : params)
      record_of_.at(row.text(0))->params.emplace_back(row.text(1), row.text(2));
    GALLEY_TRY(const auto tags,
               ask("select run_id, tag_key, value from run_tags where run_id in "));
    for (const Row& row : tags)
      record_of_.at(row.text(0))->tags.emplace_back(row.text(1), row.text(2));
    if (with_metrics) GALLEY_TRY_STATUS(read_metrics());
    for (const auto& [id, record] : record_of_) {  // databases sort texts in ways of their own
      std::ranges::sort(record->params);
      std::ranges::sort(record->tags);
    }
    return ok();
  }

 private:
  Result<std::vector<Row>> ask(const std::string& before, const std::string& behind = {}) {
    return transaction_.query(before + list_ + behind, parameters_);
  }

  Status read_metrics() {
    GALLEY_TRY(const auto series,
               ask("select run_id, metric_key, last_step, last_value, last_ms from series"
                   " where run_id in "));
    for (const Row& row : series)
      record_of_.at(row.text(0))
          ->metrics.push_back({row.text(1), row.integer(2), nan_if_null(row, 3), row.integer(4)});
    for (const auto& [id, record] : record_of_)
      std::ranges::sort(record->metrics, {}, &MetricPoint::key);
    GALLEY_TRY(const auto waiting,
               ask("select run_id, columns from waiting_points where run_id in ",
                   " order by run_id, batch_index"));
    for (const Row& row : waiting) {
      GALLEY_TRY(const auto batch, PointBatch::unpack(row.text(1)));
      add_newest(record_of_.at(row.text(0))->metrics, batch);
    }
    return ok();
  }

  static void add_newest(std::vector<MetricPoint>& metrics, const PointBatch& batch) {
    std::vector<Point> newest(batch.keys().size());
    std::vector<bool> known(batch.keys().size(), false);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const std::uint32_t key = batch.key_of()[i];
      const Point& point = batch.points()[i];
      if (!known[key] || is_newer(point, newest[key])) newest[key] = point;
      known[key] = true;
    }
    for (std::size_t key = 0; key < newest.size(); ++key) {
      const std::string& name = batch.keys()[key];
      const MetricPoint fresh{name, newest[key].step, newest[key].value, newest[key].at_ms};
      const auto at = std::ranges::lower_bound(metrics, name, {}, &MetricPoint::key);
      if (at == metrics.end() || at->key != name)
        metrics.insert(at, fresh);
      else if (is_newer(newest[key], {at->step, at->value, at->at_ms}))
        *at = fresh;
    }
  }

  Transaction& transaction_;
  std::vector<Value> parameters_;
  std::string list_;
  std::unordered_map<std::string, RunRecord*> record_of_;
};

}  // namespace

Result<std::vector<RunRecord>> read_records(Transaction& transaction, std::span<const Run> runs,
                                            bool with_metrics) {
  std::vector<RunRecord> records;
  records.reserve(runs.size());
  for (const Run& run : runs) records.push_back({.run = run});
  for (std::size_t at = 0; at < records.size(); at += kRunsAtOnce) {
    const auto part = std::span(records).subspan(at, std::min(kRunsAtOnce, records.size() - at));
    GALLEY_TRY_STATUS(RecordReader(transaction, part).read(with_metrics));
  }
  return records;
}

Result<RunRecord> read_record(Transaction& transaction, const RunId& run) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select " + run_columns("r") + " from runs r where r.id = :1",
                                   {run.str()}));
  if (!row) return Error{Errc::not_found, "there is no run " + run.str()};
  const Run one = run_of(*row);
  GALLEY_TRY(auto records, read_records(transaction, std::span(&one, 1), true));
  return std::move(records.front());
}

Result<std::vector<RunRecord>> Tracking::records(std::span<const Run> runs) const {
  std::vector<RunRecord> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(found, read_records(transaction, runs, true));
    return ok();
  }));
  return found;
}

}  // namespace galley::tracking
