#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "simulation/metrics.h"
#include "simulation/policy.h"
#include "simulation/replay.h"
#include "simulation/workload.h"

namespace galley::simulation {

struct SimulateOptions {
  std::vector<std::string> policies;
  PolicyOptions policy;
  unsigned threads = 0;  // 0: one for each core
  /// Called about ten times a second from the caller's thread with 0 to 1; may be empty.
  std::function<void(double ratio)> progress;
};

struct PolicyRun {
  std::string policy;
  Outcome outcome;
  Metrics metrics;
};

struct Simulation {
  Workload workload;
  std::vector<PolicyRun> runs;  // in the order asked for
  double seconds = 0;           // all of it, by the wall clock
};

/// Replays the workload under each policy, several at once. Equal inputs give equal results,
/// whatever the number of threads.
/// Errors: invalid_argument for a policy that is unknown, named twice or none at all; internal,
/// naming the policy, when it breaks a rule of the replay.
Result<Simulation> simulate(Workload workload, const SimulateOptions& options);

/// How much of the way from fifo-skip to sjf-exact a mean completion time is, percent; nothing
/// unless both were replayed and differ.
std::optional<double> backfill_gap_closed_pct(const Simulation& simulation, double mean_jct_s);

/// {"trace", "jobs", "jobs_left_out", "cluster", "policies": {NAME: {mean_jct_s, ...}}, "seconds"}
Json to_json(const Simulation& simulation);
Json to_json(const Metrics& metrics, const std::vector<std::string>& teams);

/// The same as one page of HTML that needs nothing but itself: a table, and plots of use, queue,
/// completion times, waits and anomalies.
std::string to_html(const Simulation& simulation);

}  // namespace galley::simulation
