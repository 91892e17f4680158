#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct PlacementBenchOptions {
  std::filesystem::path trace;       // laid out as data/traces/openb
  std::string workload = "default";  // DIR/openb_pod_list_WORKLOAD.csv
  std::int64_t seeds = 20;           // replays, with the seeds 1 to that; at least 2
};

/// `galley bench placement`: how much of a cluster's GPUs each policy has allocated when 100 and
/// 130 % of them have been asked for, on the same arrivals for all. Nothing ends and nothing moves;
/// what fits nowhere is dropped. All cores are used; progress goes to stderr.
///
/// Figures: allocated_pct_100, allocated_pct_130 (means over the seeds); gain_over_fgd_points and
/// gain_ci_low_points (at 130 %, paired by seed: the mean difference and the lower end of its 95 %
/// Student interval); permuted_order_shift_points (how far the mean moves when each seed also
/// shuffles the order of the nodes); decisions_per_s (by processor time of one core) and
/// decision_p99_us (wall time), choosing and taking. Peers: random, bestfit, packing, dotprod, fgd,
/// with the same names; their speed is that of our versions. Errors: reading; invalid_argument for
/// fewer than two seeds or a cluster without GPUs.
Result<BenchReport> run_placement_bench(const PlacementBenchOptions& options);

}  // namespace galley::bench
