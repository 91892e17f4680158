#include "checks.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Transaction;

Status check_pairs(std::string_view what, std::span<const KeyValue> pairs) {
  for (const auto& [key, value] : pairs) {
    GALLEY_TRY_STATUS(check_key(what, key));
    GALLEY_TRY_STATUS(check_text(std::string(what) + " " + key, value, kMaxValueBytes));
  }
  return ok();
}

/// Counted once a call, after its inserts: the transaction undoes them when they are too many.
Status check_count(Transaction& transaction, std::string_view table, const RunId& run) {
  GALLEY_TRY(const auto row,
             transaction.query_one(
                 "select count(*) from " + std::string(table) + " where run_id = :1", {run.str()}));
  if (row->integer(0) <= static_cast<std::int64_t>(kMaxParams)) return ok();
  return Error{Errc::too_large, "run " + run.str() + " would have more than " +
                                    std::to_string(kMaxParams) + " entries in " +
                                    std::string(table)};
}

Status log_param(Transaction& transaction, const RunId& run, const KeyValue& param) {
  GALLEY_TRY(
      const auto known,
      transaction.query_one("select value from run_params where run_id = :1 and param_key = :2",
                            {run.str(), param.first}));
  if (known && known->text(0) == param.second) return ok();
  if (known)
    return Error{Errc::conflict,
                 "parameter " + param.first + " of run " + run.str() + " is '" +
                     known->text(0).substr(0, 80) + "' and cannot become '" +
                     param.second.substr(0, 80) + "'",
                 param.first,
                 {},
                 "parameters are written once; use a tag for what changes"};
  GALLEY_TRY_STATUS(
      transaction.execute("insert into run_params (run_id, param_key, value) values (:1, :2, :3)",
                          {run.str(), param.first, param.second}));
  return ok();
}

}  // namespace

Status log_params(Transaction& transaction, const RunId& run, std::span<const KeyValue> params,
                  WallTime at) {
  GALLEY_TRY_STATUS(check_pairs("parameter", params));
  GALLEY_TRY_STATUS(require_run(transaction, run));
  for (const KeyValue& param : params) GALLEY_TRY_STATUS(log_param(transaction, run, param));
  GALLEY_TRY_STATUS(check_count(transaction, "run_params", run));
  return tell(transaction, run, at, "params");
}

Status set_tags(Transaction& transaction, const RunId& run, std::span<const KeyValue> tags,
                WallTime at) {
  GALLEY_TRY_STATUS(check_pairs("tag", tags));
  GALLEY_TRY_STATUS(require_run(transaction, run));
  for (const auto& [key, value] : tags)
    GALLEY_TRY_STATUS(
        transaction.execute("insert into run_tags (run_id, tag_key, value) values (:1, :2, :3)"
                            " on conflict (run_id, tag_key) do update set value = excluded.value",
                            {run.str(), key, value}));
  GALLEY_TRY_STATUS(check_count(transaction, "run_tags", run));
  return tell(transaction, run, at, "tags");
}

Status Tracking::log_params(const RunId& run, std::span<const KeyValue> params) {
  const WallTime now = clock_.wall();
  return database_.write([&](Transaction& transaction) {
    return tracking::log_params(transaction, run, params, now);
  });
}

Status Tracking::set_tags(const RunId& run, std::span<const KeyValue> tags) {
  const WallTime now = clock_.wall();
  return database_.write(
      [&](Transaction& transaction) { return tracking::set_tags(transaction, run, tags, now); });
}

}  // namespace galley::tracking
