#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace galley::store {

/// Whether a program that does not know this migration can go on using a database that has it: it
/// only makes tables, indexes that forbid nothing, and columns that an insert may leave out. What
/// is not understood counts as more than that. Pure.
bool only_adds(std::string_view sql);

/// Migrations up to this number are counted by every program that knows them, so a program older
/// than one of them refuses the database. Of later ones those that only add are kept apart.
inline constexpr int kLastCounted = 8;

/// Whether a program that does not know it still opens a database that has this migration.
inline bool is_addition(const Migration& step) {
  return step.number > kLastCounted && only_adds(step.sql);
}

/// What has been done to a database.
struct SchemaState {
  std::vector<std::int64_t> counted;    // in order; a program must know the last one
  std::vector<std::int64_t> additions;  // in order; a program may not know them

  std::int64_t version() const { return counted.empty() ? 0 : counted.back(); }
  bool has(std::int64_t number) const;
};

/// Of a database that may have been opened without migrating it. Errors: the store's.
Result<SchemaState> read_schema(Transaction& transaction, Database::Kind kind);

/// Milliseconds since 1970 by the one clock that all who use the database share.
Result<std::int64_t> now_ms(Transaction& transaction, Database::Kind kind);

}  // namespace galley::store
