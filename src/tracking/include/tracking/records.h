#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "protocol/ids.h"
#include "store/database.h"
#include "tracking/chunk.h"

namespace galley::tracking {

enum class RunState { running, finished, failed, killed };
std::string_view to_string(RunState state);
/// Errors: invalid_argument, with the four words.
Result<RunState> parse_run_state(std::string_view word);

// A run is a stranger's program talking to our database: all that it can say is bounded.
inline constexpr std::size_t kMaxKeyBytes = 250;
inline constexpr std::size_t kMaxExperimentBytes = 500;
inline constexpr std::size_t kMaxValueBytes = 8000;
inline constexpr std::size_t kMaxParams = 5000;  // of one run; the same for tags
inline constexpr std::size_t kMaxSeries = 5000;  // of one run
inline constexpr std::size_t kMaxArtifacts = 10'000;

struct NewRun {
  RunId id;
  std::string name;
  std::string experiment;
  std::string job_id;  // empty when no job of ours runs it
  WallTime created{};
  std::string user{};       // who runs it, as its client says
  std::string owner_run{};  // of the job that makes it from within; empty for others
};

struct Run {
  RunId id;
  std::string name;
  std::string experiment;
  std::string job_id;
  RunState state = RunState::running;
  WallTime created{};
  std::optional<WallTime> ended;
  std::string user{};
  std::string owner_run{};
  std::optional<WallTime> deleted{};  // it can come back
};

using KeyValue = std::pair<std::string, std::string>;

struct RunDetails {
  Run run{};
  std::vector<KeyValue> params;  // by key
  std::vector<KeyValue> tags;    // by key
};

/// What a program says of its run; absent is unchanged.
struct RunChange {
  std::optional<RunState> state{};
  std::optional<WallTime> ended{};  // now, for a state that ends the run and says no time
  std::optional<std::string> name{};
};

/// One reported value of one metric.
struct MetricPoint {
  std::string key;
  std::int64_t step = 0;
  double value = 0;  // finite or not
  std::int64_t at_ms = 0;
};

/// All that is known of a run but for its points and files.
struct RunRecord {
  Run run{};
  std::vector<KeyValue> params{};      // by key
  std::vector<KeyValue> tags{};        // by key
  std::vector<MetricPoint> metrics{};  // the newest of each, by key
};

/// What is known of a series without reading its points.
struct SeriesSummary {
  std::string key;
  std::int64_t count = 0;
  // Of the newest point: that of the greatest step, of those the one of the latest time, and of
  // those the greatest.
  std::int64_t last_step = 0;
  double last_value = 0;
  WallTime last_at{};
  double min_value = 0;  // over the values that are numbers; NaN when there is none
  double max_value = 0;
};

enum class ArtifactKind { file, folder, checkpoint };
std::string_view to_string(ArtifactKind kind);
Result<ArtifactKind> parse_artifact_kind(std::string_view word);

struct Artifact {
  std::string path;  // as the run named it: relative, no ".."
  ArtifactKind kind = ArtifactKind::file;
  std::string manifest_sha256;  // of the frozen content
  std::int64_t size_bytes = 0;
  WallTime created{};
  std::optional<std::int64_t> step{};  // of the numbers that it belongs to, where that is known
};

struct RunFilter {
  std::string experiment;  // empty: all
  std::string job_id;      // empty: all
  std::string where_sql;   // from store::Filter, over the columns of runs; empty: all
  std::vector<store::Value> where_parameters{};  // its :1, :2, …
};

struct RunPage {
  std::vector<Run> runs;    // newest first
  std::string next_cursor;  // empty at the end
};

}  // namespace galley::tracking
