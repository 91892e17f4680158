#include "sqlite_checkpoints.h"

#include <chrono>
#include <utility>

namespace galley::store {
namespace {

/// Commits of so long share a checkpoint.
constexpr std::chrono::milliseconds kCheckpointPause{1'000};
/// What was committed during one round is moved in the next, of which each is shorter.
constexpr int kCheckpointRounds = 3;
constexpr std::int64_t kMostLogPages = 16'384;  // 64 MiB
/// Where somebody still reads an old state, it is tried again after so many more.
constexpr std::int64_t kLogStepPages = 256;

}  // namespace

SqliteCheckpoints::SqliteCheckpoints(std::unique_ptr<SqliteConnection> connection,
                                     SqliteConnection& writer)
    : connection_(std::move(connection)),
      writer_(writer),
      bound_at_pages_(kMostLogPages),
      thread_([this](const std::stop_token& stop) { run(stop); }) {
  writer_.count_log_pages();
}

SqliteCheckpoints::~SqliteCheckpoints() {
  thread_.request_stop();
  changed_.notify_all();
}

void SqliteCheckpoints::committed() {
  if (writer_.log_pages() >= bound_at_pages_) bound_log();
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(has_new_, true)) return;
  }
  changed_.notify_one();
}

Result<SqliteCheckpoints::Progress> SqliteCheckpoints::checkpoint(SqliteConnection& connection) {
  GALLEY_TRY(const auto rows, connection.query("pragma wal_checkpoint(passive)"));
  return Progress{rows.front().integer(1), rows.front().integer(2)};
}

void SqliteCheckpoints::bound_log() {
  const auto progress = checkpoint(writer_);
  const bool is_whole = progress && progress->pages >= 0 && progress->moved >= progress->pages;
  bound_at_pages_ = is_whole ? kMostLogPages : writer_.log_pages() + kLogStepPages;
}

void SqliteCheckpoints::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return has_new_; })) {
    changed_.wait_for(lock, stop, kCheckpointPause, [] { return false; });
    if (stop.stop_requested()) return;
    has_new_ = false;
    lock.unlock();
    for (int round = 0; round < kCheckpointRounds; ++round) {
      const auto progress = checkpoint(*connection_);
      if (!progress || progress->moved >= progress->pages) break;
    }
    lock.lock();
  }
}

}  // namespace galley::store
