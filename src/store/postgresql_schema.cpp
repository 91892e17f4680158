#include "postgresql_schema.h"

#include "sql_text.h"

namespace galley::store {
namespace {

constexpr Millis kMigrationTimeout{600'000};
constexpr Millis kMigrationLockTimeout{10'000};

}  // namespace

std::string PostgresqlMigrationTarget::with_types(std::string_view script) const {
  return with_postgresql_types(script);
}

Status migrate_postgresql(const PostgresqlSession& session, std::span<const Migration> steps) {
  PostgresqlSession patient = session;
  patient.statement_timeout = kMigrationTimeout;
  patient.lock_timeout = kMigrationLockTimeout;
  patient.idle_timeout = kMigrationLockTimeout;
  GALLEY_TRY(const auto connection, PostgresqlConnection::open(patient));
  PostgresqlMigrationTarget target(*connection);
  GALLEY_TRY(const auto schemas, connection->query("select current_schema()"));
  if (schemas[0].is_null(0))
    return Error{Errc::forbidden,
                 connection->where() + " has no schema that this user may use",
                 {},
                 {},
                 "grant the user usage and create on schema public, or make it the owner"};
  GALLEY_TRY_STATUS(check_schema(target, steps));
  if (steps.empty()) return ok();
  GALLEY_TRY_STATUS(migrate(target, steps));
  const std::string table(kCommitTable);
  // A row that is a day old is of a writer that is gone; a living one makes its own again.
  return connection->run_script("begin; " + std::string(kTakeWriteLock) +
                                "; create table if not exists " + table +
                                " (writer text primary key, token text not null,"
                                " written_at timestamptz not null); delete from " +
                                table + " where written_at < now() - interval '1 day'; commit");
}

}  // namespace galley::store
