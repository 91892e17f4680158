#include "sqlite_connection.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

namespace galley::store {
namespace {

// Another process (a backup, a person's sqlite3) may hold the file for a moment.
constexpr int kBusyTimeoutMs = 5000;
// Our SQL is a few dozen fixed texts; a caller that builds texts must not grow this without end.
constexpr std::size_t kMaxStatements = 512;

Errc code_of_errno(int value) { return system_error("", value).code; }

Errc classify(int code, int errno_value) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return Errc::conflict;
    case SQLITE_FULL:
      return Errc::exhausted;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Errc::forbidden;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::unavailable;
    case SQLITE_TOOBIG:
      return Errc::too_large;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      // A quota (EDQUOT) or a file size limit (EFBIG) is a full disk to whoever must act on it.
      if (errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EFBIG)
        return Errc::exhausted;
      return errno_value == 0 ? Errc::unavailable : code_of_errno(errno_value);
    default:
      return Errc::internal;
  }
}

int bind_value(sqlite3_stmt* statement, int slot, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    return sqlite3_bind_int64(statement, slot, *integer);
  if (const auto* real = std::get_if<double>(&value))
    return sqlite3_bind_double(statement, slot, *real);
  // The values outlive the step, so SQLite need not copy them (a null destructor says so).
  if (const auto* text = std::get_if<std::string>(&value))
    return sqlite3_bind_text64(statement, slot, text->data(), text->size(), nullptr, SQLITE_UTF8);
  if (const auto* blob = std::get_if<Blob>(&value)) {
    // An empty string's data() may not be null, but a null pointer would bind NULL.
    return sqlite3_bind_blob64(statement, slot, blob->bytes.data(), blob->bytes.size(), nullptr);
  }
  return sqlite3_bind_null(statement, slot);
}

Value column_value(sqlite3_stmt* statement, int column) {
  const auto size = [&] {
    return static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string(text, size());
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      return Blob{bytes ? std::string(bytes, size()) : std::string()};
    }
    default:
      return nullptr;
  }
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path,
                                                                 Mode mode) {
  const int access =
      mode == Mode::writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  GALLEY_CHECK(handle != nullptr, "SQLite could not allocate a connection");
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path, handle));
  if (code != SQLITE_OK) {
    Error error = connection->fault(code, "open");
    // SQLite tries again without creating, so a folder that may not be written reads as "no file".
    std::error_code ignored;
    if (error.code == Errc::not_found &&
        std::filesystem::is_directory(std::filesystem::path(path).parent_path(), ignored))
      return Error{Errc::forbidden, "database " + path + ": its folder may not be written"};
    return error;
  }
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  GALLEY_TRY_STATUS(connection->run_script("pragma foreign_keys = on; pragma temp_store = memory"));
  if (mode == Mode::reader) GALLEY_TRY_STATUS(connection->run_script("pragma query_only = on"));
  return connection;
}

void SqliteConnection::count_log_pages() {
  const auto note = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<SqliteConnection*>(self)->log_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_, note, this);
}

SqliteConnection::~SqliteConnection() {
  drop_statements();
  sqlite3_close(handle_);
}

void SqliteConnection::drop_statements() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement.handle);
  statements_.clear();
}

Error SqliteConnection::fault(int code, std::string_view sql) const {
  const int errno_value = sqlite3_system_errno(handle_);
  Error error{classify(code, errno_value), {}};
  error.message = "database " + path_ + ": " + sqlite3_errmsg(handle_);
  const bool about_files = (code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_IOERR;
  if (about_files && errno_value != 0)
    error.message = system_error(error.message, errno_value).message;
  if (error.code == Errc::internal || error.code == Errc::conflict)
    error.message += " in: " + std::string(sql.substr(0, 120));
  if (error.code == Errc::exhausted) error.hint = "free some space on the disk that holds the file";
  return error;
}

Result<SqliteConnection::Statement*> SqliteConnection::prepare(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return &found->second;
  if (statements_.size() >= kMaxStatements) drop_statements();

  Statement statement;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement.handle, &rest);
  if (code != SQLITE_OK) return fault(code, sql);
  const std::string_view tail(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
  const bool single = statement.handle && tail.find_first_not_of(" \n\t;") == tail.npos;
  const int slots = sqlite3_bind_parameter_count(statement.handle);
  for (int slot = 1; single && slot <= slots; ++slot) {
    // ":2" is a name to SQLite, numbered by first appearance; bind by the number that we wrote.
    const char* written = sqlite3_bind_parameter_name(statement.handle, slot);
    const std::string_view name = written ? written : "";
    std::size_t number = 0;
    if (name.size() > 1) std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (number > 0) statement.parameter_of.push_back(number - 1);
    statement.parameter_count = std::max(statement.parameter_count, number);
  }
  if (!single || statement.parameter_of.size() != static_cast<std::size_t>(slots)) {
    sqlite3_finalize(statement.handle);
    return Error{Errc::internal, "SQL must be one statement with parameters :1, :2, …: " +
                                     std::string(sql.substr(0, 120))};
  }
  return &statements_.emplace(std::string(sql), std::move(statement)).first->second;
}

Status SqliteConnection::bind(const Statement& statement, std::string_view sql,
                              const std::vector<Value>& parameters) {
  if (statement.parameter_count != parameters.size())
    return Error{Errc::internal, "SQL takes " + std::to_string(statement.parameter_count) +
                                     " parameters and got " + std::to_string(parameters.size()) +
                                     ": " + std::string(sql.substr(0, 120))};
  for (std::size_t i = 0; i < statement.parameter_of.size(); ++i) {
    const int code = bind_value(statement.handle, static_cast<int>(i) + 1,
                                parameters[statement.parameter_of[i]]);
    if (code != SQLITE_OK) return fault(code, sql);
  }
  return ok();
}

Result<std::vector<Row>> SqliteConnection::step(const Statement& statement, std::string_view sql,
                                                bool keep_rows) {
  // Whatever happens, the statement must not stay open: it would pin a snapshot or block COMMIT.
  struct Reset {
    sqlite3_stmt* handle;
    ~Reset() {
      sqlite3_reset(handle);
      sqlite3_clear_bindings(handle);
    }
  } const reset{statement.handle};

  std::vector<Row> rows;
  for (;;) {
    const int code = sqlite3_step(statement.handle);
    if (code == SQLITE_DONE) return rows;
    if (code != SQLITE_ROW) return fault(code, sql);
    if (!keep_rows) continue;
    std::vector<Value> values;
    const int columns = sqlite3_column_count(statement.handle);
    values.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) values.push_back(column_value(statement.handle, i));
    rows.emplace_back(std::move(values));
  }
}

Result<std::int64_t> SqliteConnection::execute(std::string_view sql,
                                               const std::vector<Value>& parameters) {
  GALLEY_TRY(Statement* const statement, prepare(sql));
  GALLEY_TRY_STATUS(bind(*statement, sql, parameters));
  GALLEY_TRY_STATUS(step(*statement, sql, false));
  return std::int64_t{sqlite3_changes64(handle_)};
}

Result<std::vector<Row>> SqliteConnection::query(std::string_view sql,
                                                 const std::vector<Value>& parameters) {
  GALLEY_TRY(Statement* const statement, prepare(sql));
  GALLEY_TRY_STATUS(bind(*statement, sql, parameters));
  return step(*statement, sql, true);
}

Status SqliteConnection::run_script(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fault(code, sql);
  return ok();
}

bool SqliteConnection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

}  // namespace galley::store
