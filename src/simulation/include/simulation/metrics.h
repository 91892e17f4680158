#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/replay.h"

namespace galley::simulation {

/// Jobs by their GPUs. 0: those without; the classes are those of the published replays.
inline constexpr std::array<std::string_view, 5> kSizeClasses{"0", "1", "2-4", "5-8", "9+"};

struct SizeFigures {
  std::int64_t jobs = 0;
  double jct_p50_s = 0, jct_p90_s = 0, jct_p99_s = 0;
  double mean_wait_s = 0, p90_wait_s = 0, p99_wait_s = 0;
};

/// A job waited longer in the shared cluster than it would have in its team's own part of it.
struct Anomalies {
  std::int64_t count = 0;  // of more than 60 s
  double max_s = 0;
  double sum_s = 0;  // over all that waited longer at all
  std::vector<std::int64_t> count_by_team;
};

struct Metrics {
  std::int64_t jobs = 0;
  std::int64_t jobs_refused = 0;
  double mean_jct_s = 0, jct_p50_s = 0, jct_p90_s = 0, jct_p99_s = 0;
  double mean_wait_s = 0, p90_wait_s = 0;
  double p99_wait_16plus_s = 0;
  std::array<SizeFigures, 5> by_size;
  double utilisation_pct = 0;
  double fragmentation_pct = 0;
  std::int64_t preemptions = 0;
  double lost_gpu_hours = 0;
  double fairness = 0;  // Jain's index over the teams' mean slowdown; 1: all alike
  Anomalies sharing_anomalies;
  std::optional<double> start_interval_coverage_pct;  // where the policy promises
  double makespan_s = 0;
  double decisions = 0;
  double cpu_seconds = 0;
};

/// How long each job waits in a cluster that is its team's own: only the team's cells, only its
/// urgent and normal jobs, strictly in the order of class and acceptance. Absent for jobs that
/// those cells can never hold, for the idle class, and where nothing is guaranteed.
Result<std::vector<std::optional<Millis>>> private_waits(const Workload& workload);

/// Wait = finish - submission - duration, so that lost work counts.
Metrics measure(const Workload& workload, const Outcome& outcome,
                const std::vector<std::optional<Millis>>& private_waits);

/// Value below which that share of the values lies; linear between neighbours; 0 for none.
double quantile(std::vector<double>& values, double share);

}  // namespace galley::simulation
