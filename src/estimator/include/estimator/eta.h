#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "estimator/change.h"
#include "estimator/cycle.h"
#include "estimator/eta_history.h"
#include "estimator/eta_target.h"
#include "estimator/progress.h"
#include "estimator/stationarity.h"

namespace galley::estimator {

struct EtaOptions {
  std::optional<double> total_progress{};  // steps to the end; may become known later
  std::optional<Spread> prior_step_s{};    // seconds a step, as estimated before the run
  std::optional<Spread> prior_total_s{};   // seconds in all; used where there is none a step
  double cost_usd_per_hour = 0;
};

/// What an estimate rests on.
enum class EtaSource : std::uint8_t {
  nothing,  // neither steps nor a prior, or no total: there is no estimate
  prior,    // no step has been seen
  data,     // this run's own steps, fused with the prior where there is one
  history,  // and corrected by what earlier runs of the program show
};

struct EtaEstimate {
  EtaSource source = EtaSource::nothing;
  Spread remaining_s;
  Spread remaining_cost_usd;
  double progress = 0;
  std::optional<double> total_progress;
  double step_s = 0;        // typical step, pauses aside
  double pause_share = 0;   // of the remaining time that is pauses, 0 to 1
  double earlier_runs = 0;  // by likeness, where the source is history
};

/// Follows one run and says when it will be done: to the last step, and apart from that to a wanted
/// value of a metric.
///
/// The first interval (compilation, filling of caches) is no step time. Step times that stand out
/// go to the cycle model. A change of speed drops the steps before it. What remains is the mean of
/// the newest 512 step times, fused with the prior by their variances, and corrected by earlier
/// runs where a history is given.
///
/// Memory is bounded (some 30 KiB). A point costs O(1) amortised, an estimate O(512).
/// One thread at a time.
class EtaTracker {
 public:
  explicit EtaTracker(const EtaOptions& options = {});

  /// The total as the program itself has announced it, or extended it.
  void set_total(double total_progress);

  /// Points in the order of time. Progress that goes backwards is a restart from a checkpoint: it
  /// is followed, and its interval is not counted. Values that are not finite are ignored.
  void observe(const ProgressPoint& point);

  /// A value of the metric that the target is about.
  void observe_metric(double progress, double value);

  /// At `now_s` seconds since the start, not before the newest point.
  EtaEstimate estimate(double now_s, const EtaHistory* history = nullptr) const;

  /// Seconds and dollars until the metric reaches the target.
  TargetEstimate estimate_target(const MetricTarget& target, double now_s) const;

  /// Of the step times since the last change of speed, the newest 512.
  Stability stability() const;

  std::size_t speed_changes() const { return speed_changes_; }
  /// Progress at the last change of speed.
  std::optional<double> last_change() const { return last_change_; }
  std::vector<Pauses> pauses() const;

  /// What is to be kept of the run once it has ended well. Empty without a total.
  EtaProfile profile() const;

 private:
  struct Step {
    double progress = 0;  // at its end
    double weight = 0;    // steps that the interval covers
    double step_s = 0;
    PauseKind label = PauseKind::unlabelled;
  };
  struct Own;  // what the run's own data say

  void add_interval(double seconds, const ProgressPoint& point);
  void retire(std::size_t count);
  void note_checkpoint(double at_s);
  std::optional<Own> own_estimate() const;
  EtaCheckpoint checkpoint_of(const Own& own, double at_s) const;

  EtaOptions options_;
  ChangeDetector changes_;
  CycleModel cycle_;  // of steps that have left steps_
  MetricCurve curve_;
  std::vector<Step> steps_;  // since the last change, oldest first
  std::optional<double> first_step_s_;
  std::optional<ProgressPoint> last_;
  std::optional<double> evaluation_since_s_;
  double paused_s_ = 0;  // inside the current interval
  double watched_ = 0;   // progress over which pauses were looked for
  PauseKind next_label_ = PauseKind::unlabelled;
  std::size_t speed_changes_ = 0;
  std::optional<double> last_change_;
  std::vector<EtaCheckpoint> checkpoints_;
  std::size_t next_checkpoint_ = 0;
};

}  // namespace galley::estimator
