#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "postgresql_errors.h"
#include "store/database.h"

struct pg_conn;
struct pg_result;

namespace galley::store {

/// What a session is for.
struct PostgresqlSession {
  std::string url;
  bool writes = true;  // refuses a read-only server's sessions as lost
  bool durable = true;
  Millis statement_timeout{1'000};  // 0: none
  Millis lock_timeout{1'000};
  Millis idle_timeout{1'000};  // of a transaction that waits for us
};

/// One PostgreSQL session with its prepared statements, spoken to in libpq's pipeline mode: what is
/// deferred travels with the next statement, so that begin, savepoint and release cost no round
/// trip. Every wait ends: a server that answers nothing in time counts as lost. Used by one thread
/// at a time.
class PostgresqlConnection {
 public:
  /// Connects to the first server of the URL that may be written.
  /// Errors: unavailable (nobody answers, or the server refuses: its own words), unsupported (the
  /// server's version or the database's encoding, both named), invalid_argument (the URL).
  static Result<std::unique_ptr<PostgresqlConnection>> open(const PostgresqlSession& session);

  ~PostgresqlConnection();
  PostgresqlConnection(const PostgresqlConnection&) = delete;
  PostgresqlConnection& operator=(const PostgresqlConnection&) = delete;

  Result<std::int64_t> execute(std::string_view sql, const std::vector<Value>& parameters = {});
  Result<std::vector<Row>> query(std::string_view sql, const std::vector<Value>& parameters = {});

  /// Ends the transaction for good, or answers why the server did not.
  Status commit();

  /// Sends a statement without parameters together with the next execute() or query(), whose error
  /// a failure becomes. Its first row goes to `row` if one is given.
  void defer(std::string sql, std::optional<Row>* row = nullptr);
  /// Defers a statement with parameters whose failure matters: before anything rests on it,
  /// settle() or a later statement must have told how it went.
  Status enqueue(std::string_view sql, std::vector<Value> parameters);
  /// Sends what is deferred and answers its first failure.
  Status settle();
  /// How many deferred statements have not been sent yet.
  std::size_t deferred() const { return deferred_.size(); }
  bool has_enqueued() const;
  /// How often something was sent.
  std::int64_t rounds() const { return rounds_; }
  /// Forgets the deferred statements from the number `keep` on.
  void forget_deferred(std::size_t keep = 0);
  /// Sends what is deferred; the answers are read before the next statement.
  void send_deferred();

  /// Statements separated by ';', without parameters or answers.
  Status run_script(const std::string& sql);

  /// The worst that happened since the last reset. After `lost` the connection only fails.
  Trouble trouble() const { return trouble_; }
  void reset_trouble();

  /// "database galley at db1:5432": for messages; no password.
  const std::string& where() const { return where_; }
  std::string server_version() const;  // "15.4"
  int backend_pid() const;

  int socket() const;
  /// Reads what has arrived and answers the backends of the notifications in it; an error means
  /// that the connection is lost. For a session that listens and sends nothing.
  Result<std::vector<int>> read_notifications();

 private:
  struct Statement {
    std::string name;
    std::vector<std::size_t> parameter_of;  // for each of the server's, which of ours (from 0)
  };
  struct Deferred {
    std::string sql;
    std::optional<Row>* row = nullptr;
    std::vector<Value> parameters;
    bool enqueued = false;
  };
  /// An answer that is still to come.
  struct Awaited {
    enum class Kind { prepare, statement, sync } kind = Kind::sync;
    std::string key;  // of the statement that is being prepared
    std::string sql;
    std::optional<Row>* row = nullptr;
  };
  struct Answer {
    std::vector<Row> rows;
    std::int64_t changed = 0;
    std::string tag;  // "INSERT 0 1", "COMMIT"
  };

  PostgresqlConnection(pg_conn* handle, PostgresqlSession session)
      : session_(std::move(session)), handle_(handle) {}

  Status set_up();
  Status check_server();
  Result<Answer> run(std::string_view sql, const std::vector<Value>& parameters);
  Status send(std::string_view sql, const std::vector<Value>& parameters, std::optional<Row>* row);
  Result<Statement> prepared(std::string_view sql, const std::vector<Value>& parameters);
  Status send_all_deferred();
  Status end_round();
  Status read_answers(Answer* last);
  Status read_answer(const Awaited& awaited, Answer* answer);
  Result<pg_result*> next_result();
  Status flush();
  Status wait(short events, Instant deadline);
  Instant deadline() const;
  Error lose(std::string_view why);

  PostgresqlSession session_;
  pg_conn* handle_;
  std::string where_;
  Trouble trouble_ = Trouble::none;
  std::vector<Deferred> deferred_;
  std::deque<Awaited> awaited_;
  std::unordered_map<std::string, Statement> statements_;  // by text and types of parameters
  std::int64_t names_given_ = 0;
  std::int64_t rounds_ = 0;
};

}  // namespace galley::store
