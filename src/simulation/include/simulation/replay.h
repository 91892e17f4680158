#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "simulation/policy.h"
#include "simulation/workload.h"

namespace galley::simulation {

/// What became of a job.
struct JobOutcome {
  bool refused = false;  // the policy would never have started it; nothing else is set
  WallTime first_start{};
  WallTime finish{};
  std::int32_t preemptions = 0;
  Millis lost{0};  // time it ran in vain
  std::optional<Promise> promise;
  bool waited = false;  // it did not start at the instant of its submission
};

/// Averages over equal slices of the time between the first submission and the last finish.
struct Slices {
  WallTime begin{};
  Millis width{0};
  std::vector<double> busy_gpus;
  std::vector<double> waiting_jobs;
};

struct Outcome {
  std::vector<JobOutcome> jobs;  // as in the trace
  Slices slices;
  // Averages while jobs arrived: from the first submission to the last one.
  double utilisation_ratio = 0;
  /// Share of all GPUs that lay idle although the typical job, by GPU time, could not use them.
  double fragmentation_ratio = 0;
  std::int64_t decisions = 0;
  double cpu_seconds = 0;  // of this replay
};

/// Replays the trace against a virtual clock until every job has finished. Checks every start
/// itself: a GPU given twice, or a job that waits for ever, is an error of the policy.
/// `finished` counts jobs, for a progress bar on another thread; may be null.
/// Errors: internal, naming the policy's fault.
Result<Outcome> replay(const Workload& workload, Policy& policy,
                       std::atomic<std::int64_t>* finished = nullptr);

}  // namespace galley::simulation
