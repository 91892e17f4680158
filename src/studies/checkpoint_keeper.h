#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>

#include "blobs/blob_store.h"
#include "shelf.h"

namespace galley::studies {

/// Frees the content of checkpoints that no trial can go on from, of studies with a job: every ten
/// minutes, what has been of no use for an hour. Has a thread of its own, since it reads manifests.
/// What it is made of must outlive it.
class CheckpointKeeper {
 public:
  CheckpointKeeper(Shelf& shelf, store::Database& database, blobs::BlobStore& blobs);
  ~CheckpointKeeper() { stop(); }
  void stop();
  /// One look at all studies that run or ended lately. For tests; else the thread's alone.
  void look();

 private:
  void run(const std::stop_token& stop);
  Status look_at(const StudyId& id);

  Shelf& shelf_;
  store::Database& database_;
  blobs::BlobStore& blobs_;
  std::set<StudyId> done_;  // over, and nothing is left to free

  std::mutex mutex_;
  std::condition_variable_any never_;
  std::jthread thread_;  // the last, so that it ends first
};

}  // namespace galley::studies
