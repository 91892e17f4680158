#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct FaultsBenchOptions {
  std::filesystem::path data = "data/faults";
  std::int64_t seeds = 10;  // replays of each case, with the seeds 1 to that; at least 1
};

/// `galley bench faults`: recorded texts of nvidia-smi and the kernel log, replayed with random
/// mutations (which GPU, when, how the texts are set) through the agent's sampler and parsers and
/// the controller's judge and state machine, on a virtual clock with a look every 5 s. The machine
/// is one of twenty, all of whose GPUs are in use.
///
/// Figures: cases (replays), recorded (files), hardware_cases, hardware_recall_pct (replays of a
/// hardware fault in which what is faulty was taken out), false_exclusions (anything else that was
/// taken out), exclusion_s_max and _p50 (from the onset to out of service; a doubt's onset is when
/// it has lasted for a minute).
Result<BenchReport> run_faults_bench(const FaultsBenchOptions& options);

}  // namespace galley::bench
