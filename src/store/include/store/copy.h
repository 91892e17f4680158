#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace galley::store {

/// What a table holds. The digest is over its rows in the order of the primary key, each value with
/// its type, so that equal contents have equal digests whatever the driver.
struct TableContent {
  std::string table;
  std::int64_t rows = 0;
  std::string sha256;
  bool operator==(const TableContent&) const = default;
};

/// Called now and then with what has been read or written so far and what there is in all.
using CopyProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// Copies every row of every table from one database to another: from one snapshot, in one
/// transaction, table by table in the order of their references, with the counters of numbered
/// tables. Then the target is read back inside the transaction, and nothing is kept unless each
/// table has the same digest. Both must have been opened by this program, so that their schemas
/// agree; the target must hold no rows. Runs on the caller's thread in bounded memory.
/// Errors: conflict (the target is not empty: the table is named; the schemas differ),
/// invalid_argument (a value that the target cannot hold), corrupt (the digests differ), and those
/// of the databases.
Result<std::vector<TableContent>> copy_database(Database& from, Database& to,
                                                const CopyProgress& progress = {});

/// The contents of all tables, from one snapshot.
Result<std::vector<TableContent>> read_contents(Database& database,
                                                const CopyProgress& progress = {});

/// What is wrong inside the database: damaged pages (SQLite) and rows that name a row which is not
/// there. Empty when it is sound; at most 100 are told.
Result<std::vector<std::string>> find_damage(Database& database);

}  // namespace galley::store
