#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "hpo/study.h"
#include "pool_history.h"
#include "studies/studies.h"
#include "study_file.h"

namespace galley::studies {

/// A study in memory: the state machine, the trials that wait to be carried out, and who carries
/// out which. Not thread-safe.
class LiveStudy {
 public:
  /// `journal` are the lines stored so far; none for a new study.
  static Result<std::unique_ptr<LiveStudy>> open(StudyFile file, const std::string& journal);

  const hpo::Study& study() const { return study_; }
  const StudyFile& file() const { return file_; }
  const PoolHistory& history() const { return history_; }

  void apply(hpo::Event event);
  /// The lines of its journal that came since the last call; empty: nothing changed.
  std::string take_lines() { return study_.take_journal(); }

  /// The next trial that waits, as running from now on. `worker` is empty, or gets back what it
  /// holds. Makes room for one more where nothing waits and `may_grow`.
  std::optional<Order> next(double at_s, const std::string& worker, bool may_grow);
  /// The trials that wait, oldest first, without taking them.
  std::vector<Order> waiting() const;
  std::string worker_of(std::int64_t trial) const;

  StudyProgress progress() const;
  TrialView view(std::int64_t trial) const;

 private:
  LiveStudy(StudyFile file, hpo::Study study) : file_(std::move(file)), study_(std::move(study)) {}
  Order order_of(const hpo::Trial& trial) const;
  bool waits(std::int64_t trial) const;
  void find_waiting();

  StudyFile file_;
  hpo::Study study_;
  PoolHistory history_;
  std::deque<std::int64_t> waiting_;                       // may hold trials that wait no more
  std::map<std::string, std::int64_t, std::less<>> held_;  // by worker
  std::map<std::int64_t, std::string> workers_;            // by trial
};

}  // namespace galley::studies
