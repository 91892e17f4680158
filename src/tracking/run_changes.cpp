#include "checks.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Transaction;
using store::Value;

/// A damaged series must not keep its run from ending.
Status settle_at_end(Transaction& transaction, const RunId& run) {
  const Status settled = settle_points(transaction, run);
  return !settled && settled.error().code == Errc::corrupt ? ok() : settled;
}

}  // namespace

Status change_run(Transaction& transaction, const RunId& run, const RunChange& change,
                  WallTime at) {
  GALLEY_TRY_STATUS(require_run(transaction, run));
  if (change.name) {
    GALLEY_TRY_STATUS(check_text("name", *change.name, kMaxKeyBytes));
    GALLEY_TRY_STATUS(
        transaction.execute("update runs set name = :1 where id = :2", {*change.name, run.str()}));
  }
  if (change.state) {
    const bool ends = *change.state != RunState::running;
    GALLEY_TRY_STATUS(transaction.execute(
        "update runs set state = :1, ended_ms = :2 where id = :3",
        {std::string(to_string(*change.state)),
         ends ? Value(to_ms(change.ended.value_or(at))) : Value(nullptr), run.str()}));
    if (ends) GALLEY_TRY_STATUS(settle_at_end(transaction, run));
  } else if (change.ended) {
    GALLEY_TRY_STATUS(
        transaction.execute("update runs set ended_ms = :1 where id = :2 and state <> 'running'",
                            {to_ms(*change.ended), run.str()}));
  }
  return tell(transaction, run, at, change.state ? to_string(*change.state) : "change");
}

Status end_run_of_job(Transaction& transaction, const RunId& run, RunState state, WallTime at) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select state from runs where id = :1", {run.str()}));
  if (!row) return Error{Errc::not_found, "there is no run " + run.str()};
  const bool said_failed = row->text(0) == "failed" && state == RunState::finished;
  if (!said_failed && row->text(0) != to_string(state))
    GALLEY_TRY_STATUS(change_run(transaction, run, {.state = state, .ended = at}, at));
  GALLEY_TRY(const auto rows,
             transaction.query("select id from runs where owner_run = :1 and state = 'running'",
                               {run.str()}));
  for (const store::Row& child : rows)
    GALLEY_TRY_STATUS(
        change_run(transaction, RunId::trusted(child.text(0)), {.state = state, .ended = at}, at));
  return ok();
}

Status delete_run(Transaction& transaction, const RunId& run, bool deleted, WallTime at) {
  GALLEY_TRY(const auto changed,
             transaction.execute("update runs set deleted_ms = :1 where id = :2",
                                 {deleted ? Value(to_ms(at)) : Value(nullptr), run.str()}));
  if (changed == 0) return Error{Errc::not_found, "there is no run " + run.str()};
  return tell(transaction, run, at, deleted ? "delete" : "restore");
}

Status delete_tag(Transaction& transaction, const RunId& run, const std::string& key, WallTime at) {
  GALLEY_TRY_STATUS(require_run(transaction, run));
  GALLEY_TRY(const auto gone,
             transaction.execute("delete from run_tags where run_id = :1 and tag_key = :2",
                                 {run.str(), key}));
  if (gone == 0)
    return Error{Errc::not_found, "run " + run.str() + " has no tag '" + key.substr(0, 80) + "'"};
  return tell(transaction, run, at, "tags");
}

}  // namespace galley::tracking
