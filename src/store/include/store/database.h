#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace galley::store {

/// A byte string, so that a driver stores it as one and not as text.
struct Blob {
  std::string bytes;
};

/// A value of a column or parameter. Booleans and enums are stored as integers and words by the
/// callers. A NaN cannot be stored: SQLite turns it into null, so callers choose what null means.
using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string, Blob>;

/// One row of an answer; columns are asked for by position, in the order of the SELECT.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  bool is_null(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;     // 0 when null
  double real(std::size_t column) const;              // 0 when null; an integer is converted
  const std::string& text(std::size_t column) const;  // a text or a blob; empty when null
  std::size_t size() const { return values_.size(); }
  const Value& value(std::size_t column) const { return values_.at(column); }

 private:
  std::vector<Value> values_;
};

/// Runs statements inside one transaction. SQL is the common subset of SQLite and PostgreSQL with
/// parameters :1, :2, … bound in order; statements are prepared once per connection and reused.
/// A failed statement dooms the transaction: the command fails with that error even if it answers
/// ok. Errors: conflict (a unique, check or foreign key constraint; message names it), exhausted
/// (disk full), forbidden (read-only), corrupt, unavailable, internal (a fault in our SQL).
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// Rows changed.
  virtual Result<std::int64_t> execute(std::string_view sql,
                                       std::vector<Value> parameters = {}) = 0;
  virtual Result<std::vector<Row>> query(std::string_view sql,
                                         std::vector<Value> parameters = {}) = 0;
  /// For a statement whose count nobody needs: it may travel with the next one, which saves a round
  /// trip. It is carried out in its turn; if it fails later, so does the command.
  virtual Status enqueue(std::string_view sql, std::vector<Value> parameters = {}) = 0;
  /// The first row, if there is one.
  Result<std::optional<Row>> query_one(std::string_view sql, std::vector<Value> parameters = {});
};

/// The relational store of one installation: one schema, typed writes, consistent reads.
///
/// Writes are commands: functions that run in one atomic transaction and answer `conflict` when a
/// precondition fails. On SQLite one writer thread takes up to 256 waiting commands into one
/// transaction (a savepoint each, so that one's failure undoes only itself) and completes them all
/// after a single fsync: an answer means durable. PostgreSQL is written to in the same way by one
/// session, under a lock that makes the writers of several processes take turns. Commands must be
/// pure database work: they may be run again after a serialization failure or a lost connection, so
/// they must not act on the world, and what they leave outside must be assigned, not added to.
///
/// A database that cannot be reached is tried again for some seconds, then writes and reads answer
/// `unavailable`. A write whose commit was not answered is looked up when the database is back; if
/// even that fails, its error says that the outcome is not known. Nothing is ever half-done.
///
/// Readers see the last committed state through their own connections and never wait for a writer.
/// Thread-safe.
class Database {
 public:
  using Command = std::function<Status(Transaction&)>;
  using Done = std::function<void(Status)>;

  virtual ~Database() = default;

  /// Runs the command and waits for its durable end. Never from inside a command or a `done`.
  Status write(Command command);
  /// Queues the command; `done` is called on the writer thread once it is durable or has failed,
  /// in the order of commits. It must be quick and must not call write(). At most kMaxQueued wait;
  /// past that done is called at once with rate_limited.
  virtual void write_async(Command command, Done done) = 0;
  /// Runs reads on one snapshot of the data, on the caller's thread; waits while all readers are
  /// taken, so reads must not nest. Writing inside answers forbidden.
  virtual Status read(const Command& reads) = 0;

  /// Calls `listener` on a thread of the driver after each commit that changed something, so that
  /// live views can look at what is new; on PostgreSQL also after those of other processes. It may
  /// be called once too often. It must be quick. One listener; set before the first write.
  virtual void on_commit(std::function<void()> listener) = 0;

  /// "sqlite 3.40.1 (WAL)", for `galley doctor` and the overview.
  virtual std::string description() const = 0;

  enum class Kind { sqlite, postgresql };
  virtual Kind kind() const = 0;

  struct Stats {
    std::int64_t commands = 0;
    std::int64_t commits = 0;  // commands / commits = how well commits are grouped
    std::int64_t queued = 0;
  };
  virtual Stats stats() const = 0;

  static constexpr std::size_t kMaxQueued = 65536;
  static constexpr std::size_t kMaxGroup = 256;
};

/// A numbered step of the schema. `sql` holds statements separated by ';' in the common subset;
/// the words {blob}, {bigserial} and {id} are replaced by the driver's types. `integer` has 64 bits
/// and `text` compares by bytes on both.
struct Migration {
  int number;
  std::string_view name;
  std::string_view sql;
};

/// All migrations of this binary, in order.
std::span<const Migration> migrations();

struct SqliteOptions {
  std::string path;
  /// fsync on commit. Off only in tests that do not kill.
  bool durable = true;
  int readers = 4;
  std::span<const Migration> migrations = store::migrations();
};

/// Opens and migrates: all pending migrations or none. The caller holds the data folder's lock: one
/// process per file. A fresh file costs a few fsyncs, an existing one none.
/// Errors: conflict when the schema is newer than this binary (both numbers named) or the file is
/// another program's database, corrupt, forbidden (read-only folder), not_found, exhausted.
Result<std::unique_ptr<Database>> open_sqlite(const SqliteOptions& options);

struct PostgresqlOptions {
  /// "postgresql://USER@HOST:PORT/NAME?…", as libpq reads it: several hosts, sslmode, a service or
  /// ~/.pgpass for the password. Sessions go to the host that may be written.
  std::string url;
  /// Off only in tests that do not kill.
  bool durable = true;
  /// For each statement of a write, for the locks that it waits for, and for a transaction that
  /// waits for us: a controller that was stopped must not hold up its successor.
  Millis write_timeout{1'000};
  Millis read_timeout{10'000};
  /// How long a write or a read is tried again while the database cannot be reached.
  Millis patience{5'000};
  std::span<const Migration> migrations = store::migrations();
};

/// Connects and migrates: all pending migrations or none, one process at a time. Uses eight
/// sessions and one that listens. Errors: invalid_argument (the URL), unavailable (with the
/// server's words: nobody there, wrong password, no such database), unsupported (an older server
/// than 13, another encoding than UTF8), conflict (as for SQLite), forbidden (no right to create
/// tables).
Result<std::unique_ptr<Database>> open_postgresql(const PostgresqlOptions& options);

/// Opens "sqlite:PATH" or "postgresql://…" with everything else at its default.
/// Errors: invalid_argument for anything else; those of the driver.
Result<std::unique_ptr<Database>> open(const std::string& address);

}  // namespace galley::store
