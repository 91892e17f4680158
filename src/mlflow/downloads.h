#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "blobs/blob_store.h"
#include "blobs/manifest.h"
#include "http/server.h"

namespace galley::mlflow {

/// Sends files chunk by chunk to readers of any speed, on one thread: a slow reader holds no thread
/// of the pool, and of each file at most two chunks (4 MiB each) are in memory.
class Downloads {
 public:
  explicit Downloads(const blobs::BlobStore& blobs);
  /// Breaks off those that are under way.
  ~Downloads();

  /// The bytes from `from` up to, not including, `to`. A damaged chunk breaks the transfer off.
  void send(http::Stream stream, blobs::ManifestFile file, std::int64_t from, std::int64_t to);

 private:
  struct Download;
  void run(const std::stop_token& stop);
  void wake(const std::weak_ptr<Download>& download);
  void forget(const std::weak_ptr<Download>& download);
  /// Sends what the reader takes now; false when it waits for the reader, or is over.
  bool step(Download& download);

  const blobs::BlobStore& blobs_;
  std::mutex mutex_;  // guards ready_ and under_way_
  std::condition_variable_any changed_;
  std::deque<std::shared_ptr<Download>> ready_;
  std::set<std::shared_ptr<Download>> under_way_;
  std::jthread thread_;
};

}  // namespace galley::mlflow
