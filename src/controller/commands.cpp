#include "commands.h"

#include <fmt/format.h>

#include "base/text.h"
#include "job_rows.h"
#include "job_states.h"
#include "store/events.h"
#include "store/lease.h"
#include "tracking/tracking.h"

namespace galley::controller {
namespace {

using protocol::AttemptState;
using protocol::JobState;
using store::Transaction;
using store::Value;

constexpr Millis kIdempotencyMemory = std::chrono::hours(24);

std::string word(JobState state) { return std::string(protocol::word_of(state)); }
std::string word(AttemptState state) { return std::string(protocol::word_of(state)); }

Value optional_number(const std::optional<std::int64_t>& number) {
  return number ? Value(*number) : Value(nullptr);
}
Value optional_time(const std::optional<WallTime>& time) {
  return time ? Value(to_ms(*time)) : Value(nullptr);
}

struct JobChange {
  std::string name;
  std::string team;
  JobState state;
  std::string reason;
  std::optional<std::int64_t> exit_code{};
};

Status tell(Transaction& transaction, const JobId& job, const JobChange& change, WallTime at) {
  Json data{{"state", word(change.state)},
            {"name", change.name},
            {"team", change.team},
            {"reason", change.reason}};
  if (change.exit_code) data["exit_code"] = *change.exit_code;
  auto event = store::append_event(
      transaction,
      {.at_ms = to_ms(at), .kind = "job", .subject = job.str(), .data = dump_json(data)});
  if (!event) return std::move(event).error();
  return ok();
}

Status audit(Transaction& transaction, const Caller& caller, std::string action,
             const std::string& subject, WallTime at) {
  return store::append_audit(transaction, {.at_ms = to_ms(at),
                                           .principal = caller.principal,
                                           .action = std::move(action),
                                           .subject = subject,
                                           .request_id = caller.request_id});
}

Status check_datasets(Transaction& transaction, const protocol::JobSpec& spec) {
  for (std::size_t i = 0; i < spec.datasets.size(); ++i) {
    const std::string& reference = spec.datasets[i];
    const std::size_t at = reference.find('@');
    const std::string version = reference.substr(at + 1);
    constexpr std::size_t kLongestVersion = 18;  // fits a 64-bit number
    std::optional<store::Row> found;
    if (version.size() <= kLongestVersion) {
      GALLEY_TRY(found, transaction.query_one(
                            "select 1 from snapshots where kind = 'dataset' and name = :1 and "
                            "version = :2 and deleted_ms is null",
                            {reference.substr(0, at), std::int64_t{std::stoll(version)}}));
    }
    if (!found)
      return Error{Errc::not_found, "there is no data set " + reference.substr(0, 128),
                   fmt::format("datasets[{}]", i), "a frozen data set",
                   "`galley datasets list` shows what there is"};
  }
  return ok();
}

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
  return std::optional(AcceptedJob{JobId::trusted(job->text(0)), job->integer(1), true});
}

Status remember(Transaction& transaction, const AcceptJob& command) {
  const auto now_ms = to_ms(command.job.created_at);
  GALLEY_TRY_STATUS(transaction.execute("delete from idempotency where created_ms < :1",
                                        {now_ms - kIdempotencyMemory.count()}));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into idempotency (principal, idempotency_key, request_sha256, status, answer, "
      "created_ms) values (:1, :2, :3, 201, :4, :5)",
      {command.caller.principal, command.caller.idempotency_key, command.caller.request_sha256,
       command.job.id.str(), now_ms}));
  return ok();
}

}  // namespace

Result<AcceptedJob> accept_job(Transaction& transaction, const AcceptJob& command) {
  const protocol::JobRecord& job = command.job;
  if (!command.caller.idempotency_key.empty()) {
    GALLEY_TRY(auto repeat, find_repeat(transaction, command.caller));
    if (repeat) return *repeat;
    GALLEY_TRY_STATUS(remember(transaction, command));
  }
  GALLEY_TRY_STATUS(check_datasets(transaction, job.spec));
  GALLEY_TRY(auto last, transaction.query_one("select coalesce(max(seq), 0) from jobs"));
  const std::int64_t seq = last->integer(0) + 1;
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into jobs (id, seq, name, team, priority_class, state, reason, spec, principal, "
      "run_id, attempts, created_ms) values (:1, :2, :3, :4, :5, 'queued', '', :6, :7, :8, 0, :9)",
      {job.id.str(), seq, job.name, job.team, std::string(protocol::word_of(job.priority_class)),
       dump_json(protocol::print_struct(job.spec)), job.principal, job.run_id.str(),
       to_ms(job.created_at)}));
  GALLEY_TRY_STATUS(
      tell(transaction, job.id, {job.name, job.team, JobState::queued, {}}, job.created_at));
  GALLEY_TRY_STATUS(audit(transaction, command.caller, "job.submit", job.id.str(), job.created_at));
  return AcceptedJob{job.id, seq, false};
}

namespace {

Status check_room(Transaction& transaction, const StartAttempt& command) {
  GALLEY_TRY(auto node, transaction.query_one("select cpus, memory_bytes from nodes where id = :1",
                                              {command.placement.node.str()}));
  if (!node) return Error{Errc::conflict, "node " + command.placement.node.str() + " is not known"};
  GALLEY_TRY(auto used, transaction.query_one(
                            "select coalesce(sum(cpus), 0), coalesce(sum(memory_bytes), 0) from "
                            "allocations where node_id = :1 and active = 1",
                            {command.placement.node.str()}));
  if (used->integer(0) + command.resources.cpus > node->integer(0) ||
      used->integer(1) + command.resources.memory.count > node->integer(1))
    return Error{Errc::conflict, "node " + command.placement.node.str() + " is full"};
  return ok();
}

/// One row for processors and memory, one for each device; the unique index refuses a device that
/// another active row holds, whatever the code above believes.
Status allocate(Transaction& transaction, const StartAttempt& command) {
  constexpr std::string_view kInsert =
      "insert into allocations (attempt_id, node_id, device_id, cpus, memory_bytes, active) "
      "values (:1, :2, :3, :4, :5, 1)";
  const std::string& node = command.placement.node.str();
  GALLEY_TRY_STATUS(
      transaction.execute(kInsert, {command.attempt.str(), node, nullptr, command.resources.cpus,
                                    command.resources.memory.count}));
  for (const std::string& device : command.placement.device_ids)
    GALLEY_TRY_STATUS(transaction.execute(
        kInsert, {command.attempt.str(), node, device, std::int64_t{0}, std::int64_t{0}}));
  return ok();
}

Result<protocol::JobRecord> read_job(Transaction& transaction, const JobId& id) {
  GALLEY_TRY(auto row,
             transaction.query_one(fmt::format("select {} from jobs where id = :1", kJobColumns),
                                   {id.str()}));
  if (!row) return no_such_job(id);
  return job_of_row(*row);
}

Status check_move(const protocol::JobRecord& job, JobState to) {
  if (may_move(job.state, to)) return ok();
  return Error{Errc::conflict, fmt::format("{} is {} and cannot become {}", job.id.str(),
                                           word(job.state), word(to))};
}

}  // namespace

Result<StartedAttempt> start_attempt(Transaction& transaction, const StartAttempt& command) {
  GALLEY_TRY_STATUS(store::check_epoch(transaction, command.epoch));
  GALLEY_TRY(auto job, read_job(transaction, command.job));
  GALLEY_TRY_STATUS(check_move(job, JobState::starting));
  GALLEY_TRY_STATUS(check_room(transaction, command));
  const std::int64_t number = job.attempts + 1;
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into attempts (id, job_id, number, node_id, epoch, state, reason, log_bytes, "
      "progress_offset, created_ms) values (:1, :2, :3, :4, :5, 'starting', '', 0, 0, :6)",
      {command.attempt.str(), command.job.str(), number, command.placement.node.str(),
       command.epoch, to_ms(command.at)}));
  GALLEY_TRY_STATUS(allocate(transaction, command));
  GALLEY_TRY_STATUS(
      transaction.execute("update jobs set state = 'starting', reason = '', attempts = :2, "
                          "started_ms = :3 where id = :1",
                          {command.job.str(), number, to_ms(command.at)}));
  if (number == 1)
    GALLEY_TRY_STATUS(tracking::create_run(transaction, {.id = job.run_id,
                                                         .name = job.name,
                                                         .experiment = job.team,
                                                         .job_id = job.id.str(),
                                                         .created = command.at}));
  job.state = JobState::starting;
  job.attempts = number;
  GALLEY_TRY_STATUS(tell(transaction, job.id, {job.name, job.team, job.state, {}}, command.at));
  return StartedAttempt{std::move(job), number};
}

namespace {

struct UnfinishedAttempt {
  JobId job;
  AttemptState state;
  std::int64_t progress_offset;
};

Result<UnfinishedAttempt> read_active_attempt(Transaction& transaction, const AttemptId& attempt) {
  GALLEY_TRY(auto row, transaction.query_one(
                           "select job_id, state, progress_offset from attempts where id = :1",
                           {attempt.str()}));
  if (!row) return Error{Errc::not_found, "there is no attempt " + attempt.str()};
  const auto state = protocol::from_word<AttemptState>(row->text(1));
  if (!state || protocol::is_final(*state))
    return Error{Errc::conflict, "attempt " + attempt.str() + " has ended: " + row->text(1)};
  return UnfinishedAttempt{JobId::trusted(row->text(0)), *state, row->integer(2)};
}

}  // namespace

Result<JobId> mark_running(Transaction& transaction, const protocol::AttemptReport& report,
                           WallTime at) {
  GALLEY_TRY(auto attempt, read_active_attempt(transaction, report.attempt_id));
  if (attempt.state != AttemptState::starting)
    return Error{Errc::conflict, "attempt " + report.attempt_id.str() + " runs already"};
  const auto started_ms = to_ms(report.started_at.value_or(at));
  GALLEY_TRY_STATUS(
      transaction.execute("update attempts set state = 'running', started_ms = :2 where id = :1",
                          {report.attempt_id.str(), started_ms}));
  GALLEY_TRY(auto job, read_job(transaction, attempt.job));
  if (!may_move(job.state, JobState::running)) return job.id;  // being cancelled: it stays so
  GALLEY_TRY_STATUS(
      transaction.execute("update jobs set state = 'running', started_ms = :2 where id = :1",
                          {attempt.job.str(), started_ms}));
  GALLEY_TRY_STATUS(tell(transaction, job.id, {job.name, job.team, JobState::running, {}}, at));
  return job.id;
}

namespace {

std::string reason_of(const protocol::AttemptReport& report, JobState next) {
  if (next == JobState::queued) return "queued again: " + report.reason;
  if (!report.reason.empty()) return report.reason;
  if (report.signal) return fmt::format("ended by signal {}", *report.signal);
  if (report.exit_code && *report.exit_code != 0)
    return fmt::format("exit code {}", *report.exit_code);
  return {};
}

tracking::RunState run_state_of(JobState state) {
  if (state == JobState::succeeded) return tracking::RunState::finished;
  return state == JobState::cancelled ? tracking::RunState::killed : tracking::RunState::failed;
}

}  // namespace

Result<EndedAttempt> end_attempt(Transaction& transaction, const protocol::AttemptReport& report,
                                 WallTime at) {
  GALLEY_TRY(auto attempt, read_active_attempt(transaction, report.attempt_id));
  GALLEY_TRY(auto job, read_job(transaction, attempt.job));
  GALLEY_TRY(auto lost, transaction.query_one(
                            "select count(*) from attempts where job_id = :1 and state = 'lost'",
                            {attempt.job.str()}));
  const JobState next = state_after({.job_state = job.state,
                                     .attempt_state = report.state,
                                     .lost_before = lost->integer(0),
                                     .max_lost = job.spec.max_lost});
  GALLEY_TRY_STATUS(check_move(job, next));
  const WallTime finished = report.finished_at.value_or(at);
  GALLEY_TRY_STATUS(transaction.execute(
      "update attempts set state = :2, reason = :3, exit_code = :4, signal = :5, log_bytes = :6, "
      "started_ms = coalesce(started_ms, :7), finished_ms = :8 where id = :1",
      {report.attempt_id.str(), word(report.state), report.reason,
       optional_number(report.exit_code), optional_number(report.signal), report.log_bytes,
       optional_time(report.started_at), to_ms(finished)}));
  GALLEY_TRY_STATUS(transaction.execute("update allocations set active = 0 where attempt_id = :1",
                                        {report.attempt_id.str()}));
  const std::string reason = reason_of(report, next);
  const bool ended = protocol::is_final(next);
  GALLEY_TRY_STATUS(transaction.execute(
      "update jobs set state = :2, reason = :3, exit_code = :4, finished_ms = :5 where id = :1",
      {attempt.job.str(), word(next), reason, optional_number(report.exit_code),
       ended ? Value(to_ms(finished)) : Value(nullptr)}));
  if (ended)
    GALLEY_TRY_STATUS(tracking::finish_run(transaction, job.run_id, run_state_of(next), finished));
  GALLEY_TRY_STATUS(
      tell(transaction, job.id, {job.name, job.team, next, reason, report.exit_code}, at));
  return EndedAttempt{attempt.job, next};
}

Status record_progress(Transaction& transaction, const RecordProgress& command) {
  const protocol::ProgressReport& report = command.report;
  GALLEY_TRY(auto attempt, read_active_attempt(transaction, report.attempt_id));
  if (attempt.progress_offset != report.from_offset)
    return Error{Errc::conflict,
                 fmt::format("progress of {} is stored up to byte {}, not {}",
                             report.attempt_id.str(), attempt.progress_offset, report.from_offset)};
  GALLEY_TRY_STATUS(transaction.execute("update attempts set progress_offset = :2 where id = :1",
                                        {report.attempt_id.str(), report.to_offset}));
  std::vector<tracking::MetricPoint> points;
  points.reserve(report.points.size());
  for (const auto& point : report.points)
    points.push_back({point.key, point.step, point.value, to_ms(point.at)});
  if (!points.empty())
    GALLEY_TRY_STATUS(tracking::append_points(transaction, report.run_id, points));
  for (const RegisteredFile& file : command.files) {
    GALLEY_TRY(auto kind, tracking::parse_artifact_kind(file.kind));
    GALLEY_TRY_STATUS(tracking::add_artifact(
        transaction, report.run_id,
        {file.path, kind, file.manifest_sha256, file.size_bytes, command.at}));
  }
  for (const auto& [key, value] : report.texts)
    GALLEY_TRY_STATUS(
        transaction.execute("insert into run_tags (run_id, tag_key, value) values (:1, :2, :3) "
                            "on conflict (run_id, tag_key) do update set value = excluded.value",
                            {report.run_id.str(), key, value.substr(0, tracking::kMaxValueBytes)}));
  return ok();
}

Result<JobState> cancel_job(Transaction& transaction, const CancelJob& command) {
  GALLEY_TRY(auto job, read_job(transaction, command.job));
  if (job.state == JobState::cancelling) return job.state;
  if (protocol::is_final(job.state))
    return Error{Errc::conflict,
                 fmt::format("{} has ended already: {}", job.id.str(), word(job.state))};
  const JobState next = job.state == JobState::queued ? JobState::cancelled : JobState::cancelling;
  const std::string reason = "cancelled by " + command.caller.principal;
  GALLEY_TRY_STATUS(
      transaction.execute("update jobs set state = :2, reason = :3, finished_ms = :4 where id = :1",
                          {job.id.str(), word(next), reason,
                           protocol::is_final(next) ? Value(to_ms(command.at)) : Value(nullptr)}));
  // A job that was started before and queued again has a run to close.
  if (protocol::is_final(next) && job.attempts > 0)
    GALLEY_TRY_STATUS(
        tracking::finish_run(transaction, job.run_id, tracking::RunState::killed, command.at));
  GALLEY_TRY_STATUS(tell(transaction, job.id, {job.name, job.team, next, reason}, command.at));
  GALLEY_TRY_STATUS(audit(transaction, command.caller, "job.cancel", job.id.str(), command.at));
  return next;
}

Status save_node(Transaction& transaction, const protocol::NodeRecord& node, WallTime at) {
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into nodes (id, name, state, cpus, memory_bytes, inventory, changed_ms) values "
      "(:1, :2, :3, :4, :5, :6, :7) on conflict (id) do update set name = excluded.name, state = "
      "excluded.state, cpus = excluded.cpus, memory_bytes = excluded.memory_bytes, inventory = "
      "excluded.inventory, changed_ms = excluded.changed_ms",
      {node.id.str(), node.name, node.state, node.cpus, node.memory_bytes,
       dump_json(protocol::print_struct(node)), to_ms(at)}));
  for (const protocol::DeviceRecord& device : node.devices)
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into devices (id, node_id, device_index, model, memory_bytes, state, reason) "
        "values "
        "(:1, :2, :3, :4, :5, :6, :7) on conflict (id) do update set node_id = excluded.node_id, "
        "device_index = excluded.device_index, model = excluded.model, memory_bytes = "
        "excluded.memory_bytes, state = excluded.state, reason = excluded.reason",
        {device.id, node.id.str(), device.index, device.model, device.memory_bytes, device.state,
         device.reason}));
  const Json data{{"name", node.name}, {"state", node.state}};
  GALLEY_TRY_STATUS(store::append_event(
      transaction,
      {.at_ms = to_ms(at), .kind = "node", .subject = node.id.str(), .data = dump_json(data)}));
  return ok();
}

}  // namespace galley::controller
