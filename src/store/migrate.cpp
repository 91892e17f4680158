#include "migrate.h"

#include <array>

namespace galley::store {
namespace {

struct Placeholder {
  std::string_view word;
  std::string_view type;
};

constexpr std::array kSqliteTypes{
    // AUTOINCREMENT never reuses a number, so a reader of events can rely on "after seq".
    Placeholder{"{bigserial}", "integer primary key autoincrement"}, Placeholder{"{blob}", "blob"},
    Placeholder{"{id}", "text"},  // SQLite compares text by bytes unless told otherwise
};

std::string for_sqlite(std::string_view script) {
  std::string sql(script);
  for (const Placeholder& placeholder : kSqliteTypes)
    for (auto at = sql.find(placeholder.word); at != sql.npos; at = sql.find(placeholder.word, at))
      sql.replace(at, placeholder.word.size(), placeholder.type);
  return sql;
}

/// The number of the last migration that ran, 0 in an empty file.
Result<std::int64_t> schema_version(SqliteConnection& connection) {
  GALLEY_TRY(const auto tables,
             connection.query("select count(*), count(*) filter (where name = 'schema_versions')"
                              " from sqlite_master where type = 'table'"));
  if (tables[0].integer(0) == 0) return std::int64_t{0};
  if (tables[0].integer(1) == 0)
    return Error{Errc::conflict, "the file is a database of another program (" +
                                     std::to_string(tables[0].integer(0)) +
                                     " tables, none of them schema_versions)"};
  GALLEY_TRY(const auto rows, connection.query("select max(number) from schema_versions"));
  return rows[0].integer(0);
}

Status run_steps(SqliteConnection& connection, std::span<const Migration> steps) {
  GALLEY_TRY(const auto version, schema_version(connection));
  if (version == 0)
    GALLEY_TRY_STATUS(connection.run_script(
        "create table schema_versions (number bigint primary key, name text not null)"));
  for (const Migration& step : steps) {
    if (step.number <= version) continue;
    GALLEY_TRY_STATUS(connection.run_script(for_sqlite(step.sql)));
    GALLEY_TRY_STATUS(
        connection.execute("insert into schema_versions (number, name) values (:1, :2)",
                           {std::int64_t{step.number}, std::string(step.name)}));
  }
  return ok();
}

}  // namespace

Status check_schema(SqliteConnection& connection, std::span<const Migration> steps) {
  GALLEY_TRY(const auto version, schema_version(connection));
  const std::int64_t newest = steps.empty() ? 0 : steps.back().number;
  if (version > newest)
    return Error{Errc::conflict,
                 "the schema is at version " + std::to_string(version) +
                     ", but this program knows versions up to " + std::to_string(newest),
                 {},
                 {},
                 "run the newer program that last opened this data folder"};
  return ok();
}

Status migrate(SqliteConnection& connection, std::span<const Migration> steps) {
  GALLEY_TRY(const auto version, schema_version(connection));
  if (!steps.empty() && version == steps.back().number) return ok();  // the usual start: no write

  GALLEY_TRY_STATUS(connection.run_script("begin immediate"));
  auto status = run_steps(connection, steps);
  if (status) status = connection.run_script("commit");
  if (!status && connection.in_transaction()) (void)connection.run_script("rollback");
  return status;
}

}  // namespace galley::store
