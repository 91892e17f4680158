#include "checkpoint_keeper.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/log.h"
#include "free_checkpoints.h"
#include "kept_checkpoints.h"

namespace galley::studies {
namespace {

constexpr std::chrono::minutes kLookEvery{10};
// Uploads that rely on what is there, and people who look at a trial that has just ended.
constexpr std::chrono::hours kUnusedFor{1};
constexpr std::chrono::hours kEndedWithin{48};

}  // namespace

CheckpointKeeper::CheckpointKeeper(Shelf& shelf, store::Database& database, blobs::BlobStore& blobs)
    : shelf_(shelf), database_(database), blobs_(blobs) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void CheckpointKeeper::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void CheckpointKeeper::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      never_.wait_for(lock, stop, kLookEvery, [] { return false; });
    }
    if (!stop.stop_requested()) look();
  }
}

void CheckpointKeeper::look() {
  std::vector<StudyId> studies;
  const auto read = database_.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(studies, read_with_jobs(transaction, shelf_.now() - kEndedWithin));
    return ok();
  });
  if (!read)
    return log::warn("studies", "checkpoints are not freed", {{"reason", describe(read.error())}});
  for (const StudyId& study : studies) {
    if (done_.contains(study)) continue;
    if (const auto status = look_at(study); !status)
      log::warn("studies", "a study's checkpoints are not freed",
                {{"study", study.str()}, {"reason", describe(status.error())}});
  }
}

Status CheckpointKeeper::look_at(const StudyId& id) {
  GALLEY_TRY(const auto study, shelf_.find(id.str()));
  // First those that there are, then which of them are needed: what is written meanwhile stays.
  GALLEY_TRY(const auto all, study->trace.checkpoints(database_, id));
  std::set<std::string> needed;
  bool is_over = false;
  {
    const std::lock_guard lock(study->mutex);
    GALLEY_TRY_STATUS(shelf_.refresh(*study));
    if (study->live->file().keep_checkpoints == KeepCheckpoints::all) {
      done_.insert(id);
      return ok();
    }
    needed = needed_checkpoints(study->live->study());
    is_over = !study->runs();
  }
  std::set<std::string> unneeded;
  std::ranges::set_difference(all, needed, std::inserter(unneeded, unneeded.end()));
  GALLEY_TRY(const auto freed,
             free_checkpoints(database_, blobs_, id, unneeded, needed, shelf_.now() - kUnusedFor));
  if (is_over && freed.left == 0) done_.insert(id);
  if (freed.checkpoints > 0)
    log::info("studies", "checkpoints of trials that cannot go on were freed",
              {{"study", id.str()},
               {"checkpoints", std::to_string(freed.checkpoints)},
               {"bytes", std::to_string(freed.bytes)}});
  return ok();
}

}  // namespace galley::studies
