#include <fmt/format.h>

#include "base/text.h"
#include "commands.h"
#include "job_events.h"
#include "protocol/checkpoint.h"

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
  return std::optional(AcceptedJob{JobId::trusted(job->text(0)), job->integer(1), true, {}, {}});
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

struct FoundDataSet {
  std::int64_t size_bytes = 0;
  std::string manifest_sha256;
};

Result<FoundDataSet> find_data_set(Transaction& transaction, const std::string& reference,
                                   const std::string& field) {
  const std::size_t at = reference.find('@');
  const std::string version = reference.substr(at + 1);
  constexpr std::size_t kLongestVersion = 18;  // fits a 64-bit number
  std::optional<store::Row> found;
  if (version.size() <= kLongestVersion) {
    GALLEY_TRY(found,
               transaction.query_one("select size_bytes, manifest_sha256 from snapshots where kind "
                                     "= 'dataset' and name = :1 and version = :2 and deleted_ms is "
                                     "null",
                                     {reference.substr(0, at), std::int64_t{std::stoll(version)}}));
  }
  if (!found)
    return Error{Errc::not_found, "there is no data set " + reference.substr(0, 128), field,
                 "a frozen data set", "`galley datasets list` shows what there is"};
  return FoundDataSet{found->integer(0), found->text(1)};
}

/// With the content that its path has now, so that what runs later does not depend on when.
Result<std::optional<std::string>> settled_checkpoint(Transaction& transaction,
                                                      const protocol::JobSpec& spec) {
  if (!spec.checkpoint) return std::optional<std::string>{};
  GALLEY_TRY(auto source, protocol::parse_checkpoint(*spec.checkpoint));
  if (!source.manifest_sha256.empty()) return spec.checkpoint;
  GALLEY_TRY(
      const auto found,
      transaction.query_one("select manifest_sha256 from artifacts where run_id = :1 and path = :2",
                            {source.run.str(), source.path}));
  if (!found)
    return Error{Errc::not_found,
                 fmt::format("{} has registered no {}", source.run.str(), source.path),
                 "checkpoint", "RUN/PATH of a file or folder that a run registered",
                 "`galley runs show RUN` lists what a run registered"};
  source.manifest_sha256 = found->text(0);
  return std::optional(protocol::print_checkpoint(source));
}

}  // namespace

Result<std::vector<scheduler::Content>> contents_of(Transaction& transaction,
                                                    const protocol::JobSpec& spec) {
  std::vector<scheduler::Content> contents;
  if (spec.image) contents.push_back({protocol::image_content(*spec.image), 0});
  if (spec.build) {
    const protocol::BuildSpec& build = *spec.build;
    GALLEY_TRY(const auto context, find_data_set(transaction, build.context, "build.context"));
    const std::string inputs = protocol::build_inputs(build, context.manifest_sha256);
    contents.push_back(
        {protocol::image_content(protocol::built_image(sha256_hex(inputs))), 0, false});
    contents.push_back({build.context, context.size_bytes, true});
    if (build.requirements)
      contents.push_back(
          {protocol::image_content(build.base.value_or(std::string(protocol::kBuildBase))), 0,
           true});
  }
  for (std::size_t i = 0; i < spec.datasets.size(); ++i) {
    GALLEY_TRY(const auto found,
               find_data_set(transaction, spec.datasets[i], fmt::format("datasets[{}]", i)));
    contents.push_back({spec.datasets[i], found.size_bytes});
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
  protocol::JobSpec spec = job.spec;
  GALLEY_TRY(spec.checkpoint, settled_checkpoint(transaction, job.spec));
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
           dump_json(protocol::print_struct(spec)), job.principal, job.run_id.str(),
           to_ms(job.created_at)}));
  return AcceptedJob{job.id, row->integer(0), false, std::move(contents),
                     std::move(spec.checkpoint)};
}

}  // namespace galley::controller
