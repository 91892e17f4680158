#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/job_spec.h"

namespace galley::simulation {

/// Position in Trace::jobs.
enum class JobIndex : std::uint32_t {};
/// Position in Trace::teams.
enum class TeamIndex : std::uint16_t {};

/// What was asked for, when, and how long it ran once it had its GPUs.
struct Job {
  WallTime submit{};
  Millis duration{0};
  TeamIndex team{};
  protocol::PriorityClass priority_class = protocol::PriorityClass::normal;
  /// As in a job file: what each of `nodes` nodes gives.
  std::int32_t gpus = 0;
  std::int32_t nodes = 1;
  /// The trace names only a total, so that `gpus` may be more than any node has: it is then cut
  /// into whole nodes and a rest.
  bool may_be_cut = false;
  std::int32_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::string gpu_type;  // words that the GPU's name contains; empty: any
  /// When it really started, where the trace knows.
  std::optional<WallTime> started{};
};

/// Jobs by rising time of submission; their order is the order of acceptance.
struct Trace {
  std::string name;
  std::vector<std::string> teams;  // sorted
  std::vector<Job> jobs;
};

/// Part of the history that is to be read; both ends are open unless stated.
struct Window {
  WallTime from = WallTime::min();
  WallTime to = WallTime::max();
};

/// Reads a trace by what it is:
///   a folder with philly_jobs.csv        timestamp,duration,num_gpus,gpu_time,cluster
///   a folder with openb_pod_list_*.csv   pods with creation_time and deletion_time (`workload`
///                                        names one of them when there are several)
///   *.csv                                either form, by its header
///   *.json, *.jsonl, *.ndjson            what `galley jobs --json` prints: one document
///                                        {"items": [...]}, a list, or one job a line
/// No row is skipped or repaired, except jobs of our own history that never ran or have not ended:
/// they have no duration.
/// Errors: not_found; invalid_argument "FILE:LINE: column: found; expected ..."; too_large.
Result<Trace> read_trace(const std::filesystem::path& path, const Window& window = {});

/// The same from bytes; `file` is for the errors.
Result<Trace> parse_philly(std::string_view file, std::string_view bytes);
Result<Trace> parse_openb(std::string_view file, std::string_view bytes);
Result<Trace> parse_history(std::string_view file, std::string_view bytes);

/// The jobs submitted in the window. Errors: invalid_argument when none is left.
Result<Trace> cut(Trace trace, const Window& window);

}  // namespace galley::simulation
