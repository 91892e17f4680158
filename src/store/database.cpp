#include "store/database.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace galley::store {

bool Row::is_null(std::size_t column) const {
  return std::holds_alternative<std::nullptr_t>(values_.at(column));
}

std::int64_t Row::integer(std::size_t column) const {
  const auto* value = std::get_if<std::int64_t>(&values_.at(column));
  return value ? *value : 0;
}

double Row::real(std::size_t column) const {
  if (const auto* value = std::get_if<double>(&values_.at(column))) return *value;
  return static_cast<double>(integer(column));
}

const std::string& Row::text(std::size_t column) const {
  static const std::string kEmpty;
  const Value& value = values_.at(column);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes;
  return kEmpty;
}

Result<std::optional<Row>> Transaction::query_one(std::string_view sql,
                                                  std::vector<Value> parameters) {
  GALLEY_TRY(auto rows, query(sql, std::move(parameters)));
  if (rows.empty()) return std::optional<Row>();
  return std::optional<Row>(std::move(rows.front()));
}

Status Database::write(Command command) {
  std::mutex mutex;  // guards outcome
  std::condition_variable done;
  std::optional<Status> outcome;
  write_async(std::move(command), [&](Status status) {
    // Notifying under the lock keeps `done` alive until the waiter can leave this frame.
    const std::lock_guard lock(mutex);
    outcome = std::move(status);
    done.notify_one();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return outcome.has_value(); });
  return *std::move(outcome);
}

Result<std::unique_ptr<Database>> open(const std::string& address) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (address.starts_with(kSqlite) && address.size() > kSqlite.size())
    return open_sqlite({.path = address.substr(kSqlite.size())});
  if (address.starts_with("postgresql://") || address.starts_with("postgres://"))
    return open_postgresql({.url = address});
  // Not shown in full: what follows the scheme may hold a password.
  return Error{Errc::invalid_argument,
               "'" + address.substr(0, std::min<std::size_t>(address.find(':'), 40)) +
                   "' is not the address of a database",
               "database", "sqlite:PATH or postgresql://USER@HOST:PORT/NAME"};
}

}  // namespace galley::store
