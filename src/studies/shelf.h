#pragma once

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "live_study.h"
#include "study_rows.h"
#include "study_trace.h"

namespace galley::studies {

/// What keeps all trials of a study from running, and what would help. Empty: nothing.
struct Obstacle {
  std::string reason{};
  std::string help{};
};

/// A study as its callers share it.
struct Shelved {
  std::mutex mutex;  // guards all but `stale` and `trace`
  StudyRecord record;
  StudyState stored_state = StudyState::running;  // what the store was told last
  std::unique_ptr<LiveStudy> live;
  std::int64_t next_seq = 1;
  JobsOfTrials jobs;
  Obstacle obstacle;               // as the runner found it last
  StudyTrace trace;                // has its own mutex
  std::atomic<bool> stale{false};  // a write failed: what is here is ahead of the store

  bool runs() const {
    return record.state == StudyState::running || record.state == StudyState::stopping;
  }
};
using SharedStudy = std::shared_ptr<Shelved>;

/// The studies in memory: all that run, and some that were looked at. Thread-safe; a study's
/// mutex is taken before ours is, never while it is held.
class Shelf {
 public:
  Shelf(store::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Errors: the store's, corrupt.
  Status read_running();
  void add(const SharedStudy& study);
  /// Errors: not_found, the store's, corrupt.
  Result<SharedStudy> find(std::string_view name);
  std::vector<SharedStudy> running();
  /// Of a study that is in memory.
  std::optional<StudySummary> summary(const StudyId& id);
  /// Those that were saved since the last call.
  std::vector<StudyId> take_changed();

  // The study's mutex is held for all below.

  /// Reads it anew where it is stale. Errors: the store's, corrupt.
  Status refresh(Shelved& study) const;
  /// Writes what changed, in the order of calls, and the state that follows from it. The future is
  /// for after the mutex: it waits for the disk.
  std::future<Status> save(const SharedStudy& study);
  double at_s(const Shelved& study) const;
  WallTime now() const { return clock_.wall(); }

 private:
  Result<SharedStudy> load(StudyRecord record) const;

  store::Database& database_;
  const Clock& clock_;
  std::mutex mutex_;  // guards below
  std::map<StudyId, SharedStudy> studies_;
  std::set<StudyId> changed_;
};

}  // namespace galley::studies
