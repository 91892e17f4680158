#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace galley::store {

/// A table as copying needs to know it.
struct Table {
  std::string name;
  std::vector<std::string> columns;     // by name
  std::vector<std::string> key;         // the primary key's, in its order
  std::vector<std::string> references;  // the tables that its rows name, itself excluded
  std::string counter;                  // the column that numbers its rows; empty when none does
  bool operator==(const Table&) const = default;
};

/// All tables but the list of migrations, those that others name before them.
/// Errors: unsupported (references in a circle, a table without a primary key).
Result<std::vector<Table>> list_tables(Transaction& transaction, Database::Kind kind);

/// The last number that the table's counter has given; nothing before the first.
Result<std::optional<std::int64_t>> read_counter(Transaction& transaction, Database::Kind kind,
                                                 const Table& table);
Status set_counter(Transaction& transaction, Database::Kind kind, const Table& table,
                   std::int64_t last);

}  // namespace galley::store
