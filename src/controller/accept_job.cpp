#include <fmt/format.h>

#include "commands.h"
#include "job_events.h"

namespace galley::controller {
namespace {

using store::Transaction;

constexpr Millis kIdempotencyMemory = std::chrono::hours(24);

/// The job that the same key brought before, if it did. Keys older than a day are forgotten.
Result<std::optional<AcceptedJob>> find_repeat(Transaction& transaction, const Caller& caller) {
  GALLEY_TRY(auto row,
             transaction.query_one("select request_sha256, answer, created_ms from idempotency "
                                   "where principal = :1 and idempotency_key = :2",
                                   {caller.principal, caller.idempotency_key}));
  if (!row) return std::optional<AcceptedJob>{};
  if (row->text(0) != caller.request_sha256)
    return Error{Errc::conflict, "this idempotency key came before with another body",
                 "Idempotency-Key", "a new key for each new job"};
  GALLEY_TRY(auto job,
             transaction.query_one("select id, seq from jobs where id = :1", {row->text(1)}));
  if (!job) return std::optional<AcceptedJob>{};
  return std::optional(AcceptedJob{JobId::trusted(job->text(0)), job->integer(1), true, {}});
}

Status remember(Transaction& transaction, const AcceptJob& command) {
  const auto now_ms = to_ms(command.job.created_at);
  GALLEY_TRY_STATUS(transaction.enqueue("delete from idempotency where created_ms < :1",
                                        {now_ms - kIdempotencyMemory.count()}));
  return transaction.enqueue(
      "insert into idempotency (principal, idempotency_key, request_sha256, status, answer, "
      "created_ms) values (:1, :2, :3, 201, :4, :5)",
      {command.caller.principal, command.caller.idempotency_key, command.caller.request_sha256,
       command.job.id.str(), now_ms});
}

/// Counted where the job is written, so that submissions at once cannot exceed it together.
Status check_quota(Transaction& transaction, const Caller& caller) {
  if (!caller.max_queued_jobs) return ok();
  GALLEY_TRY(const auto row, transaction.query_one("select count(*) from jobs where principal = :1 "
                                                   "and state = 'queued'",
                                                   {caller.principal}));
  if (row->integer(0) < *caller.max_queued_jobs) return ok();
  return Error{Errc::rate_limited,
               fmt::format("{} has {} jobs that wait, and its quota is {}", caller.principal,
                           row->integer(0), *caller.max_queued_jobs),
               {},
               {},
               "submit again when some have started, or ask an administrator for a larger quota"};
}

}  // namespace

Result<std::vector<scheduler::Content>> contents_of(Transaction& transaction,
                                                    const protocol::JobSpec& spec) {
  std::vector<scheduler::Content> contents;
  for (std::size_t i = 0; i < spec.datasets.size(); ++i) {
    const std::string& reference = spec.datasets[i];
    const std::size_t at = reference.find('@');
    const std::string version = reference.substr(at + 1);
    constexpr std::size_t kLongestVersion = 18;  // fits a 64-bit number
    std::optional<store::Row> found;
    if (version.size() <= kLongestVersion) {
      GALLEY_TRY(found, transaction.query_one(
                            "select size_bytes from snapshots where kind = 'dataset' and name = :1 "
                            "and version = :2 and deleted_ms is null",
                            {reference.substr(0, at), std::int64_t{std::stoll(version)}}));
    }
    if (!found)
      return Error{Errc::not_found, "there is no data set " + reference.substr(0, 128),
                   fmt::format("datasets[{}]", i), "a frozen data set",
                   "`galley datasets list` shows what there is"};
    contents.push_back({reference, found->integer(0)});
  }
  return contents;
}

Result<AcceptedJob> accept_job(Transaction& transaction, const AcceptJob& command) {
  const protocol::JobRecord& job = command.job;
  if (!command.caller.idempotency_key.empty()) {
    GALLEY_TRY(auto repeat, find_repeat(transaction, command.caller));
    if (repeat) return *repeat;
    GALLEY_TRY_STATUS(remember(transaction, command));
  }
  GALLEY_TRY_STATUS(check_quota(transaction, command.caller));
  GALLEY_TRY(auto contents, contents_of(transaction, job.spec));
  GALLEY_TRY_STATUS(tell(transaction, job, job.created_at));
  GALLEY_TRY_STATUS(audit(transaction, command.caller, "job.submit", job.id.str(), job.created_at));
  // Last, since its answer is needed: all of the above travels with it.
  GALLEY_TRY(
      const auto row,
      transaction.query_one(
          "insert into jobs (id, seq, name, team, priority_class, state, reason, spec, "
          "principal, run_id, attempts, created_ms) select :1, coalesce(max(seq), 0) + 1, "
          ":2, :3, :4, 'queued', '', :5, :6, :7, 0, :8 from jobs returning seq",
          {job.id.str(), job.name, job.team, std::string(protocol::word_of(job.priority_class)),
           dump_json(protocol::print_struct(job.spec)), job.principal, job.run_id.str(),
           to_ms(job.created_at)}));
  return AcceptedJob{job.id, row->integer(0), false, std::move(contents)};
}

}  // namespace galley::controller
