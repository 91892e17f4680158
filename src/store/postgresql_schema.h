#pragma once

#include "migrate.h"
#include "postgresql_connection.h"

namespace galley::store {

/// The advisory lock that every writing transaction of an installation holds until its end.
///
/// It makes writers of several processes take turns, as SQLite's file lock does: commands are
/// written as "look, then change", numbers of events grow in the order of commits, and no command
/// meets a serialization failure of our own making. PostgreSQL frees it when the transaction ends
/// in whatever way, after its rows have become visible.
inline constexpr std::string_view kTakeWriteLock = "select pg_advisory_xact_lock(7420017420017)";

/// The driver's own table: one row for each writer, with the number of its last transaction that
/// was committed. A number alone would not do: those that a crash loses are given again.
inline constexpr std::string_view kCommitTable = "commit_tokens";

class PostgresqlMigrationTarget final : public MigrationTarget {
 public:
  explicit PostgresqlMigrationTarget(PostgresqlConnection& connection) : connection_(connection) {}

  Result<std::vector<Row>> query(std::string_view sql,
                                 const std::vector<Value>& parameters) override {
    return connection_.query(sql, parameters);
  }
  Status run_script(const std::string& sql) override { return connection_.run_script(sql); }
  void roll_back() override { (void)connection_.run_script("rollback"); }
  std::string with_types(std::string_view script) const override;
  Database::Kind kind() const override { return Database::Kind::postgresql; }
  std::string_view begin() const override { return begin_; }

 private:
  PostgresqlConnection& connection_;
  const std::string begin_ = "begin; " + std::string(kTakeWriteLock);
};

/// Checks and migrates over a session of its own, whose timeouts leave time for large tables.
Status migrate_postgresql(const PostgresqlSession& session, std::span<const Migration> steps);

}  // namespace galley::store
