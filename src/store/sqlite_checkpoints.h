#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "sqlite_connection.h"

namespace galley::store {

/// Moves what the log of a database holds into its file, on a thread of its own: the writer, in
/// whose commits SQLite does it by itself, would make everybody wait for two more fsyncs.
///
/// The log begins anew when a checkpoint has reached its end, which under steady writes it hardly
/// does: past 64 MiB the writer moves the last pages itself.
class SqliteCheckpoints {
 public:
  SqliteCheckpoints(std::unique_ptr<SqliteConnection> connection, SqliteConnection& writer);
  ~SqliteCheckpoints();

  /// After a commit, by the thread that writes. Nearly always only wakes the other thread.
  void committed();

 private:
  void run(const std::stop_token& stop);
  /// Pages of the log, and how many of them are in the file.
  struct Progress {
    std::int64_t pages = 0;
    std::int64_t moved = 0;
  };
  static Result<Progress> checkpoint(SqliteConnection& connection);
  void bound_log();

  const std::unique_ptr<SqliteConnection> connection_;  // used by thread_ alone
  SqliteConnection& writer_;                            // these two by the thread that writes
  std::int64_t bound_at_pages_;
  std::mutex mutex_;  // guards has_new_
  std::condition_variable_any changed_;
  bool has_new_ = false;
  std::jthread thread_;
};

}  // namespace galley::store
