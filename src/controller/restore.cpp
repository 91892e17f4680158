#include "restore.h"

#include <fmt/format.h>

#include "job_rows.h"
#include "team_commands.h"

namespace galley::controller {
namespace {

using store::Transaction;

Result<std::vector<scheduler::NodeShare>> read_shares(Transaction& transaction,
                                                      ActiveAttempt& attempt) {
  GALLEY_TRY(auto rows,
             transaction.query("select node_id, state, progress_offset from attempt_members where "
                               "attempt_id = :1 order by member_rank",
                               {attempt.id.str()}));
  std::vector<scheduler::NodeShare> shares;
  for (const store::Row& row : rows) {
    shares.push_back({NodeId::trusted(row.text(0)), {}});
    attempt.members.push_back({row.text(1) == "running", row.text(1) == "ended", row.integer(2)});
  }
  GALLEY_TRY(
      auto devices,
      transaction.query("select a.device_id, a.member_rank from allocations a join devices d "
                        "on d.id = a.device_id where a.attempt_id = :1 and a.active = 1 order "
                        "by d.device_index, d.id",
                        {attempt.id.str()}));
  for (const store::Row& row : devices)
    shares.at(static_cast<std::size_t>(row.integer(1))).device_ids.push_back(row.text(0));
  return shares;
}

Result<ActiveAttempt> read_active(Transaction& transaction, protocol::JobRecord job,
                                  std::vector<scheduler::Content> contents) {
  GALLEY_TRY(auto row, transaction.query_one(
                           "select id, number, progress_offset, created_ms, preempted_for, outcome "
                           "from attempts where job_id = :1 and number = :2",
                           {job.id.str(), job.attempts}));
  if (!row) return Error{Errc::corrupt, job.id.str() + " is active but has no attempt"};
  ActiveAttempt attempt;
  attempt.id = AttemptId::trusted(row->text(0));
  attempt.number = row->integer(1);
  attempt.placed_at = from_ms(row->integer(3));
  attempt.stopping =
      job.state == protocol::JobState::cancelling || !row->is_null(4) || !row->is_null(5);
  GALLEY_TRY(attempt.placement.shares, read_shares(transaction, attempt));
  if (attempt.members.empty())
    return Error{Errc::corrupt, attempt.id.str() + " is active but runs nowhere"};
  attempt.members.front().progress_offset = row->integer(2);
  attempt.request = queued_job(job, std::move(contents));
  attempt.job = std::move(job);
  return attempt;
}

/// The sizes of a job's data sets. One that was deleted since the job was accepted counts as
/// nothing; the agent will say that it is gone.
std::vector<scheduler::Content> known_contents(Transaction& transaction,
                                               const protocol::JobSpec& spec) {
  auto contents = contents_of(transaction, spec);
  return contents ? *std::move(contents) : std::vector<scheduler::Content>{};
}

Status read_jobs(Transaction& transaction, Restored& restored) {
  GALLEY_TRY(auto rows,
             transaction.query(fmt::format("select {} from jobs where state in ('queued', "
                                           "'starting', 'running', 'cancelling') order by seq",
                                           kJobColumns)));
  for (const store::Row& row : rows) {
    GALLEY_TRY(auto job, job_of_row(row));
    auto contents = known_contents(transaction, job.spec);
    if (job.state == protocol::JobState::queued) {
      restored.queued.push_back(queued_job(job, std::move(contents)));
      continue;
    }
    GALLEY_TRY(auto attempt, read_active(transaction, std::move(job), std::move(contents)));
    restored.active.push_back(std::move(attempt));
  }
  return ok();
}

Status read_contents(Transaction& transaction, Restored& restored) {
  GALLEY_TRY(auto rows,
             transaction.query("select node_id, name from node_contents order by node_id, name"));
  scheduler::ContentsSeen seen;
  const auto flush = [&] {
    if (!seen.names.empty()) restored.learnt.emplace_back(std::exchange(seen, {}));
  };
  for (const store::Row& row : rows) {
    if (seen.node.str() != row.text(0)) flush();
    seen.node = NodeId::trusted(row.text(0));
    seen.names.push_back(row.text(1));
  }
  flush();
  return ok();
}

}  // namespace

Result<std::vector<scheduler::UsageSeen>> read_usage(Transaction& transaction, WallTime now) {
  constexpr std::int64_t kHourMs = 3'600'000;
  constexpr int kHalfLives = 10;  // a thousandth is left
  const auto since = now - kHalfLives * scheduler::Options{}.usage_half_life;
  GALLEY_TRY(auto rows,
             transaction.query("select j.team, a.finished_ms / :2, sum(a.gpu_milli * 0.000001 * "
                               "(a.finished_ms - a.created_ms)) from attempts a join jobs j on "
                               "j.id = a.job_id where a.finished_ms >= :1 and a.gpu_milli > 0 "
                               "group by 1, 2 order by 2, 1",
                               {to_ms(since), kHourMs}));
  std::vector<scheduler::UsageSeen> usage;
  for (const store::Row& row : rows)
    usage.push_back(
        {row.text(0), row.real(2), std::min(now, from_ms(row.integer(1) * kHourMs + kHourMs / 2))});
  return usage;
}

Result<Restored> restore(store::Database& database, WallTime now) {
  Restored restored;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto teams, read_teams(transaction));
    for (const auto& team : teams)
      restored.learnt.emplace_back(scheduler::TeamChanged{team_of(team)});
    GALLEY_TRY(const auto quotas,
               transaction.query("select name, max_gpus from users where"
                                 " max_gpus is not null and removed_ms is null"));
    for (const store::Row& row : quotas)
      restored.learnt.emplace_back(scheduler::QuotaChanged{row.text(0), row.integer(1)});
    GALLEY_TRY(const auto bookings, read_reservations(transaction, now));
    for (const auto& booking : bookings)
      restored.learnt.emplace_back(scheduler::Booked{booking_of(booking)});
    GALLEY_TRY(const auto usage, read_usage(transaction, now));
    for (const auto& seen : usage) restored.learnt.emplace_back(seen);
    GALLEY_TRY_STATUS(read_contents(transaction, restored));
    return read_jobs(transaction, restored);
  }));
  return restored;
}

}  // namespace galley::controller
