#pragma once

#include "migrate.h"
#include "sqlite_connection.h"

namespace galley::store {

class SqliteMigrationTarget final : public MigrationTarget {
 public:
  explicit SqliteMigrationTarget(SqliteConnection& connection) : connection_(connection) {}

  Result<std::vector<Row>> query(std::string_view sql,
                                 const std::vector<Value>& parameters) override {
    return connection_.query(sql, parameters);
  }
  Status run_script(const std::string& sql) override { return connection_.run_script(sql); }
  void roll_back() override {
    if (connection_.in_transaction()) (void)connection_.run_script("rollback");
  }
  std::string with_types(std::string_view script) const override;
  Database::Kind kind() const override { return Database::Kind::sqlite; }
  std::string_view begin() const override { return "begin immediate"; }

 private:
  SqliteConnection& connection_;
};

}  // namespace galley::store
