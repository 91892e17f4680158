#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/schema.h"

namespace galley::store {

/// What migrating needs of a driver's connection.
class MigrationTarget {
 public:
  virtual ~MigrationTarget() = default;
  virtual Result<std::vector<Row>> query(std::string_view sql,
                                         const std::vector<Value>& parameters) = 0;
  virtual Status run_script(const std::string& sql) = 0;
  /// Ends a transaction that failed; nothing to do where it is over.
  virtual void roll_back() = 0;
  /// The script with the driver's types for {id}, {blob} and {bigserial}.
  virtual std::string with_types(std::string_view script) const = 0;
  virtual Database::Kind kind() const = 0;
  /// Begins a transaction that excludes every other one that migrates.
  virtual std::string_view begin() const = 0;
};

/// What has been done to the database that answers. Errors: conflict (tables of another program).
Result<SchemaState> read_schema(
    const std::function<Result<std::vector<Row>>(std::string_view sql)>& ask, Database::Kind kind);

/// Whether this program may touch the database at all; changes nothing. No steps: it only looks.
/// Errors: conflict (schema newer than `steps`, or tables of another program), corrupt.
Status check_schema(MigrationTarget& target, std::span<const Migration> steps);

/// Carries out those of `steps` that the database lacks in one transaction: all of them or none.
Status migrate(MigrationTarget& target, std::span<const Migration> steps);

}  // namespace galley::store
