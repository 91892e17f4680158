#include <sqlite3.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "migrate.h"
#include "sqlite_connection.h"
#include "store/database.h"

namespace galley::store {
namespace {

/// Connections for reading, opened when first needed and lent to one thread at a time.
class ReaderPool {
 public:
  ReaderPool(std::string path, int limit) : path_(std::move(path)), unopened_(limit) {}

  Result<std::unique_ptr<SqliteConnection>> take() {
    {
      std::unique_lock lock(mutex_);
      returned_.wait(lock, [&] { return !idle_.empty() || unopened_ > 0; });
      if (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
      }
      --unopened_;
    }
    auto opened = SqliteConnection::open(path_, SqliteConnection::Mode::reader);
    if (!opened) give_back(nullptr);
    return opened;
  }

  /// A null connection gives back only the right to open one.
  void give_back(std::unique_ptr<SqliteConnection> connection) {
    {
      const std::lock_guard lock(mutex_);
      if (connection)
        idle_.push_back(std::move(connection));
      else
        ++unopened_;
    }
    returned_.notify_one();
  }

 private:
  const std::string path_;
  std::mutex mutex_;  // guards idle_ and unopened_
  std::condition_variable returned_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;
  int unopened_;
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::unique_ptr<SqliteConnection> writer, const SqliteOptions& options)
      : writer_(std::move(writer)),
        readers_(options.path, options.readers),
        thread_([this] { serve_writes(); }) {}

  /// Commands that were accepted are still carried out.
  ~SqliteDatabase() override {
    {
      const std::lock_guard lock(queue_mutex_);
      stopping_ = true;
    }
    arrived_.notify_one();
    thread_.join();
  }

  void write_async(Command command, Done done) override;
  Status read(const Command& reads) override;
  void on_commit(std::function<void()> listener) override {
    const std::lock_guard lock(queue_mutex_);
    listener_ = std::move(listener);
  }
  std::string description() const override {
    return std::string("sqlite ") + sqlite3_libversion() + " (WAL)";
  }
  Stats stats() const override;

 private:
  struct Waiting {
    Command command;
    Done done;
  };

  void serve_writes();
  std::vector<Status> run_group(std::vector<Waiting>& group);
  Result<std::vector<Status>> run_in_transaction(std::vector<Waiting>& group);
  Result<Status> run_in_savepoint(const Command& command);

  const std::unique_ptr<SqliteConnection> writer_;  // used by thread_ alone
  ReaderPool readers_;
  mutable std::mutex queue_mutex_;  // guards queue_, stopping_ and listener_
  std::condition_variable arrived_;
  std::deque<Waiting> queue_;
  bool stopping_ = false;
  std::function<void()> listener_;
  std::atomic<std::int64_t> commands_{0};
  std::atomic<std::int64_t> commits_{0};
  std::thread thread_;  // last, so that all above exists when it starts
};

void SqliteDatabase::write_async(Command command, Done done) {
  bool accepted = false;
  {
    const std::lock_guard lock(queue_mutex_);
    accepted = queue_.size() < kMaxQueued;
    if (accepted) queue_.push_back({std::move(command), std::move(done)});
  }
  if (accepted)
    arrived_.notify_one();
  else
    done(Error{Errc::rate_limited,
               "the database has " + std::to_string(kMaxQueued) + " writes waiting"});
}

Status SqliteDatabase::read(const Command& reads) {
  GALLEY_TRY(auto connection, readers_.take());
  Status status = connection->run_script("begin");
  if (status) {
    SqliteTransaction transaction(*connection);
    status = transaction.outcome(reads(transaction));
    // Nothing was written, so rolling back only ends the snapshot; if even that fails, the
    // connection is closed rather than lent out with an old snapshot.
    if (connection->in_transaction() && !connection->run_script("rollback")) connection.reset();
  }
  readers_.give_back(std::move(connection));
  return status;
}

Database::Stats SqliteDatabase::stats() const {
  Stats stats{.commands = commands_, .commits = commits_};
  const std::lock_guard lock(queue_mutex_);
  stats.queued = static_cast<std::int64_t>(queue_.size());
  return stats;
}

void SqliteDatabase::serve_writes() {
  std::vector<Waiting> group;
  std::function<void()> listener;
  for (;;) {
    group.clear();
    {
      std::unique_lock lock(queue_mutex_);
      arrived_.wait(lock, [&] { return !queue_.empty() || stopping_; });
      if (queue_.empty()) return;
      const auto end =
          queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxGroup));
      std::move(queue_.begin(), end, std::back_inserter(group));
      queue_.erase(queue_.begin(), end);
      if (listener_ && !listener) listener = listener_;
    }
    const std::int64_t commits_before = commits_;
    auto outcomes = run_group(group);
    commands_ += static_cast<std::int64_t>(group.size());
    for (std::size_t i = 0; i < group.size(); ++i) group[i].done(std::move(outcomes[i]));
    if (listener && commits_ > commits_before) listener();
  }
}

/// One answer for each command. When the shared transaction is lost (disk full, an I/O error), all
/// get that error: even a `conflict` may have been caused by a neighbour's rows that are now gone.
std::vector<Status> SqliteDatabase::run_group(std::vector<Waiting>& group) {
  auto outcomes = run_in_transaction(group);
  if (outcomes) return *std::move(outcomes);
  if (writer_->in_transaction()) (void)writer_->run_script("rollback");
  return std::vector<Status>(group.size(), outcomes.error());
}

Result<std::vector<Status>> SqliteDatabase::run_in_transaction(std::vector<Waiting>& group) {
  GALLEY_TRY_STATUS(writer_->execute("begin immediate"));
  std::vector<Status> outcomes;
  outcomes.reserve(group.size());
  bool changed = false;
  for (const Waiting& waiting : group) {
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
  SqliteTransaction transaction(*writer_);
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
  auto status = check_schema(connection, options.migrations);
  // WAL: readers and the writer never wait for each other. FULL: a commit is one fsync of the log.
  // The log is cut back after a large transaction, so that it does not stay large for ever.
  const std::string settings = std::string("pragma journal_mode = wal; pragma synchronous = ") +
                               (options.durable ? "full" : "off") +
                               "; pragma journal_size_limit = 67108864; pragma cache_size = -8000";
  if (status) status = connection.run_script(settings);
  if (status) status = migrate(connection, options.migrations);
  if (!status) return explain(std::move(status).error());
  return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(*std::move(writer), options));
}

}  // namespace galley::store
