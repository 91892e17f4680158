#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/ids.h"
#include "scheduler/plan.h"

namespace galley::scheduler {

/// What is known when a job has to wait. All of it is a hint.
struct StartFeatures {
  std::string team;
  std::int64_t gpus = 0;             // of the whole job
  std::optional<Millis> reserved;    // from now to the start that is reserved for it
  std::int64_t jobs_ahead = 0;       // in the whole queue
  std::int64_t team_jobs_ahead = 0;  // of its own team
  bool operator==(const StartFeatures&) const = default;
};

/// Says when a waiting job will start: a typical time, and an interval that is meant to hold four
/// starts of five (one in ten comes earlier, one in ten later).
///
/// The point prediction is the geometric mean of four hints: the reservation, how long jobs like it
/// waited lately, and how long the queue and the team's part of it take at the rate at which jobs
/// have been starting. (Weights that are fitted to past starts did worse on the Philly replay:
/// under a growing load every start tells of a queue that was shorter.) The interval is adaptive
/// conformal inference (Gibbs and Candes, NeurIPS 2021): quantiles of the prediction's recent
/// errors, in logarithms, at levels that move after every start, so that the share of misses on
/// each side goes to a tenth even when the load drifts. Departures: each side has a level of its
/// own; a level below 0 widens the interval past the largest error seen; a job that still waits at
/// the late end counts as a miss at that moment, not when it finally starts.
///
/// Pure, deterministic, not thread-safe. O(log jobs + window) a call.
class StartEstimator {
 public:
  StartEstimator();

  /// What would be said of such a job; remembers nothing.
  StartEstimate estimate(const StartFeatures& features, WallTime now) const;
  /// Says it and remembers it until the job starts or is forgotten. A job that was told already is
  /// told anew; what counts for learning is what it was told first.
  StartEstimate promise(const JobId& job, const StartFeatures& features, WallTime now);
  /// For every job of the team that starts, promised or not: how often that happens is a hint too.
  void started(const JobId& job, const std::string& team, WallTime now);
  /// It was cancelled: nothing can be learnt from it.
  void forget(const JobId& job);

  /// What was learnt, without the promises that are open: enough to estimate with.
  StartEstimator without_promises() const;

  /// The share of promises that held, over the last `kRecent` that were decided; 1 for none.
  double recent_coverage_ratio() const;

  /// What was learnt, as JSON; promises that are open are not part of it.
  std::string dump() const;
  /// Errors: invalid_argument.
  static Result<StartEstimator> parse(std::string_view text);

  static constexpr std::size_t kRecent = 500;
  static constexpr std::size_t kWindow = 400;  // errors that a bucket remembers

 private:
  /// Recent errors of one kind of prediction, and the levels of its two ends.
  struct Bucket {
    std::vector<double> errors;  // a ring
    std::size_t next = 0;
    double low_level = 0.1;
    double high_level = 0.1;
  };
  struct Promise {
    StartEstimate said;
    WallTime at{};
    double predicted = 0;  // logarithm of the wait
    std::size_t bucket = 0;
    bool missed = false;  // already counted as too late
    StartFeatures features;
  };

  double predict(const StartFeatures& features, WallTime now) const;
  std::size_t bucket_of(const StartFeatures& features, double predicted) const;
  const Bucket& bucket_for(std::size_t bucket) const;
  StartEstimate interval(double predicted, std::size_t bucket, WallTime now) const;
  void pass_time(WallTime now);
  void settle_late(Promise& promise);
  void note(bool kept);

  static constexpr std::size_t kBuckets = 8;
  std::array<Bucket, kBuckets> buckets_;
  Bucket all_;  // stands in for a bucket that has seen too little
  /// How often jobs start: a count that fades away by half in kRateHalfLife.
  struct Rate {
    double count = 0;
    WallTime at{};
    void add(WallTime now);
    double per_s(WallTime now) const;
  };
  Rate starts_;
  std::map<std::string, Rate, std::less<>> starts_of_team_;
  std::map<std::pair<std::string, std::int64_t>, double> recent_of_team_;  // by size class
  std::map<std::int64_t, double> recent_of_size_;
  std::map<JobId, Promise> open_;
  std::set<std::pair<WallTime, JobId>> late_;  // open ones by the end of their interval
  std::vector<std::uint8_t> kept_;             // a ring of kRecent
  std::size_t next_kept_ = 0;
};

}  // namespace galley::scheduler
