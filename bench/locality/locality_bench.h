#pragma once

#include <cstdint>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct LocalityBenchOptions {
  std::int64_t seeds = 20;  // worlds, with the seeds 1 to that; at least 1
};

/// `galley bench locality`: what knowing where images and data sets are is worth. The same jobs go
/// to 64 nodes of 8 GPUs twice, through the scheduler's own Placer both times: once told each
/// node's start delay (the bytes it lacks at 200 MB/s), once not ("blind"). Each node keeps 1 TB of
/// what it used last; a job that fits nowhere when it arrives is dropped; delays do not lengthen
/// jobs, so that both runs offer the same work. The first fifth of the jobs only warms the caches.
///
/// Figures: start_delay_reduction_pct (of the mean over started jobs), allocation_lost_points (time
/// average of the GPUs in use, as per cent of all, blind minus told), start_delay_s, allocated_pct.
/// Peer: blind, with the last two.
Result<BenchReport> run_locality_bench(const LocalityBenchOptions& options);

}  // namespace galley::bench
