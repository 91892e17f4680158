#include "postgresql_writer.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "noted_transaction.h"
#include "postgresql_schema.h"

namespace galley::store {
namespace {

using Steady = std::chrono::steady_clock;

// Others wait for the lock meanwhile, and who asked first waits for who came last.
constexpr Millis kGroupTime{250};
constexpr Millis kFirstRetryPause{20};
constexpr Millis kLongestRetryPause{500};
constexpr std::size_t kIdBytes = 16;

Error gave_up(const Error& why, Millis patience) {
  Error error = why;
  error.code = Errc::unavailable;
  error.message = "the database did not take the write within " + std::to_string(patience.count()) +
                  " ms: " + why.message;
  return error;
}

Error outcome_unknown(const Error& why) {
  return Error{Errc::unavailable,
               "the connection to the database was lost during a commit, and whether the write was "
               "stored is not known: " +
                   why.message,
               {},
               {},
               "look before you try again, or repeat it with the same idempotency key"};
}

}  // namespace

PostgresqlWriter::PostgresqlWriter(Options options,
                                   std::unique_ptr<PostgresqlConnection> connection,
                                   std::function<void()> committed)
    : options_(std::move(options)),
      id_(random_hex(kIdBytes)),
      connection_(std::move(connection)),
      committed_(std::move(committed)),
      backend_pid_(connection_ ? connection_->backend_pid() : 0),
      thread_([this] { serve(); }) {}

PostgresqlWriter::~PostgresqlWriter() {
  queue_.stop();
  thread_.join();
}

Database::Stats PostgresqlWriter::stats() const {
  return {.commands = commands_,
          .commits = commits_,
          .queued = static_cast<std::int64_t>(queue_.size())};
}

void PostgresqlWriter::serve() {
  Group group;
  while (queue_.take(group, Database::kMaxGroup)) {
    carry_out(group);
    group.clear();
  }
}

/// Runs the group until each command has its answer.
void PostgresqlWriter::carry_out(Group& group) {
  Millis pause = kFirstRetryPause;
  while (!group.empty()) {
    Attempt ended = attempt(group);
    if (ended.end == Attempt::End::unknown)
      ended = resolve(std::move(ended), Steady::now() + options_.patience);
    if (ended.end == Attempt::End::done) {
      answer(group, std::move(ended));
      pause = kFirstRetryPause;
      continue;
    }
    expire(group, ended.why);
    if (group.empty()) return;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestRetryPause);
  }
}

Status PostgresqlWriter::connect() {
  if (connection_ && connection_->trouble() != Trouble::lost) return ok();
  drop_connection();
  auto opened = PostgresqlConnection::open(options_.session);
  if (!opened) return std::move(opened).error();
  connection_ = *std::move(opened);
  backend_pid_ = connection_->backend_pid();
  return ok();
}

void PostgresqlWriter::drop_connection() {
  connection_.reset();
  backend_pid_ = 0;
}

PostgresqlWriter::Attempt PostgresqlWriter::attempt(const Group& group) {
  if (auto connected = connect(); !connected)
    return {.end = Attempt::End::again, .why = std::move(connected).error()};
  connection_->reset_trouble();
  Attempt ended = run_commands(group);
  if (ended.end == Attempt::End::done) return ended;
  connection_->forget_deferred();
  // A transaction that must be run again is over for the server, but not yet for the session.
  if (connection_->trouble() != Trouble::lost && !connection_->execute("rollback"))
    drop_connection();
  if (connection_ && connection_->trouble() == Trouble::lost) drop_connection();
  return ended;
}

PostgresqlWriter::Attempt PostgresqlWriter::run_commands(const Group& group) {
  Attempt attempt;
  std::optional<Row> transaction;
  connection_->defer("begin isolation level read committed read write");
  connection_->defer(std::string(kTakeWriteLock));
  // Its number, which it leaves behind when it is committed.
  connection_->defer("select cast(pg_current_xact_id() as text)", &transaction);
  const auto end = Steady::now() + kGroupTime;
  for (const WaitingWrite& waiting : group) {
    if (!attempt.outcomes.empty() && Steady::now() > end) break;
    if (auto lost = run_command(waiting.command, transaction, attempt))
      return {.end = Attempt::End::again, .why = *std::move(lost)};
  }
  return commit(std::move(attempt), transaction);
}

/// Adds the command's answer; an error means that the whole transaction is lost. `transaction` is
/// there once the transaction has begun.
std::optional<Error> PostgresqlWriter::run_command(const Database::Command& command,
                                                   const std::optional<Row>& transaction,
                                                   Attempt& attempt) {
  const std::size_t before = connection_->deferred();
  const std::int64_t rounds = connection_->rounds();
  connection_->defer("savepoint command");
  NotedTransaction seen(*connection_);
  Status outcome = seen.outcome(command(seen));
  if (outcome && connection_->has_enqueued()) outcome = connection_->settle();
  const bool asked = connection_->rounds() != rounds;
  const bool refused = asked && !transaction;  // the lock was not to be had
  if (refused || connection_->trouble() == Trouble::lost ||
      connection_->trouble() == Trouble::rerun)
    return outcome ? Error{Errc::unavailable, connection_->where() + " wants a new attempt"}
                   : outcome.error();
  if (!asked) {
    connection_->forget_deferred(before);
  } else {
    connection_->forget_deferred();  // of a command that failed before it went out
    if (!outcome) connection_->defer("rollback to command");
    connection_->defer("release command");
    attempt.changed = attempt.changed || outcome.has_value();
  }
  attempt.outcomes.push_back(std::move(outcome));
  return std::nullopt;
}

PostgresqlWriter::Attempt PostgresqlWriter::commit(Attempt attempt,
                                                   const std::optional<Row>& transaction) {
  if (!transaction) {  // nothing has been sent
    connection_->forget_deferred();
    return attempt;
  }
  if (!attempt.changed) {
    connection_->defer("rollback");
    connection_->send_deferred();
    return attempt;
  }
  connection_->defer("insert into " + std::string(kCommitTable) +
                     " (writer, token, written_at) values ('" + id_ +
                     "', cast(pg_current_xact_id() as text), now()) on conflict (writer) do update"
                     " set token = excluded.token, written_at = excluded.written_at");
  connection_->defer("notify " + std::string(kCommitChannel));
  const auto done = connection_->commit();
  if (done) {
    ++commits_;
    return attempt;
  }
  attempt.why = done.error();
  if (connection_->trouble() == Trouble::rerun) {
    attempt.end = Attempt::End::again;
  } else if (connection_->trouble() == Trouble::lost) {
    attempt.end = Attempt::End::unknown;
    attempt.transaction = transaction->text(0);
  } else {
    // Refused, a full disk for one: what the commands found may rest on rows that are now gone.
    std::ranges::fill(attempt.outcomes, Status(done.error()));
    attempt.changed = false;
    connection_->reset_trouble();
    if (!connection_->execute("rollback")) drop_connection();
    attempt.why = {};
  }
  return attempt;
}

/// Whether a transaction of ours whose commit was not answered has been committed. The lock is free
/// only after it has ended, so that what is read is final; a server that was promoted in between
/// and never had it says no, and there it may be run again.
Result<bool> PostgresqlWriter::is_committed(const std::string& transaction) {
  GALLEY_TRY_STATUS(connect());
  connection_->reset_trouble();
  connection_->defer("begin isolation level read committed read only");
  connection_->defer(std::string(kTakeWriteLock));
  const auto rows = connection_->query(
      "select token from " + std::string(kCommitTable) + " where writer = :1", {id_});
  if (!rows) {
    drop_connection();
    return rows.error();
  }
  connection_->defer("rollback");
  connection_->send_deferred();
  return !rows->empty() && rows->front().text(0) == transaction;
}

PostgresqlWriter::Attempt PostgresqlWriter::resolve(Attempt attempt, Instant deadline) {
  for (Millis pause = kFirstRetryPause;; pause = std::min(2 * pause, kLongestRetryPause)) {
    if (const auto committed = is_committed(attempt.transaction)) {
      commits_ += *committed ? 1 : 0;
      attempt.end = *committed ? Attempt::End::done : Attempt::End::again;
      return attempt;
    }
    if (Steady::now() > deadline) break;
    std::this_thread::sleep_for(pause);
  }
  log::warn("store", "the outcome of a commit is not known",
            {{"transaction", attempt.transaction}, {"reason", describe(attempt.why)}});
  for (Status& outcome : attempt.outcomes) outcome = outcome_unknown(attempt.why);
  attempt.end = Attempt::End::done;
  attempt.changed = false;
  return attempt;
}

void PostgresqlWriter::answer(Group& group, Attempt attempt) {
  commands_ += static_cast<std::int64_t>(attempt.outcomes.size());
  if (attempt.changed) committed_();
  for (std::size_t i = 0; i < attempt.outcomes.size(); ++i)
    group[i].done(std::move(attempt.outcomes[i]));
  group.erase(group.begin(), group.begin() + static_cast<std::ptrdiff_t>(attempt.outcomes.size()));
}

/// Answers those that have waited long enough.
void PostgresqlWriter::expire(Group& group, const Error& why) {
  const auto now = Steady::now();
  const auto end = std::ranges::find_if(group, [&](const WaitingWrite& waiting) {
    return now - waiting.arrived < options_.patience;
  });
  commands_ += end - group.begin();
  for (auto one = group.begin(); one != end; ++one) one->done(gave_up(why, options_.patience));
  group.erase(group.begin(), end);
}

}  // namespace galley::store
