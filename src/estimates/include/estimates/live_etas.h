#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "estimator/progress.h"
#include "protocol/ids.h"
#include "protocol/job_eta.h"
#include "protocol/records.h"
#include "tracking/records.h"

namespace galley::controller {
class Controller;
}
namespace galley::tracking {
class Tracking;
}

namespace galley::estimates {

/// What was known of a job before it began.
struct LivePrior {
  std::optional<estimator::Spread> step_s{};   // seconds a step
  std::optional<estimator::Spread> total_s{};  // seconds in all; where there is none a step
  double usd_per_hour = 0;                     // of all that the job holds; 0: not known
};

/// How well remaining times came true: errors of those given when a quarter was done, as a share.
struct EtaErrors {
  static constexpr std::array<double, 8> kBounds{.01, .02, .05, .1, .15, .25, .5, 1};
  std::array<std::int64_t, kBounds.size() + 1> counts{};  // by the least bound; then more
  double sum = 0;
};

/// Follows the progress of every job that runs, and of every other run that records points, and
/// says when it will be done: to whoever asks, and of jobs to the scheduler (when nine of ten would
/// have ended). What it knows is in the records of the runs: after a restart it is
/// read there, as are the earlier runs of a program (jobs of the same team, name and command that
/// succeeded), by which estimates are corrected and an end that nobody has named is predicted.
///
/// Thread-safe. One thread, which looks every two seconds at what has changed. Memory: at most
/// kMostRuns runs, some 100 KiB each.
class LiveEtas {
 public:
  static constexpr Millis kPace{2'000};
  static constexpr std::size_t kMostRuns = 4'096;

  using PriorOf = std::function<LivePrior(const protocol::JobRecord&)>;
  using Tell = std::function<void(const JobId&, const protocol::JobEta&)>;

  /// All arguments must outlive it. `prior_of` may be empty; it is called on the thread.
  LiveEtas(controller::Controller& controller, tracking::Tracking& tracking, const Clock& clock,
           PriorOf prior_of = {});
  ~LiveEtas();

  /// Points that were stored. Any thread; quick.
  void observe(const RunId& run, std::span<const tracking::MetricPoint> points);

  /// Whom to tell of a job's new estimate, at most once in two seconds for each; called on the
  /// thread. Empty: nobody, and no call is under way any more.
  void tell(Tell tell);

  /// Of a job that runs; nothing while there is neither progress nor an estimate from before.
  std::optional<protocol::JobEta> eta(const JobId& job);
  /// Of any run that has not ended; reads its record where it is not followed yet. Errors:
  /// not_found, conflict (it has ended).
  Result<protocol::JobEta> eta(const RunId& run);

  struct Current {
    JobId job;
    protocol::JobEta eta;
  };
  /// Of all jobs that are followed, at most `most`.
  std::vector<Current> current(std::size_t most);

  /// By the number of GPUs: none, one, several.
  std::array<EtaErrors, 3> errors() const;

  /// Looks now, on this thread; for tests.
  void look();
  /// Ends the thread. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::estimates
