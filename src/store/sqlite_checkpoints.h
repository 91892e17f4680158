#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "sqlite_connection.h"

namespace galley::store {

/// Moves what the log of a database holds into its file, on a thread of its own: the writer, in
/// whose commits SQLite does it by itself, would make everybody wait for two more fsyncs.
///
/// The log begins anew when a checkpoint has reached its end. Under steady writes it hardly does,
/// so past 64 MiB the writer has to finish the last pages itself: see `needs_writer`.
class SqliteCheckpoints {
 public:
  explicit SqliteCheckpoints(std::unique_ptr<SqliteConnection> connection);
  ~SqliteCheckpoints();

  /// After a commit, by the writer.
  void committed();
  /// Whether the writer shall run `finish` between two transactions.
  bool needs_writer() const { return needs_writer_.load(std::memory_order_relaxed); }
  void finish(SqliteConnection& writer);

 private:
  void run(const std::stop_token& stop);
  /// Pages of the log, and how many of them are in the file.
  struct Progress {
    std::int64_t pages = 0;
    std::int64_t moved = 0;
  };
  static Result<Progress> checkpoint(SqliteConnection& connection);

  const std::unique_ptr<SqliteConnection> connection_;  // used by thread_ alone
  std::atomic<bool> needs_writer_{false};
  std::mutex mutex_;  // guards has_new_
  std::condition_variable_any changed_;
  bool has_new_ = false;
  std::jthread thread_;
};

}  // namespace galley::store
