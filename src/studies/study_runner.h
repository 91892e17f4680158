#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>

#include "controller/controller.h"
#include "shelf.h"
#include "tracking/tracking.h"

namespace galley::studies {

/// Carries out the trials of studies with a job: starts, follows and cancels their jobs, and says
/// how many GPUs tuning may hold. One thread. What it is made of must outlive it.
class StudyRunner {
 public:
  StudyRunner(Shelf& shelf, controller::Controller& controller, tracking::Tracking& tracking,
              store::Database& database);
  ~StudyRunner() { stop(); }
  /// There is a new study.
  void wake();
  void stop();

 private:
  struct Capacity {
    std::int64_t gpus = 0;   // as last told
    double enough_at_s = 0;  // when there were as many for the last time
  };
  void run(const std::stop_token& stop);
  /// Whether there is anything to follow.
  bool look();
  void step(const SharedStudy& study, std::int64_t slots, Obstacle obstacle);
  void tell_capacity(Shelved& study, std::int64_t slots, double at_s);
  /// What the trials' jobs did since the last look.
  void observe(Shelved& study);
  void observe_job(Shelved& study, const hpo::Trial& trial, const protocol::JobRecord& job);
  /// `is_last`: also what came with no new measure.
  void report(Shelved& study, std::int64_t trial, std::int32_t attempt, const RunId& run,
              bool is_last);
  /// Whether a trial has lost more machines, over all its jobs, than one job may. Counts anew after
  /// a restart of the server.
  bool dies_everywhere(const Shelved& study, std::int64_t trial, const protocol::JobRecord& job);
  /// Whether people's jobs shall not stop the next trial's: the study keeps so many GPUs.
  bool may_stay(const Shelved& study) const;
  /// Starts the jobs of trials that wait, cancels those of trials that were told to go.
  void carry_out(Shelved& study);
  /// Jobs of attempts that are over, or were told to go, and have not ended by themselves.
  void cancel_unwanted(const Shelved& study);
  /// As this step has seen it, or as it is; empty: there is no such job.
  std::optional<protocol::JobState> state_of(const std::string& job);

  Shelf& shelf_;
  controller::Controller& controller_;
  tracking::Tracking& tracking_;
  store::Database& database_;
  // The thread's.
  std::map<RunId, std::int64_t> seen_points_;
  std::map<StudyId, Capacity> capacity_;
  std::map<std::pair<StudyId, std::int64_t>, std::int64_t> lost_;  // machines, by trial
  std::set<std::string> asked_to_end_;                // jobs that are, or were found to have ended
  std::map<std::string, protocol::JobState> states_;  // of jobs that this step has looked at

  std::mutex mutex_;  // guards woken_
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::jthread thread_;  // the last, so that it ends first
};

}  // namespace galley::studies
