#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace galley::estimator {

/// What the data of a run alone said at one point of it.
struct EtaCheckpoint {
  double progress_ratio = 0;   // done of all, 0 to 1
  double elapsed_s = 0;        // since the start
  double remaining_s = 0;      // as estimated from the run's own steps and pauses
  double first_log_ratio = 0;  // first interval over the typical one: how long it warmed up
  double pause_log_ratio = 0;  // mean step with pauses over the typical one
  std::optional<double> prior_log_ratio{};  // step time expected beforehand over the one seen
};

/// What is kept of a finished run for the estimates of later ones: at most 44 checkpoints.
struct EtaProfile {
  double total_progress = 0;
  double total_s = 0;
  std::vector<EtaCheckpoint> checkpoints;
};

/// How earlier runs of a program say that an estimate from data alone has to be corrected.
struct EtaCorrection {
  double log_shift = 0;  // the estimate times exp of it is the new median
  double log_p10 = 0;    // and of these, the interval
  double log_p90 = 0;
  double effective_runs = 0;  // earlier runs, by their likeness to this one
  bool knows_prior = false;   // the earlier runs had a prior too, so its worth is in the shift
};

/// The finished runs of one program, and what its estimates were worth at every stage.
///
/// A program's early steps do not show what comes later: evaluation that starts with epoch 1,000,
/// a data loader that is filled anew at each epoch, a learning rate schedule, batches that grow.
/// Its earlier runs do. At the same share of progress, their true remaining time over what their
/// own data then promised is regressed (local in size, by least absolute deviations, with a ridge)
/// on what sets runs apart: estimated remaining time, number of steps, length of the warm-up,
/// weight of the pauses, and the step time expected beforehand. Residuals give the interval.
///
/// Keeps the newest 256 runs. `correct` costs O(runs); const functions are safe from any thread.
class EtaHistory {
 public:
  void add(EtaProfile profile);
  std::size_t runs() const { return profiles_.size(); }

  /// Nothing with fewer than three runs to learn from.
  std::optional<EtaCorrection> correct(const EtaCheckpoint& now, double total_progress) const;

 private:
  std::vector<EtaProfile> profiles_;
};

}  // namespace galley::estimator
