#pragma once

#include <span>

#include "sqlite_connection.h"

namespace galley::store {

/// Whether this program may touch the file at all; changes nothing.
/// Errors: conflict (schema newer than `steps`, or tables of another program), corrupt.
Status check_schema(SqliteConnection& connection, std::span<const Migration> steps);

/// Brings the schema to the last of `steps` in one transaction: all pending steps or none.
Status migrate(SqliteConnection& connection, std::span<const Migration> steps);

}  // namespace galley::store
