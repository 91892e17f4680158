#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/copy.h"
#include "store/database.h"
#include "table_list.h"

namespace galley::store {

/// Rows in the order of the primary key, at most so many and about so many bytes at a time.
class TableReader {
 public:
  TableReader(Transaction& transaction, const Table& table);

  /// The next rows; none at the end. Their columns are those of Table::columns.
  Result<std::vector<Row>> next();
  /// Over all rows so far.
  TableContent content() const;

 private:
  Transaction& transaction_;
  const Table& table_;
  std::string select_;
  std::vector<std::size_t> key_places_;
  std::vector<Value> after_;  // the key of the last row
  std::int64_t rows_ = 0;
  std::string digest_;
};

/// Counts the rows of all tables.
Result<std::int64_t> count_rows(Transaction& transaction, const std::vector<Table>& tables);

}  // namespace galley::store
