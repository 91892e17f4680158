#include "store/copy.h"

#include <algorithm>

#include "table_list.h"
#include "table_reader.h"

namespace galley::store {
namespace {

constexpr std::size_t kMostDamage = 100;
// SQLite binds 32,766 values to a statement, PostgreSQL 65,535.
constexpr std::size_t kMostParameters = 16'000;

/// Rows written and read back count once each.
class Progress {
 public:
  Progress(const CopyProgress& told, std::int64_t total) : told_(told), total_(total) {}
  void add(std::size_t rows) {
    done_ += static_cast<std::int64_t>(rows);
    if (told_) told_(std::min(done_, total_), total_);
  }

 private:
  const CopyProgress& told_;
  const std::int64_t total_;
  std::int64_t done_ = 0;
};

std::string insert_sql(const Table& table, std::size_t rows) {
  std::string sql = "insert into \"" + table.name + "\" (";
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    sql += (i == 0 ? "\"" : ", \"") + table.columns[i] + "\"";
  sql += ") values ";
  std::size_t number = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    sql += row == 0 ? "(" : ", (";
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      sql += (i == 0 ? ":" : ", :") + std::to_string(++number);
    sql += ')';
  }
  return sql;
}

Status write_rows(Transaction& to, const Table& table, const std::vector<Row>& rows) {
  const std::size_t most = std::max<std::size_t>(1, kMostParameters / table.columns.size());
  for (std::size_t begin = 0; begin < rows.size(); begin += most) {
    const std::size_t end = std::min(rows.size(), begin + most);
    std::vector<Value> values;
    values.reserve((end - begin) * table.columns.size());
    for (std::size_t row = begin; row < end; ++row)
      for (std::size_t i = 0; i < table.columns.size(); ++i) values.push_back(rows[row].value(i));
    auto written = to.execute(insert_sql(table, end - begin), std::move(values));
    if (!written) {
      Error error = std::move(written).error();
      error.message = "table " + table.name + " could not be copied: " + error.message;
      return error;
    }
  }
  return ok();
}

Result<TableContent> copy_table(Transaction& from, Transaction& to, const Table& table,
                                Progress& progress) {
  TableReader reader(from, table);
  for (;;) {
    GALLEY_TRY(const auto rows, reader.next());
    if (rows.empty()) return reader.content();
    GALLEY_TRY_STATUS(write_rows(to, table, rows));
    progress.add(rows.size());
  }
}

Result<TableContent> read_table(Transaction& transaction, const Table& table, Progress& progress) {
  TableReader reader(transaction, table);
  for (;;) {
    GALLEY_TRY(const auto rows, reader.next());
    if (rows.empty()) return reader.content();
    progress.add(rows.size());
  }
}

Status check_target(Transaction& to, const std::vector<Table>& wanted,
                    const std::vector<Table>& found) {
  for (const Table& table : wanted)
    if (std::ranges::find(found, table) == found.end())
      return Error{
          Errc::conflict,
          "the schemas differ: the target has no table " + table.name + " like the source's",
          {},
          {},
          "open both with the same program first"};
  for (const Table& table : found) {
    GALLEY_TRY(const auto rows, count_rows(to, {table}));
    if (rows > 0)
      return Error{
          Errc::conflict,
          "the target is not empty: table " + table.name + " has " + std::to_string(rows) + " rows",
          {},
          {},
          "give an empty database"};
  }
  return ok();
}

struct Side {
  Transaction& transaction;
  Database::Kind kind;
};

Status copy_counters(const Side& from, const Side& to, const std::vector<Table>& tables) {
  for (const Table& table : tables) {
    if (table.counter.empty()) continue;
    GALLEY_TRY(const auto last, read_counter(from.transaction, from.kind, table));
    if (last.value_or(0) > 0) GALLEY_TRY_STATUS(set_counter(to.transaction, to.kind, table, *last));
  }
  return ok();
}

Result<std::vector<TableContent>> copy_all(const Side& from, const Side& to,
                                           const CopyProgress& told) {
  GALLEY_TRY(const auto tables, list_tables(from.transaction, from.kind));
  GALLEY_TRY(const auto there, list_tables(to.transaction, to.kind));
  GALLEY_TRY_STATUS(check_target(to.transaction, tables, there));
  GALLEY_TRY(const auto rows, count_rows(from.transaction, tables));
  Progress progress(told, 2 * rows);
  std::vector<TableContent> contents;
  for (const Table& table : tables) {
    GALLEY_TRY(auto content, copy_table(from.transaction, to.transaction, table, progress));
    contents.push_back(std::move(content));
  }
  GALLEY_TRY_STATUS(copy_counters(from, to, tables));
  for (std::size_t i = 0; i < tables.size(); ++i) {
    GALLEY_TRY(const auto arrived, read_table(to.transaction, tables[i], progress));
    if (arrived != contents[i])
      return Error{Errc::corrupt,
                   "table " + tables[i].name + " arrived otherwise than it was sent: " +
                       std::to_string(arrived.rows) + " of " + std::to_string(contents[i].rows) +
                       " rows, or values that the target keeps differently"};
  }
  return contents;
}

}  // namespace

Result<std::vector<TableContent>> copy_database(Database& from, Database& to,
                                                const CopyProgress& progress) {
  std::vector<TableContent> contents;
  GALLEY_TRY_STATUS(from.read([&](Transaction& source) {
    return to.write([&](Transaction& target) -> Status {
      GALLEY_TRY(contents, copy_all({source, from.kind()}, {target, to.kind()}, progress));
      return ok();
    });
  }));
  return contents;
}

Result<std::vector<TableContent>> read_contents(Database& database, const CopyProgress& told) {
  std::vector<TableContent> contents;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    contents.clear();
    GALLEY_TRY(const auto tables, list_tables(transaction, database.kind()));
    GALLEY_TRY(const auto rows, count_rows(transaction, tables));
    Progress progress(told, rows);
    for (const Table& table : tables) {
      GALLEY_TRY(auto content, read_table(transaction, table, progress));
      contents.push_back(std::move(content));
    }
    return ok();
  }));
  return contents;
}

Result<std::vector<std::string>> find_damage(Database& database) {
  std::vector<std::string> damage;
  // PostgreSQL keeps references itself and reports damaged pages when it reads them.
  if (database.kind() == Database::Kind::postgresql) return damage;
  GALLEY_TRY_STATUS(database.read([&](Transaction& transaction) -> Status {
    damage.clear();
    GALLEY_TRY(const auto pages, transaction.query("select integrity_check from"
                                                   " pragma_integrity_check(100)"));
    for (const Row& row : pages)
      if (row.text(0) != "ok") damage.push_back(row.text(0));
    GALLEY_TRY(const auto orphans, transaction.query("select \"table\", \"rowid\", parent from"
                                                     " pragma_foreign_key_check() limit 100"));
    for (const Row& row : orphans)
      damage.push_back("row " + std::to_string(row.integer(1)) + " of table " + row.text(0) +
                       " names a row of " + row.text(2) + " that is not there");
    return ok();
  }));
  damage.resize(std::min(damage.size(), kMostDamage));
  return damage;
}

}  // namespace galley::store
