#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "store/database.h"
#include "studies/study_charts.h"

namespace galley::studies {

/// What a study's journal says of each trial over time, for those who look at charts. Each piece of
/// the journal is read once, when somebody asks for the first time after it was stored.
/// Thread-safe; memory: 24 bytes a report of a study that was looked at.
class StudyTrace {
 public:
  struct Told {
    TrialCurve curve;
    std::vector<TrialHistory::Attempt> attempts;
  };
  using Trials = std::map<std::int64_t, Told>;
  /// `look` sees all trials that anything was told of, as far as the journal is stored.
  /// Errors: the store's, corrupt.
  Status look_at(store::Database& database, const StudyId& study,
                 const std::function<void(const Trials&)>& look);
  /// Names of all checkpoints that trials ever wrote. Errors: likewise.
  Result<std::set<std::string>> checkpoints(store::Database& database, const StudyId& study);

 private:
  Status read_on_locked(store::Database& database, const StudyId& study);

  std::mutex mutex_;  // guards below
  std::int64_t next_seq_ = 1;
  Trials trials_;
  std::set<std::string> checkpoints_;
};

}  // namespace galley::studies
