#include "migrate.h"

namespace galley::store {
namespace {

/// The number of the last migration that ran, 0 in an empty database.
Result<std::int64_t> schema_version(MigrationTarget& target) {
  GALLEY_TRY(const auto tables, target.query(target.count_tables(), {}));
  if (tables[0].integer(0) == 0) return std::int64_t{0};
  if (tables[0].integer(1) == 0)
    return Error{Errc::conflict, "it is a database of another program (" +
                                     std::to_string(tables[0].integer(0)) +
                                     " tables, none of them schema_versions)"};
  GALLEY_TRY(const auto rows, target.query("select max(number) from schema_versions", {}));
  return rows[0].integer(0);
}

Status run_steps(MigrationTarget& target, std::span<const Migration> steps) {
  GALLEY_TRY(const auto version, schema_version(target));
  if (version == 0)
    GALLEY_TRY_STATUS(target.run_script(target.with_types(
        "create table schema_versions (number bigint primary key, name text not null)")));
  for (const Migration& step : steps) {
    if (step.number <= version) continue;
    GALLEY_TRY_STATUS(target.run_script(target.with_types(step.sql)));
    GALLEY_TRY_STATUS(target.query("insert into schema_versions (number, name) values (:1, :2)",
                                   {std::int64_t{step.number}, std::string(step.name)}));
  }
  return ok();
}

}  // namespace

Status check_schema(MigrationTarget& target, std::span<const Migration> steps) {
  GALLEY_TRY(const auto version, schema_version(target));
  const std::int64_t newest = steps.empty() ? 0 : steps.back().number;
  if (version > newest)
    return Error{Errc::conflict,
                 "the schema is at version " + std::to_string(version) +
                     ", but this program knows versions up to " + std::to_string(newest),
                 {},
                 {},
                 "run the newer program that last opened this database"};
  return ok();
}

Status migrate(MigrationTarget& target, std::span<const Migration> steps) {
  GALLEY_TRY(const auto version, schema_version(target));
  if (!steps.empty() && version == steps.back().number) return ok();  // the usual start: no write

  GALLEY_TRY_STATUS(target.run_script(std::string(target.begin())));
  auto status = run_steps(target, steps);
  if (status) status = target.run_script("commit");
  if (!status) target.roll_back();
  return status;
}

}  // namespace galley::store
