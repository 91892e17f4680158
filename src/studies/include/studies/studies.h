#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/result.h"
#include "protocol/ids.h"
#include "store/database.h"

namespace galley::blobs {
class BlobStore;
}
namespace galley::controller {
class Controller;
}
namespace galley::tracking {
class Tracking;
}

namespace galley::studies {

class Shelf;
struct CurvesWanted;
struct StudyCurves;
struct StudyTable;
struct StudyTimeline;
struct TrialHistory;

enum class StudyState { running, stopping, finished, stopped };
std::string_view to_string(StudyState state);

/// How far a study is, in a line of a list.
struct StudySummary {
  std::int64_t trials = 0;
  std::int64_t live = 0, stop = 0, dead = 0, ended = 0;  // its pools
  double gpu_seconds = 0;
  std::optional<std::int64_t> best{};  // number of the trial
  std::vector<double> best_values{};
};

/// What a study is, apart from its trials.
struct StudyRecord {
  StudyId id;
  std::string name;
  std::string team;
  std::string principal;
  StudyState state = StudyState::running;
  std::string reason;    // why it ended; while it runs, how its methods were chosen
  Json file;             // as it was accepted
  bool has_job = false;  // its trials are jobs; else others ask and tell
  WallTime created{};
  std::optional<WallTime> ended;
  std::optional<StudySummary> summary{};  // absent: it ended before summaries were kept
};

struct MeasureView {
  std::string name;
  bool maximise = true;
};

/// A finalist over its runs with several seeds; the first measure alone.
struct RacedTrial {
  std::int64_t trial = 0;
  std::int64_t runs = 1;
  double mean = 0;
  double low = std::numeric_limits<double>::quiet_NaN();   // 95 % interval of the mean; NaN with
  double high = std::numeric_limits<double>::quiet_NaN();  // one run
};

/// How far it is, and of how much.
struct StudyProgress {
  std::vector<MeasureView> measures{};
  std::string resource;     // what a trial's budget counts
  double max_resource = 1;  // the budget of a trial
  std::optional<std::int64_t> max_trials{};
  std::int64_t trials = 0;
  std::int64_t live = 0, stop = 0, dead = 0, ended = 0;  // its pools
  double gpu_seconds = 0;
  std::optional<std::int64_t> best;  // number of the trial
  std::vector<double> best_values{};
  Json best_params = nullptr;
  std::vector<RacedTrial> finalists{};  // the best first; empty until they are raced
};

/// A trial of another study that this one knew when it began: it guides its proposals, and is none
/// of its own.
struct KnownTrial {
  std::string study_id{};    // where it was run; empty in studies older than this
  std::string study_name{};  // as it is called; empty likewise
  std::int64_t number = -1;  // its number there; -1 likewise
  bool failed = false;
  Json params;
  double resource = 0;           // in this study's units; of its budget the same share as there
  std::vector<double> values{};  // one a measure of this study; empty where it failed
};

struct StudyDetails {
  StudyRecord record;
  StudyProgress progress;
  std::string methods{};  // how they were chosen
  // Why no trial of a study with a job runs though some should, and what would help; often empty.
  std::string obstacle{};
  std::string help{};
};

struct TrialView {
  std::int64_t number = 0;
  std::int64_t attempt = 1;
  std::string state;
  Json params;
  double resource = 0;
  double budget = 1;
  std::vector<double> values{};  // of the last report, one a measure
  std::string checkpoint{};
  std::string job_id{};                     // of the newest attempt
  std::string worker{};                     // who was given it, by ask
  std::string why{};                        // the last decision on it
  std::optional<std::int64_t> repeat_of{};  // of a finalist, with another seed
};

/// A trial to be carried out.
struct Order {
  std::int64_t trial = 0;
  std::int64_t attempt = 1;
  Json params;
  double budget = 1;         // in units of the study's resource
  std::string checkpoint{};  // to go on from; empty: from nothing
  double from_resource = 0;  // that the checkpoint was written at
  std::int64_t seed = 0;     // 0, or the number of a finalist's repetition
  std::string why{};
};

/// What became of a trial.
struct Told {
  enum class Kind { running, complete, failed, infeasible, released };
  std::int64_t trial = -1;
  std::optional<std::int64_t> attempt{};  // absent: the one of now
  Kind kind = Kind::complete;
  std::optional<double> resource{};  // absent: complete means the whole budget
  std::vector<double> values{};      // one a measure; NaN: none
  std::string checkpoint{};
  std::string reason{};
};

/// What the trial should do now.
struct Verdict {
  std::string state;     // of the trial
  bool goes_on = false;  // false: end it, write a checkpoint if you can, and tell `released`
  std::string why{};
};

struct NewStudy {
  std::string name{};
  std::string team = "default";
  std::string principal{};
  Json file;  // docs/hpo.md
};

/// What a study will take, before anything starts.
struct StudyPreview {
  struct Length {
    double mean_resource = 0;
    std::int64_t trials = 0;
  };
  std::vector<Length> lengths;  // the shortest first
  std::int64_t trials = 0;
  double gpu_hours = 0;
  double hours = 0;        // until it ends
  std::int64_t slots = 1;  // trials at once
  double seconds_per_resource = 1;
  std::string seconds_from;  // how that is known
  std::string resource;
  std::string ends_by;
  std::string gpu_type{};   // of the nodes, where they agree
  std::string why;          // how its methods were chosen
  bool is_endless = false;  // nothing ends it: these are its first part
};

/// What a caller knows better than the installation.
struct PreviewWishes {
  std::optional<std::int64_t> gpus{};
  std::optional<double> seconds_per_resource{};
};

/// As the API tells it.
Json to_json(const StudyPreview& preview);
/// Without an installation: on one machine with `cpus` processors, or on the GPUs that `wishes`
/// names (else those of one trial). Pure. Errors: those of Studies::preview.
Result<StudyPreview> preview_alone(const Json& file, const PreviewWishes& wishes,
                                   std::int64_t cpus);

/// How much each parameter matters.
struct StudyImportance {
  std::vector<std::pair<std::string, double>> alone;  // the most important first
  struct Pair {
    std::string first, second;
    double share = 0;
  };
  std::vector<Pair> pairs;
  std::int64_t trials = 0;
  std::int64_t known = 0;  // of these, trials of other studies that it began with
};

/// The studies of an installation. Trials of a study with a job are run as jobs of the idle class;
/// those of others are asked for and told by whoever likes, from any language.
///
/// Every answer is durable. Asking again under the same worker's name gives the trial that it
/// holds, so that a lost answer or a killed worker loses no trial.
///
/// Thread-safe; one thread of its own for jobs. What it is made of must outlive it.
class Studies {
 public:
  /// Reads the studies that run. Errors: the store's, corrupt.
  static Result<std::unique_ptr<Studies>> open(store::Database& database,
                                               controller::Controller& controller,
                                               tracking::Tracking& tracking, const Clock& clock,
                                               IdSource& ids);
  /// As stop().
  ~Studies();
  /// No more jobs are started or cancelled by us. Before the controller stops.
  void stop();
  /// From now on the content of checkpoints is freed that no trial of a study can go on from.
  /// Once; the blobs must outlive it.
  void free_checkpoints_of(blobs::BlobStore& blobs);

  /// Errors: invalid_argument with the path in the file.
  Result<StudyDetails> create(NewStudy study);
  /// Newest first, those before `cursor`.
  struct Page {
    std::vector<StudyRecord> studies;
    std::string next_cursor;
  };
  Result<Page> list(std::int64_t limit, std::string_view cursor = {}) const;
  /// By id, or the newest of that name. Errors: not_found.
  Result<StudyDetails> get(std::string_view study) const;
  /// Its team alone, which costs nothing. Errors: not_found.
  Result<std::string> team_of(std::string_view study) const;
  /// By number from `from` on, at most `limit`.
  Result<std::vector<TrialView>> trials(std::string_view study, std::int64_t from,
                                        std::int64_t limit) const;

  /// What it began with, in the order of the studies that it names. Errors: not_found.
  Result<std::vector<KnownTrial>> known(std::string_view study) const;

  /// The pace is that of the newest study of the same name, where there is one.
  /// Errors: those of create(), invalid_argument (too few GPUs).
  Result<StudyPreview> preview(const NewStudy& study, const PreviewWishes& wishes) const;
  /// Errors: not_found, invalid_argument (too few trials have reported).
  Result<StudyImportance> importance(std::string_view study) const;

  // What charts show of a study: studies/study_charts.h.
  Result<StudyTable> table(std::string_view study) const;
  Result<StudyCurves> curves(std::string_view study, const CurvesWanted& wanted) const;
  Result<StudyTimeline> timeline(std::string_view study) const;
  Result<TrialHistory> trial(std::string_view study, std::int64_t number) const;
  /// Those in which anything happened since the last call.
  std::vector<StudyId> take_changed();

  /// Up to `count` trials to carry out; fewer, or none, when the study waits for results first.
  /// Errors: not_found, conflict (it is over, or its trials are jobs).
  Result<std::vector<Order>> ask(std::string_view study, std::int64_t count,
                                 const std::string& worker);
  /// What contradicts the state (a trial that has ended, an attempt that is over) changes nothing.
  /// Errors: not_found (study, trial), conflict (its trials are jobs), invalid_argument (values).
  Result<Verdict> tell(std::string_view study, const Told& told);
  /// Its trials are let go. Errors: not_found. A study that has ended stays as it is.
  Result<StudyDetails> end(std::string_view study, const std::string& principal);

 private:
  struct Impl;
  explicit Studies(std::unique_ptr<Impl> impl);
  Shelf& shelf() const;
  store::Database& database() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::studies
