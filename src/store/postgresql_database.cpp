#include "libpq.h"

#include "connection_pool.h"
#include "postgresql_connection.h"
#include "postgresql_listener.h"
#include "postgresql_schema.h"
#include "postgresql_writer.h"
#include "store/database.h"

namespace galley::store {
namespace {

using Steady = std::chrono::steady_clock;

// Together with the writer and the listener: eight and one sessions.
constexpr int kReaders = 7;
constexpr Millis kReadTimeout{10'000};
constexpr Millis kPause{50};

PostgresqlSession session_of(const PostgresqlOptions& options) {
  return {.url = options.url,
          .durable = options.durable,
          .statement_timeout = options.write_timeout,
          // A little less than the statement's own, so that the server says what it waited for.
          .lock_timeout = options.write_timeout * 9 / 10,
          .idle_timeout = options.write_timeout};
}

/// A snapshot that begins with the first statement. Nothing has been answered before that, so a
/// session that turns out to be dead is replaced without the reader noticing.
class Snapshot final : public Transaction {
 public:
  using Open = std::function<Result<std::unique_ptr<PostgresqlConnection>>()>;
  Snapshot(std::unique_ptr<PostgresqlConnection> connection, Open open, Millis patience)
      : connection_(std::move(connection)), open_(std::move(open)), patience_(patience) {}

  Result<std::int64_t> execute(std::string_view sql, std::vector<Value> parameters) override {
    return attempt<std::int64_t>([&] { return connection_->execute(sql, parameters); });
  }
  Result<std::vector<Row>> query(std::string_view sql, std::vector<Value> parameters) override {
    return attempt<std::vector<Row>>([&] { return connection_->query(sql, parameters); });
  }
  Status enqueue(std::string_view sql, std::vector<Value> parameters) override {
    GALLEY_TRY_STATUS(
        execute(sql, std::move(parameters)));  // a reader writes nothing that could wait
    return ok();
  }

  Status outcome(Status answer) const { return answer && failure_ ? Status(*failure_) : answer; }

  /// The session for its next use; null when it is lost.
  std::unique_ptr<PostgresqlConnection> end() {
    if (!connection_ || connection_->trouble() == Trouble::lost) return nullptr;
    connection_->forget_deferred();
    if (begun_) {
      connection_->defer("rollback");  // nothing was written, so this only ends the snapshot
      connection_->send_deferred();
    }
    return std::move(connection_);
  }

 private:
  template <class Answer, class Ask>
  Result<Answer> attempt(const Ask& ask) {
    auto answer = begun_ ? ask() : begin<Answer>(ask);
    if (!answer && !failure_) failure_ = answer.error();
    return answer;
  }

  template <class Answer, class Ask>
  Result<Answer> begin(const Ask& ask) {
    begun_ = true;
    const auto deadline = Steady::now() + patience_;
    for (;;) {
      connection_->reset_trouble();
      connection_->defer("begin isolation level repeatable read read only");
      auto answer = ask();
      if (answer || connection_->trouble() != Trouble::lost) return answer;
      while (connection_->trouble() == Trouble::lost) {
        if (Steady::now() > deadline) return answer;
        if (auto opened = open_()) {
          connection_ = *std::move(opened);
        } else {
          answer = std::move(opened).error();
          std::this_thread::sleep_for(kPause);
        }
      }
    }
  }

  std::unique_ptr<PostgresqlConnection> connection_;
  const Open open_;
  const Millis patience_;
  bool begun_ = false;
  std::optional<Error> failure_;
};

class PostgresqlDatabase final : public Database {
 public:
  PostgresqlDatabase(const PostgresqlOptions& options, std::string description,
                     std::unique_ptr<PostgresqlConnection> writer,
                     std::unique_ptr<PostgresqlConnection> listener)
      : description_(std::move(description)),
        patience_(options.patience),
        open_reader_([session = session_of(options), timeout = options.read_timeout] {
          PostgresqlSession reader = session;
          reader.writes = false;
          reader.statement_timeout = timeout;
          reader.idle_timeout = timeout;
          return PostgresqlConnection::open(reader);
        }),
        readers_(kReaders, open_reader_),
        writer_({session_of(options), options.patience}, std::move(writer),
                [this] { listener_to_commits_.call(); }),
        listener_(
            session_of(options), std::move(listener), [this] { return writer_.backend_pid(); },
            [this] { listener_to_commits_.call(); }) {}

  void write_async(Command command, Done done) override {
    writer_.push(std::move(command), std::move(done));
  }
  Status read(const Command& reads) override;
  void on_commit(std::function<void()> listener) override {
    listener_to_commits_.set(std::move(listener));
  }
  std::string description() const override { return description_; }
  Kind kind() const override { return Kind::postgresql; }
  Stats stats() const override { return writer_.stats(); }

 private:
  Result<std::unique_ptr<PostgresqlConnection>> take_reader();

  const std::string description_;
  const Millis patience_;
  CommitListener listener_to_commits_;
  const Snapshot::Open open_reader_;
  ConnectionPool<PostgresqlConnection> readers_;
  PostgresqlWriter writer_;
  PostgresqlListener listener_;
};

/// Opening one is tried again for as long as a reader may wait.
Result<std::unique_ptr<PostgresqlConnection>> PostgresqlDatabase::take_reader() {
  const auto deadline = Steady::now() + patience_;
  for (;;) {
    auto connection = readers_.take();
    if (connection || Steady::now() > deadline) return connection;
    std::this_thread::sleep_for(kPause);
  }
}

Status PostgresqlDatabase::read(const Command& reads) {
  GALLEY_TRY(auto connection, take_reader());
  Snapshot snapshot(std::move(connection), open_reader_, patience_);
  Status status = snapshot.outcome(reads(snapshot));
  readers_.give_back(snapshot.end());
  return status;
}

/// Whether the server is there and only not ready yet, as it is for seconds after a crash.
bool is_starting(const std::string& url) {
  const char* const keywords[] = {"connect_timeout", "dbname", nullptr};
  const char* const values[] = {"2", url.c_str(), nullptr};
  constexpr int kExpandUrl = 1;
  return load_libpq() && pq().PQpingParams(keywords, values, kExpandUrl) == PQPING_REJECT;
}

}  // namespace

Result<std::unique_ptr<Database>> open_postgresql(const PostgresqlOptions& options) {
  const PostgresqlSession session = session_of(options);
  const auto deadline = Steady::now() + options.patience;
  auto writer = PostgresqlConnection::open(session);
  while (!writer && writer.error().code == Errc::unavailable && Steady::now() < deadline &&
         is_starting(options.url)) {
    std::this_thread::sleep_for(kPause);
    writer = PostgresqlConnection::open(session);
  }
  if (!writer) return std::move(writer).error();
  const std::string where = (*writer)->where();
  auto migrated = migrate_postgresql(session, options.migrations);
  if (!migrated) {
    Error error = std::move(migrated).error();
    if (error.message.find(where) == std::string::npos)
      error.message = "cannot open " + where + ": " + error.message;
    return error;
  }
  GALLEY_TRY(auto listener, PostgresqlConnection::open(session));
  GALLEY_TRY_STATUS(PostgresqlListener::listen(*listener));
  std::string description = "postgresql " + (*writer)->server_version() + " (" + where + ")";
  return std::unique_ptr<Database>(std::make_unique<PostgresqlDatabase>(
      options, std::move(description), *std::move(writer), std::move(listener)));
}

}  // namespace galley::store
