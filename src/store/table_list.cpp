#include "table_list.h"

#include <algorithm>
#include <map>
#include <set>

namespace galley::store {
namespace {

using Kind = Database::Kind;

/// How each database tells its own schema. All answer (table, …), :1 being no table in particular.
struct Catalogue {
  std::string_view columns;     // table, column, place in the primary key (0: none)
  std::string_view references;  // table, the table that it names
  std::string_view counters;    // table, column
};

constexpr Catalogue kSqlite{
    "select m.name, c.name, c.pk from sqlite_master m, pragma_table_info(m.name) c"
    " where m.type = 'table' and m.name not like 'sqlite\\_%' escape '\\'"
    " and m.name not in ('schema_versions', 'schema_additions') order by m.name, c.name",
    "select distinct m.name, f.\"table\" from sqlite_master m, pragma_foreign_key_list(m.name) f"
    " where m.type = 'table'",
    "select m.name, c.name from sqlite_master m, pragma_table_info(m.name) c"
    " where m.type = 'table' and m.sql like '%autoincrement%' and c.pk = 1"};

constexpr Catalogue kPostgresql{
    "select c.relname, a.attname, coalesce(array_position(cast(k.conkey as int2[]), a.attnum), 0)"
    " from pg_class c join pg_attribute a on a.attrelid = c.oid"
    " left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'"
    " where c.relkind = 'r' and c.relnamespace = cast(current_schema() as regnamespace)"
    " and a.attnum > 0 and not a.attisdropped and c.relname not in ('schema_versions', "
    "'schema_additions', 'commit_tokens')"
    " order by c.relname collate \"C\", a.attname collate \"C\"",
    "select distinct c.relname, r.relname from pg_constraint k"
    " join pg_class c on c.oid = k.conrelid join pg_class r on r.oid = k.confrelid"
    " where k.contype = 'f' and c.relnamespace = cast(current_schema() as regnamespace)",
    "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
    " where c.relkind = 'r' and c.relnamespace = cast(current_schema() as regnamespace)"
    " and a.attidentity <> ''"};

const Catalogue& catalogue_of(Kind kind) { return kind == Kind::sqlite ? kSqlite : kPostgresql; }

/// Those that are named first; among equals by name, so that every copy goes the same way.
Result<std::vector<Table>> in_order(std::map<std::string, Table> tables) {
  std::vector<Table> ordered;
  std::set<std::string> placed;
  while (!tables.empty()) {
    const auto next = std::ranges::find_if(tables, [&](const auto& entry) {
      return std::ranges::all_of(entry.second.references,
                                 [&](const std::string& name) { return placed.contains(name); });
    });
    if (next == tables.end())
      return Error{Errc::unsupported,
                   "the tables name each other in a circle around " + tables.begin()->first};
    placed.insert(next->first);
    ordered.push_back(std::move(next->second));
    tables.erase(next);
  }
  return ordered;
}

}  // namespace

Result<std::vector<Table>> list_tables(Transaction& transaction, Kind kind) {
  const Catalogue& catalogue = catalogue_of(kind);
  std::map<std::string, Table> tables;
  std::map<std::string, std::map<std::int64_t, std::string>> keys;
  GALLEY_TRY(const auto columns, transaction.query(catalogue.columns));
  for (const Row& row : columns) {
    Table& table = tables[row.text(0)];
    table.name = row.text(0);
    table.columns.push_back(row.text(1));
    if (row.integer(2) > 0) keys[row.text(0)][row.integer(2)] = row.text(1);
  }
  for (auto& [name, table] : tables) {
    for (const auto& [place, column] : keys[name]) table.key.push_back(column);
    if (table.key.empty())
      return Error{Errc::unsupported, "table " + name + " has no primary key to copy it by"};
  }
  GALLEY_TRY(const auto references, transaction.query(catalogue.references));
  for (const Row& row : references)
    if (const auto found = tables.find(row.text(0));
        found != tables.end() && row.text(0) != row.text(1))
      found->second.references.push_back(row.text(1));
  for (auto& [name, table] : tables) std::ranges::sort(table.references);
  GALLEY_TRY(const auto counters, transaction.query(catalogue.counters));
  for (const Row& row : counters)
    if (const auto found = tables.find(row.text(0)); found != tables.end())
      found->second.counter = row.text(1);
  return in_order(std::move(tables));
}

Result<std::optional<std::int64_t>> read_counter(Transaction& transaction, Kind kind,
                                                 const Table& table) {
  if (kind == Kind::sqlite) {
    GALLEY_TRY(
        const auto row,
        transaction.query_one("select seq from sqlite_sequence where name = :1", {table.name}));
    return row ? std::optional(row->integer(0)) : std::nullopt;
  }
  GALLEY_TRY(const auto name, transaction.query_one("select pg_get_serial_sequence(:1, :2)",
                                                    {'"' + table.name + '"', table.counter}));
  GALLEY_TRY(const auto row,
             transaction.query_one("select last_value, is_called from " + name->text(0)));
  return row->integer(1) != 0 ? std::optional(row->integer(0)) : std::nullopt;
}

Status set_counter(Transaction& transaction, Kind kind, const Table& table, std::int64_t last) {
  if (kind == Kind::sqlite) {
    GALLEY_TRY(const auto changed,
               transaction.execute("update sqlite_sequence set seq = :1 where name = :2",
                                   {last, table.name}));
    if (changed == 0)
      GALLEY_TRY_STATUS(transaction.execute(
          "insert into sqlite_sequence (name, seq) values (:1, :2)", {table.name, last}));
    return ok();
  }
  GALLEY_TRY_STATUS(
      transaction.query("select setval(cast(pg_get_serial_sequence(:1, :2) as regclass), :3, true)",
                        {'"' + table.name + '"', table.counter, last}));
  return ok();
}

}  // namespace galley::store
