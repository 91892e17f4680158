#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct SlurmBenchOptions {
  std::filesystem::path programs;  // the folder of galley and galley-job
  std::int64_t clients = 8;        // that submit at once, of either kind
  std::int64_t rounds = 3;
  std::int64_t seconds = 3;   // of one measurement
  std::int64_t samples = 15;  // jobs of each kind in a round, one after the other
};

/// `galley bench slurm`: Galley's own scheduler and agent beside a real Slurm (Debian's, started
/// for the run with one node, and told to schedule at once), in turns on this machine.
///
/// Figures, medians over the rounds: submit_jobs_per_s (as many clients over HTTP as sbatch
/// processes; jobs that may not start, so that nothing but acceptance runs), submit_to_start_ms
/// (one job at a time that prints the time, from before the request to that time), and the same of
/// the peer `slurm`; submit_ratio (ours to Slurm's) and submit_to_start_ratio. Errors: not_found
/// (Slurm is not installed).
Result<BenchReport> run_slurm_bench(const SlurmBenchOptions& options);

}  // namespace galley::bench
