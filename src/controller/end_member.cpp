#include "active_attempt.h"
#include "commands.h"
#include "job_events.h"
#include "job_states.h"
#include "tracking/tracking.h"

namespace galley::controller {
namespace {

using protocol::AttemptState;
using protocol::JobState;
using store::Transaction;
using store::Value;

/// The node has the data sets of a program that has begun there. Answers all that it has when some
/// of them are new.
Result<std::vector<std::string>> note_contents(Transaction& transaction, const NodeId& node,
                                               const protocol::JobSpec& spec, WallTime at) {
  std::vector<std::string> names;
  if (spec.datasets.empty()) return names;
  for (const std::string& name : spec.datasets)
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into node_contents (node_id, name, seen_ms) values (:1, :2, :3) on conflict "
        "(node_id, name) do update set seen_ms = excluded.seen_ms",
        {node.str(), name, to_ms(at)}));
  GALLEY_TRY(auto rows,
             transaction.query("select name from node_contents where node_id = :1 order by name",
                               {node.str()}));
  for (const store::Row& row : rows) names.push_back(row.text(0));
  return names;
}

Result<std::int64_t> members_in(Transaction& transaction, const AttemptId& attempt,
                                std::string_view condition) {
  GALLEY_TRY(auto row, transaction.query_one(
                           "select count(*) from attempt_members where attempt_id = :1 and " +
                               std::string(condition),
                           {attempt.str()}));
  return row->integer(0);
}

}  // namespace

Result<RunningMember> mark_running(Transaction& transaction, const protocol::AttemptReport& report,
                                   WallTime at) {
  GALLEY_TRY(auto attempt, read_active_attempt(transaction, report.attempt_id));
  GALLEY_TRY(auto member, read_active_member(transaction, report.attempt_id, report.rank));
  if (member.running)
    return Error{Errc::conflict, "attempt " + report.attempt_id.str() + " runs already"};
  GALLEY_TRY_STATUS(transaction.execute(
      "update attempt_members set state = 'running' where attempt_id = :1 and member_rank = :2",
      {report.attempt_id.str(), report.rank}));
  GALLEY_TRY(auto job, read_job(transaction, attempt.job));
  GALLEY_TRY(auto contents, note_contents(transaction, member.node, job.spec, at));
  RunningMember answer{job.id, member.node, std::move(contents)};
  GALLEY_TRY(const auto starting, members_in(transaction, report.attempt_id, "state = 'starting'"));
  if (starting > 0) return answer;
  const auto started_ms = to_ms(report.started_at.value_or(at));
  GALLEY_TRY_STATUS(
      transaction.execute("update attempts set state = 'running', started_ms = :2 where id = :1",
                          {report.attempt_id.str(), started_ms}));
  if (!may_move(job.state, JobState::running)) return answer;  // being cancelled: it stays so
  GALLEY_TRY_STATUS(
      transaction.execute("update jobs set state = 'running', reason = '', started_ms = :2 where "
                          "id = :1",
                          {attempt.job.str(), started_ms}));
  job.state = JobState::running;
  job.reason.clear();
  GALLEY_TRY_STATUS(tell(transaction, job, at));
  return answer;
}

namespace {

tracking::RunState run_state_of(JobState state) {
  if (state == JobState::succeeded) return tracking::RunState::finished;
  return state == JobState::cancelled ? tracking::RunState::killed : tracking::RunState::failed;
}

/// Everything that the attempt held is free.
Status release(Transaction& transaction, const AttemptId& attempt) {
  GALLEY_TRY_STATUS(transaction.execute(
      "update devices set allocated_milli = allocated_milli - (select sum(a.milli) from "
      "allocations a where a.attempt_id = :1 and a.active = 1 and a.device_id = devices.id) "
      "where id in (select device_id from allocations where attempt_id = :1 and active = 1 and "
      "device_id is not null)",
      {attempt.str()}));
  GALLEY_TRY_STATUS(transaction.execute("update allocations set active = 0 where attempt_id = :1",
                                        {attempt.str()}));
  return ok();
}

struct Ending {
  AttemptId attempt;
  AttemptState state;
  std::string reason;
  std::optional<std::int64_t> exit_code;
  WallTime finished;
};

/// The last member has ended: the attempt is over and its job moves on.
Result<JobState> finish(Transaction& transaction, protocol::JobRecord job, const Ending& ending,
                        const protocol::AttemptReport& report, WallTime at) {
  GALLEY_TRY(auto lost, transaction.query_one(
                            "select count(*) from attempts where job_id = :1 and state = 'lost'",
                            {job.id.str()}));
  const JobState next = state_after({.job_state = job.state,
                                     .attempt_state = ending.state,
                                     .lost_before = lost->integer(0),
                                     .max_lost = job.spec.max_lost});
  GALLEY_TRY_STATUS(check_move(job, next));
  GALLEY_TRY_STATUS(transaction.execute(
      "update attempts set state = :2, started_ms = coalesce(started_ms, :3), finished_ms = :4 "
      "where id = :1",
      {ending.attempt.str(), word(ending.state), optional_time(report.started_at),
       to_ms(ending.finished)}));
  GALLEY_TRY_STATUS(release(transaction, ending.attempt));
  const bool ended = protocol::is_final(next);
  protocol::AttemptReport decisive = report;
  decisive.reason = ending.reason;
  decisive.exit_code = ending.exit_code;
  job.state = next;
  job.reason = reason_of(decisive, next);
  GALLEY_TRY_STATUS(transaction.execute(
      "update jobs set state = :2, reason = :3, exit_code = :4, finished_ms = :5 where id = :1",
      {job.id.str(), word(next), job.reason, optional_number(ending.exit_code),
       ended ? Value(to_ms(ending.finished)) : Value(nullptr)}));
  if (ended)
    GALLEY_TRY_STATUS(
        tracking::end_run_of_job(transaction, job.run_id, run_state_of(next), ending.finished));
  Json more = Json::object();
  if (ending.exit_code) more["exit_code"] = *ending.exit_code;
  GALLEY_TRY_STATUS(tell(transaction, job, at, more));
  return next;
}

}  // namespace

Result<EndedMember> end_member(Transaction& transaction, const protocol::AttemptReport& report,
                               WallTime at) {
  GALLEY_TRY(auto attempt, read_active_attempt(transaction, report.attempt_id));
  GALLEY_TRY_STATUS(read_active_member(transaction, report.attempt_id, report.rank));
  GALLEY_TRY(auto job, read_job(transaction, attempt.job));
  const AttemptState outcome = outcome_of(report, job.state, attempt.preemption_asked);
  GALLEY_TRY(const auto members, members_in(transaction, report.attempt_id, "1 = 1"));
  GALLEY_TRY_STATUS(transaction.execute(
      "update attempt_members set state = 'ended' where attempt_id = :1 and member_rank = :2",
      {report.attempt_id.str(), report.rank}));
  if (report.rank == 0)  // the output that people read
    GALLEY_TRY_STATUS(transaction.execute("update attempts set log_bytes = :2 where id = :1",
                                          {report.attempt_id.str(), report.log_bytes}));
  if (decides({attempt.outcome, attempt.outcome_at}, outcome, report)) {
    const bool succeeded = outcome == AttemptState::succeeded;
    GALLEY_TRY_STATUS(transaction.execute(
        "update attempts set outcome = :2, reason = :3, exit_code = :4, signal = :5, outcome_ms = "
        ":6 where id = :1",
        {report.attempt_id.str(), succeeded ? Value(nullptr) : Value(word(outcome)),
         member_reason(report, outcome, static_cast<std::size_t>(members)),
         optional_number(report.exit_code), optional_number(report.signal),
         outcome == AttemptState::failed ? optional_time(report.finished_at) : Value(nullptr)}));
    if (!succeeded) attempt.outcome = outcome;
  }
  EndedMember answer{.job = attempt.job,
                     .attempt = report.attempt_id,
                     .rank = report.rank,
                     .stop_others = attempt.outcome.has_value()};
  GALLEY_TRY(const auto left, members_in(transaction, report.attempt_id, "state <> 'ended'"));
  if (left > 0) return answer;
  GALLEY_TRY(auto row,
             transaction.query_one("select reason, exit_code, signal from attempts where id = :1",
                                   {report.attempt_id.str()}));
  protocol::AttemptReport last = report;
  last.signal = row->is_null(2) ? std::nullopt : std::optional(row->integer(2));
  const Ending ending{report.attempt_id, attempt.outcome.value_or(AttemptState::succeeded),
                      row->text(0), row->is_null(1) ? std::nullopt : std::optional(row->integer(1)),
                      report.finished_at.value_or(at)};
  answer.attempt_ended = true;
  GALLEY_TRY(answer.job_state, finish(transaction, std::move(job), ending, last, at));
  return answer;
}

}  // namespace galley::controller
