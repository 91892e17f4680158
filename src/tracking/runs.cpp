#include <algorithm>
#include <array>

#include "checks.h"
#include "tracking/experiments.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr std::array<std::string_view, 4> kStates{"running", "finished", "failed", "killed"};
constexpr std::int64_t kMaxPage = 1000;

std::string select_runs() { return "select " + run_columns("runs") + " from runs"; }

Result<std::vector<KeyValue>> pairs(Transaction& transaction, std::string_view sql,
                                    const RunId& run) {
  GALLEY_TRY(const auto rows, transaction.query(sql, {run.str()}));
  std::vector<KeyValue> found;
  found.reserve(rows.size());
  for (const Row& row : rows) found.emplace_back(row.text(0), row.text(1));
  return found;
}

}  // namespace

Run run_of(const Row& row) {
  Run run{.id = RunId::trusted(row.text(0)),
          .name = row.text(1),
          .experiment = row.text(2),
          .job_id = row.text(3),
          .created = from_ms(row.integer(5)),
          .ended = {},
          .user = row.text(7),
          .owner_run = row.text(8)};
  const auto state = parse_run_state(row.text(4));
  GALLEY_CHECK(state, "the table's check admits only the four states");
  run.state = *state;
  if (!row.is_null(6)) run.ended = from_ms(row.integer(6));
  if (!row.is_null(9)) run.deleted = from_ms(row.integer(9));
  return run;
}

std::string_view to_string(RunState state) { return kStates[static_cast<std::size_t>(state)]; }

Result<RunState> parse_run_state(std::string_view word) {
  const auto found = std::ranges::find(kStates, word);
  if (found != kStates.end()) return static_cast<RunState>(found - kStates.begin());
  return Error{Errc::invalid_argument,
               "'" + std::string(word.substr(0, 40)) + "' is not the state of a run", "state",
               "running, finished, failed or killed"};
}

Status create_run(Transaction& transaction, const NewRun& run) {
  GALLEY_TRY_STATUS(check_text("name", run.name, kMaxKeyBytes));
  GALLEY_TRY_STATUS(check_text("experiment", run.experiment, kMaxExperimentBytes));
  GALLEY_TRY_STATUS(check_text("user", run.user, kMaxKeyBytes));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into runs (id, name, experiment, job_id, state, created_ms, user_name, owner_run)"
      " values (:1, :2, :3, :4, 'running', :5, :6, :7)",
      {run.id.str(), run.name, run.experiment,
       run.job_id.empty() ? Value(nullptr) : Value(run.job_id), to_ms(run.created), run.user,
       run.owner_run.empty() ? Value(nullptr) : Value(run.owner_run)}));
  GALLEY_TRY_STATUS(ensure_experiment(transaction, run.experiment, run.created));
  return tell(transaction, run.id, run.created, "create");
}

Status finish_run(Transaction& transaction, const RunId& run, RunState state, WallTime at) {
  if (state == RunState::running)
    return Error{Errc::invalid_argument, "a run cannot end as running", "state",
                 "finished, failed or killed"};
  GALLEY_TRY(const auto changed,
             transaction.execute("update runs set state = :1, ended_ms = :2"
                                 " where id = :3 and state = 'running'",
                                 {std::string(to_string(state)), to_ms(at), run.str()}));
  if (changed == 1) {
    // A damaged series must not keep its run from ending.
    if (const Status settled = settle_points(transaction, run);
        !settled && settled.error().code != Errc::corrupt)
      return settled;
    return tell(transaction, run, at, to_string(state));
  }
  GALLEY_TRY(const auto row,
             transaction.query_one("select state from runs where id = :1", {run.str()}));
  if (!row) return Error{Errc::not_found, "there is no run " + run.str()};
  if (row->text(0) == to_string(state)) return ok();
  return Error{Errc::conflict, "run " + run.str() + " has ended as " + row->text(0) +
                                   " and cannot end as " + std::string(to_string(state))};
}

Result<Run> Tracking::create_run(const std::string& name, const std::string& experiment,
                                 const std::string& job_id) {
  const NewRun run{.id = ids_.next<RunTag>(),
                   .name = name,
                   .experiment = experiment,
                   .job_id = job_id,
                   .created = clock_.wall()};
  GALLEY_TRY_STATUS(database_.write(
      [&](Transaction& transaction) { return tracking::create_run(transaction, run); }));
  return Run{.id = run.id,
             .name = name,
             .experiment = experiment,
             .job_id = job_id,
             .created = run.created,
             .ended = {}};
}

Status Tracking::finish_run(const RunId& run, RunState state) {
  const WallTime now = clock_.wall();
  return database_.write(
      [&](Transaction& transaction) { return tracking::finish_run(transaction, run, state, now); });
}

Result<RunDetails> Tracking::get(const RunId& run) const {
  RunDetails details;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one(select_runs() + " where id = :1", {run.str()}));
    if (!row) return Error{Errc::not_found, "there is no run " + run.str()};
    details.run = run_of(*row);
    GALLEY_TRY(
        details.params,
        pairs(transaction,
              "select param_key, value from run_params where run_id = :1 order by param_key", run));
    GALLEY_TRY(
        details.tags,
        pairs(transaction, "select tag_key, value from run_tags where run_id = :1 order by tag_key",
              run));
    return ok();
  }));
  return details;
}

Result<RunPage> Tracking::list(const RunFilter& filter, std::int64_t limit,
                               std::string_view cursor) const {
  if (!cursor.empty()) GALLEY_TRY_STATUS(RunId::parse(cursor));
  limit = std::clamp<std::int64_t>(limit, 1, kMaxPage);
  RunPage page;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    // Ids sort by time of creation. One more than asked for shows whether there is a next page.
    std::string sql = select_runs() + " where deleted_ms is null";
    std::vector<Value> parameters = filter.where_parameters;
    if (!filter.where_sql.empty()) sql += " and (" + filter.where_sql + ")";
    const auto narrow = [&](std::string_view condition, std::string_view value) {
      if (value.empty()) return;
      parameters.emplace_back(std::string(value));
      sql += " and " + std::string(condition) + " :" + std::to_string(parameters.size());
    };
    narrow("id <", cursor);
    narrow("experiment =", filter.experiment);
    narrow("job_id =", filter.job_id);
    parameters.emplace_back(limit + 1);
    sql += " order by id desc limit :" + std::to_string(parameters.size());
    GALLEY_TRY(const auto rows, transaction.query(sql, std::move(parameters)));
    for (const Row& row : rows) page.runs.push_back(run_of(row));
    return ok();
  }));
  if (static_cast<std::int64_t>(page.runs.size()) > limit) {
    page.runs.pop_back();
    page.next_cursor = page.runs.back().id.str();
  }
  return page;
}

}  // namespace galley::tracking
