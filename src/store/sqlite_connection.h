#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "store/database.h"

struct sqlite3;
struct sqlite3_stmt;

namespace galley::store {

/// One SQLite connection with its prepared statements. Used by one thread at a time.
class SqliteConnection {
 public:
  enum class Mode { writer, reader };

  /// Opens the file (a writer creates it) and sets what every connection needs.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, Mode mode);

  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Result<std::int64_t> execute(std::string_view sql, const std::vector<Value>& parameters = {});
  Result<std::vector<Row>> query(std::string_view sql, const std::vector<Value>& parameters = {});
  /// At once: there is no round trip to save.
  Status enqueue(std::string_view sql, const std::vector<Value>& parameters) {
    GALLEY_TRY_STATUS(execute(sql, parameters));
    return ok();
  }
  /// Statements separated by ';', without parameters or answers; not cached.
  Status run_script(const std::string& sql);

  /// From now on `log_pages` follows the commits of this connection, and none of them does a
  /// checkpoint.
  void count_log_pages();
  /// How long the log was after the last commit.
  std::int64_t log_pages() const { return log_pages_; }

  /// False after SQLite itself rolled the transaction back, as it does when the disk is full.
  bool in_transaction() const;

 private:
  struct Statement {
    sqlite3_stmt* handle = nullptr;
    std::vector<std::size_t> parameter_of;  // for each of SQLite's slots, which ":N" (from 0)
    std::size_t parameter_count = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  SqliteConnection(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  Result<Statement*> prepare(std::string_view sql);
  Status bind(const Statement& statement, std::string_view sql,
              const std::vector<Value>& parameters);
  Result<std::vector<Row>> step(const Statement& statement, std::string_view sql, bool keep_rows);
  void drop_statements();
  Error fault(int code, std::string_view sql) const;

  std::string path_;
  std::int64_t log_pages_ = 0;
  sqlite3* handle_;
  std::unordered_map<std::string, Statement, Hash, std::equal_to<>> statements_;
};

}  // namespace galley::store
