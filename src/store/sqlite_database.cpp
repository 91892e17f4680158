#include <sqlite3.h>

#include <atomic>
#include <thread>

#include "connection_pool.h"
#include "noted_transaction.h"
#include "sqlite_checkpoints.h"
#include "sqlite_connection.h"
#include "sqlite_schema.h"
#include "store/database.h"
#include "write_queue.h"

namespace galley::store {
namespace {

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::unique_ptr<SqliteConnection> writer,
                 std::unique_ptr<SqliteConnection> checkpoints, const SqliteOptions& options)
      : writer_(std::move(writer)),
        checkpoints_(std::move(checkpoints), *writer_),
        readers_(options.readers,
                 [path = options.path] {
                   return SqliteConnection::open(path, SqliteConnection::Mode::reader);
                 }),
        thread_([this] { serve_writes(); }) {}

  /// Commands that were accepted are still carried out.
  ~SqliteDatabase() override {
    queue_.stop();
    thread_.join();
  }

  void write_async(Command command, Done done) override {
    queue_.push(std::move(command), std::move(done));
  }
  Status read(const Command& reads) override;
  void on_commit(std::function<void()> listener) override { listener_.set(std::move(listener)); }
  std::string description() const override {
    return std::string("sqlite ") + sqlite3_libversion() + " (WAL)";
  }
  Kind kind() const override { return Kind::sqlite; }
  Stats stats() const override {
    return {.commands = commands_,
            .commits = commits_,
            .queued = static_cast<std::int64_t>(queue_.size())};
  }

 private:
  void serve_writes();
  std::vector<Status> run_group(const std::vector<WaitingWrite>& group);
  Result<std::vector<Status>> run_in_transaction(const std::vector<WaitingWrite>& group);
  Result<Status> run_in_savepoint(const Command& command);

  const std::unique_ptr<SqliteConnection> writer_;  // used by thread_ alone
  SqliteCheckpoints checkpoints_;
  ConnectionPool<SqliteConnection> readers_;
  WriteQueue queue_;
  CommitListener listener_;
  std::atomic<std::int64_t> commands_{0};
  std::atomic<std::int64_t> commits_{0};
  std::thread thread_;  // last, so that all above exists when it starts
};

Status SqliteDatabase::read(const Command& reads) {
  GALLEY_TRY(auto connection, readers_.take());
  Status status = connection->run_script("begin");
  if (status) {
    NotedTransaction transaction(*connection);
    status = transaction.outcome(reads(transaction));
    // Nothing was written, so rolling back only ends the snapshot; if even that fails, the
    // connection is closed rather than lent out with an old snapshot.
    if (connection->in_transaction() && !connection->run_script("rollback")) connection.reset();
  }
  readers_.give_back(std::move(connection));
  return status;
}

void SqliteDatabase::serve_writes() {
  std::vector<WaitingWrite> group;
  while (queue_.take(group, kMaxGroup)) {
    const std::int64_t commits_before = commits_;
    auto outcomes = run_group(group);
    commands_ += static_cast<std::int64_t>(group.size());
    for (std::size_t i = 0; i < group.size(); ++i) group[i].done(std::move(outcomes[i]));
    if (commits_ > commits_before) {
      listener_.call();
      checkpoints_.committed();
    }
    group.clear();
  }
}

/// One answer for each command. When the shared transaction is lost (disk full, an I/O error), all
/// get that error: even a `conflict` may have been caused by a neighbour's rows that are now gone.
std::vector<Status> SqliteDatabase::run_group(const std::vector<WaitingWrite>& group) {
  auto outcomes = run_in_transaction(group);
  if (outcomes) return *std::move(outcomes);
  if (writer_->in_transaction()) (void)writer_->run_script("rollback");
  return std::vector<Status>(group.size(), outcomes.error());
}

Result<std::vector<Status>> SqliteDatabase::run_in_transaction(
    const std::vector<WaitingWrite>& group) {
  GALLEY_TRY_STATUS(writer_->execute("begin immediate"));
  std::vector<Status> outcomes;
  outcomes.reserve(group.size());
  bool changed = false;
  for (const WaitingWrite& waiting : group) {
    GALLEY_TRY(auto outcome, run_in_savepoint(waiting.command));
    changed = changed || outcome.has_value();
    outcomes.push_back(std::move(outcome));
  }
  GALLEY_TRY_STATUS(writer_->execute(changed ? "commit" : "rollback"));
  commits_ += changed ? 1 : 0;
  return outcomes;
}

/// The command's answer; an Error of the outer Result means that the whole transaction is lost.
Result<Status> SqliteDatabase::run_in_savepoint(const Command& command) {
  GALLEY_TRY_STATUS(writer_->execute("savepoint command"));
  NotedTransaction transaction(*writer_);
  Status outcome = transaction.outcome(command(transaction));
  if (!writer_->in_transaction()) return outcome.error();
  if (!outcome) GALLEY_TRY_STATUS(writer_->execute("rollback to command"));
  GALLEY_TRY_STATUS(writer_->execute("release command"));
  return outcome;
}

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const SqliteOptions& options) {
  const auto explain = [&](Error error) {
    if (error.message.find(options.path) == std::string::npos)
      error.message = "cannot open database " + options.path + ": " + error.message;
    return error;
  };
  auto writer = SqliteConnection::open(options.path, SqliteConnection::Mode::writer);
  if (!writer) return explain(std::move(writer).error());
  SqliteConnection& connection = **writer;
  SqliteMigrationTarget target(connection);
  auto status = check_schema(target, options.migrations);
  // WAL: readers and the writer never wait for each other. FULL: a commit is one fsync of the log.
  // The log is cut back after a large transaction, so that it does not stay large for ever; moving
  // it into the file is not the writer's work (sqlite_checkpoints.h).
  const std::string settings = std::string("pragma journal_mode = wal; pragma synchronous = ") +
                               (options.durable ? "full" : "off") +
                               "; pragma journal_size_limit = 67108864; pragma cache_size = -8000;"
                               " pragma wal_autocheckpoint = 0";
  if (status) status = connection.run_script(settings);
  if (status) status = migrate(target, options.migrations);
  if (!status) return explain(std::move(status).error());
  auto checkpoints = SqliteConnection::open(options.path, SqliteConnection::Mode::writer);
  if (checkpoints) status = (*checkpoints)->run_script(settings);
  if (!checkpoints || !status)
    return explain(checkpoints ? std::move(status).error() : std::move(checkpoints).error());
  return std::unique_ptr<Database>(
      std::make_unique<SqliteDatabase>(*std::move(writer), *std::move(checkpoints), options));
}

}  // namespace galley::store
