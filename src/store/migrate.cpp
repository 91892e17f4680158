#include "migrate.h"

#include <algorithm>

namespace galley::store {
namespace {

constexpr std::string_view kMakeCounted =
    "create table schema_versions (number bigint primary key, name text not null)";
constexpr std::string_view kMakeAdditions =
    "create table schema_additions (number bigint primary key, name text not null)";

std::string_view table_names(Database::Kind kind) {
  return kind == Database::Kind::sqlite ? "select name from sqlite_master where type = 'table'"
                                        : "select cast(tablename as text) from pg_tables"
                                          " where schemaname = current_schema()";
}

using Ask = std::function<Result<std::vector<Row>>(std::string_view sql)>;

Result<std::vector<std::int64_t>> numbers_of(const Ask& ask, std::string_view sql) {
  GALLEY_TRY(const auto rows, ask(sql));
  std::vector<std::int64_t> numbers;
  for (const Row& row : rows) numbers.push_back(row.integer(0));
  return numbers;
}

Result<SchemaState> schema_of(MigrationTarget& target) {
  return read_schema([&](std::string_view sql) { return target.query(sql, {}); }, target.kind());
}

bool lacks_nothing(const SchemaState& state, std::span<const Migration> steps) {
  return std::ranges::all_of(steps, [&](const Migration& step) { return state.has(step.number); });
}

Status run_steps(MigrationTarget& target, std::span<const Migration> steps) {
  GALLEY_TRY(const auto state, schema_of(target));
  if (state.counted.empty()) GALLEY_TRY_STATUS(target.run_script(target.with_types(kMakeCounted)));
  bool has_additions = !state.additions.empty();
  for (const Migration& step : steps) {
    if (state.has(step.number)) continue;
    GALLEY_TRY_STATUS(target.run_script(target.with_types(step.sql)));
    const bool adds = is_addition(step);
    if (adds && !has_additions)
      GALLEY_TRY_STATUS(target.run_script(target.with_types(kMakeAdditions)));
    has_additions |= adds;
    GALLEY_TRY_STATUS(target.query(std::string("insert into ") +
                                       (adds ? "schema_additions" : "schema_versions") +
                                       " (number, name) values (:1, :2)",
                                   {std::int64_t{step.number}, std::string(step.name)}));
  }
  return ok();
}

}  // namespace

Result<SchemaState> read_schema(const Ask& ask, Database::Kind kind) {
  SchemaState state;
  GALLEY_TRY(const auto tables, ask(table_names(kind)));
  if (tables.empty()) return state;
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(tables, [&](const Row& row) { return row.text(0) == name; });
  };
  if (!has("schema_versions"))
    return Error{Errc::conflict, "it is a database of another program (" +
                                     std::to_string(tables.size()) +
                                     " tables, none of them schema_versions)"};
  GALLEY_TRY(state.counted, numbers_of(ask, "select number from schema_versions order by number"));
  if (has("schema_additions")) {
    GALLEY_TRY(state.additions,
               numbers_of(ask, "select number from schema_additions order by number"));
  }
  return state;
}

Status check_schema(MigrationTarget& target, std::span<const Migration> steps) {
  GALLEY_TRY(const auto state, schema_of(target));
  const std::int64_t newest = steps.empty() ? state.version() : steps.back().number;
  if (state.version() > newest)
    return Error{Errc::conflict,
                 "the schema is at version " + std::to_string(state.version()) +
                     ", but this program knows versions up to " + std::to_string(newest),
                 {},
                 {},
                 "run the newer program that last opened this database"};
  return ok();
}

Status migrate(MigrationTarget& target, std::span<const Migration> steps) {
  GALLEY_TRY(const auto state, schema_of(target));
  if (lacks_nothing(state, steps)) return ok();  // the usual start: no write

  GALLEY_TRY_STATUS(target.run_script(std::string(target.begin())));
  auto status = run_steps(target, steps);
  if (status) status = target.run_script("commit");
  if (!status) target.roll_back();
  return status;
}

}  // namespace galley::store
