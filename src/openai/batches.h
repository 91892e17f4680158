#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "batch_record.h"
#include "file_store.h"
#include "plan.h"

namespace galley::openai {

/// Bulk requests, answered in the engine's background class, one batch after the other. Every
/// answer is durable before it counts: after a crash the batch goes on with the lines that have
/// none. Thread-safe; one thread of its own.
class Batches {
 public:
  /// Takes up the batches of `folder` that are not done.
  static Result<std::unique_ptr<Batches>> open(std::filesystem::path folder, FileStore& files,
                                               const Planning& planning);
  ~Batches() { stop(); }

  /// Durable when it returns. Errors: invalid_argument, not_found (the file).
  Result<BatchRecord> create(const Json& body);
  /// Errors: not_found.
  Result<BatchRecord> find(std::string_view id) const;
  std::vector<BatchRecord> list() const;  // newest first
  /// Lines that are being answered are given up; those answered stay. Errors: not_found, conflict
  /// (it has ended).
  Result<BatchRecord> cancel(std::string_view id);
  /// Gives up what runs; the next open() goes on. Idempotent.
  void stop();

 private:
  class Run;  // one batch being worked at; batch_run.cpp

  Batches(std::filesystem::path folder, FileStore& files, const Planning& planning)
      : folder_(std::move(folder)), files_(files), planning_(planning) {}
  Status read_folder();
  void work(const std::stop_token& stop);
  std::filesystem::path folder_of(const std::string& id) const { return folder_ / id; }
  /// Durable, then seen by find().
  Status store_locked(const BatchRecord& batch);
  Status keep(const BatchRecord& batch);
  void show(const BatchRecord& batch);
  /// Seen by find() only: the log of answers knows the counts too.
  void show_counts(const BatchRecord& batch);
  bool is_cancelled(const std::string& id) const;
  /// Stores the batch with this status and the time of it. One that was cancelled meanwhile stays
  /// so unless this is its end.
  Status move_on(BatchRecord& batch, const std::string& status);
  Status move_on_locked(BatchRecord& batch, const std::string& status);

  const std::filesystem::path folder_;
  FileStore& files_;
  const Planning& planning_;
  std::mutex records_mutex_;  // makes reading a batch, changing it and storing it one step
  mutable std::mutex mutex_;  // guards batches_; inside records_mutex_ where both are held
  std::condition_variable_any changed_;
  std::map<std::string, BatchRecord, std::less<>> batches_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace galley::openai
