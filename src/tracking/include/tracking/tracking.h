#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "store/database.h"
#include "tracking/log_batch.h"
#include "tracking/point_batch.h"
#include "tracking/records.h"
#include "tracking/run_question.h"
#include "tracking/search.h"

namespace galley::tracking {

// For callers that record something of their own in the same transaction.

/// Errors: invalid_argument (name, experiment), conflict (the id exists).
Status create_run(store::Transaction& transaction, const NewRun& run);
/// Ending a run again the same way is no error. Errors: not_found, conflict (it ended otherwise).
Status finish_run(store::Transaction& transaction, const RunId& run, RunState state, WallTime at);
/// A change by the run's own program: a run may end anew, and go on after its end. Settles what
/// waits where the run ends. Errors: not_found, invalid_argument (name).
Status change_run(store::Transaction& transaction, const RunId& run, const RunChange& change,
                  WallTime at);
/// Ends a job's run whatever its program has said, except that a failure that it reported stays;
/// runs that it made and left running end likewise. Errors: not_found.
Status end_run_of_job(store::Transaction& transaction, const RunId& run, RunState state,
                      WallTime at);
/// Hides a run, or brings it back. Errors: not_found.
Status delete_run(store::Transaction& transaction, const RunId& run, bool deleted, WallTime at);
/// Errors: not_found (run or tag).
Status delete_tag(store::Transaction& transaction, const RunId& run, const std::string& key,
                  WallTime at);
/// All of the parameters are written, or none. Errors: not_found, conflict (another value is there;
/// names both), invalid_argument, too_large.
Status log_params(store::Transaction& transaction, const RunId& run,
                  std::span<const KeyValue> params, WallTime at);
/// Errors: not_found, invalid_argument, too_large.
Status set_tags(store::Transaction& transaction, const RunId& run, std::span<const KeyValue> tags,
                WallTime at);
/// Errors: not_found.
Result<RunRecord> read_record(store::Transaction& transaction, const RunId& run);
/// In the order of the runs. Cost: three or four statements for each 200 runs.
Result<std::vector<RunRecord>> read_records(store::Transaction& transaction,
                                            std::span<const Run> runs, bool with_metrics);
/// Appends in the order given; a finished run still takes the points that were on their way.
/// Cost: one row of some 12 bytes a point. Some of the calls also settle what waits of the run.
/// Errors: not_found (run), invalid_argument (key), too_large (kMaxSeries).
Status append_points(store::Transaction& transaction, const RunId& run,
                     std::span<const MetricPoint> points);
/// Moves the points that wait, a row for each call, into their series' chunks. Happens by itself
/// when they have become many, and when the run ends. Readers see waiting points as they see
/// others. Cost: per series one read and one write of its last chunk (at most 12 KiB), plus the
/// full ones. Errors: corrupt (nothing is written then).
Status settle_points(store::Transaction& transaction, const RunId& run);
/// Registering a path again replaces it. Errors: not_found (run), invalid_argument, too_large.
Status add_artifact(store::Transaction& transaction, const RunId& run, const Artifact& artifact);

/// The records of runs. Each write is one durable transaction and, except for metrics, appends an
/// event of kind "run". Thread-safe; the arguments of the constructor must outlive it.
class Tracking {
 public:
  Tracking(store::Database& database, const Clock& clock, IdSource& ids)
      : database_(database), clock_(clock), ids_(ids) {}

  /// Told of points once they are stored by the calls below, of a large batch only some. Called on
  /// any thread; must be quick. Set before the first call.
  using PointsListener = std::function<void(const RunId&, std::span<const MetricPoint>)>;
  void on_points(PointsListener listener) { on_points_ = std::move(listener); }

  Result<Run> create_run(const std::string& name, const std::string& experiment,
                         const std::string& job_id = {});
  Status finish_run(const RunId& run, RunState state);

  /// A parameter is written once: the same value again is no error, another value is a conflict
  /// that names both. All of the call's parameters are stored or none.
  Status log_params(const RunId& run, std::span<const KeyValue> params);
  /// Replaces values of tags that exist.
  Status set_tags(const RunId& run, std::span<const KeyValue> tags);
  Status log_metrics(const RunId& run, std::span<const MetricPoint> points);
  /// The same without waiting: the batch is packed on the caller's thread, and `done` is called on
  /// the store's writer thread once it is durable or has failed.
  void log_batch(const RunId& run, PointBatch batch, store::Database::Done done);
  /// All that one call reports, in one transaction; `also` runs first in it and may refuse it.
  /// Errors: those of append_points(), log_params() and set_tags(); invalid_argument (the run is
  /// deleted).
  void log_call(const RunId& run, LogBatch batch, store::Database::Command also,
                store::Database::Done done);
  /// See settle_points(); all runs', passing over damaged ones.
  Status settle(const RunId& run);
  Status settle_all();
  Status add_artifact(const RunId& run, const Artifact& artifact);

  /// Errors: not_found.
  Result<RunDetails> get(const RunId& run) const;
  /// In the order of the runs.
  Result<std::vector<RunRecord>> records(std::span<const Run> runs) const;
  /// Newest first, without deleted ones. Errors: invalid_argument (a cursor that is none).
  Result<RunPage> list(const RunFilter& filter, std::int64_t limit,
                       std::string_view cursor = {}) const;
  /// A page of the runs that fulfil all conditions, in an order; metrics compare by their newest
  /// value. What waits is settled first where metrics are asked for. 100,000 runs of 50 metrics
  /// answer within 50 ms (`galley bench tracking`), unless conditions that many runs fulfil one by
  /// one are fulfilled by hardly any together: then all runs are looked at.
  /// Errors: invalid_argument (cursor, order, like on a number), too_large.
  Result<RunPage> search(const RunSearch& search);
  /// What the list of runs is asked in the words of a filter. Runs without the value of the order
  /// come last, newest first. A parameter or tag compared with a number fulfils nothing unless it
  /// is one; ordered, numbers come before other texts. What search() can answer is answered by it,
  /// within its times; the rest (`or`, `not`, `in`, numbers in parameters, offsets) by a statement
  /// of its own, which may look at every run: some 0.1 to 0.3 s at 100,000. Settles points that
  /// wait where metrics matter. Errors: invalid_argument (filter, order, cursor, offset).
  Result<RunAnswer> find(const RunQuestion& question);
  /// By key. Errors: not_found (run).
  Result<std::vector<SeriesSummary>> series(const RunId& run) const;
  /// The series ordered by step (equal steps as reported), thinned to at most `max_points` by
  /// downsample(). Of a series with more than 128 times as many points only previews are read: a
  /// spike stays, and moves by a fourth of a stretch at most. 1,000,000 points to 2,000 within
  /// 20 ms (`galley bench tracking`). Errors: not_found (run or series), corrupt.
  Result<std::vector<Point>> points(const RunId& run, std::string_view key,
                                    std::size_t max_points) const;
  /// By path. Errors: not_found (run).
  Result<std::vector<Artifact>> artifacts(const RunId& run) const;

 private:
  store::Database& database_;
  const Clock& clock_;
  IdSource& ids_;
  PointsListener on_points_;
};

/// At most `max_points` (at least 4) of the points: the first, the last, and the least and greatest
/// value of equal stretches between, so that no spike disappears from a plot. A value that is not
/// a number is kept only where a stretch has nothing else. O(points).
std::vector<Point> downsample(std::span<const Point> points, std::size_t max_points);

}  // namespace galley::tracking
