#pragma once

#include <cstdint>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

/// Whether a population beats the best fixed setting of a random search with equal compute.
struct PbtGate {
  double gain = 0;       // mean, in decades of the loss
  double p = 1;          // one-sided sign test over the worlds
  double bit_equal = 0;  // share of the best members' lineages that replay to the same bits
};
Result<PbtGate> run_pbt_gate(std::int64_t seeds);

struct ScaleBenchOptions {
  std::int64_t seeds = 20;  // worlds, from seeds 1 to that; at least 6 for the test of PBT
};

/// `galley bench hpo-scale`: hours to a target for random, PBT, ASHA, TPE, GP and `auto` with 1, 4,
/// 16 and 64 workers on one simulated clock, in worlds where a schedule of the learning rate pays
/// (ScheduleWorld). The target is what one in a hundred random settings reaches with a fixed rate.
///
/// Figures: hours_METHOD_wN (median over worlds), auto_gap_pct (how much longer auto's geometric
/// mean of hours is than the best method's, at the width where that is worst; below 0: shorter),
/// order_changes (neighbouring widths with another best method), and the gate of PBT:
/// pbt_over_fixed (mean gain of its best final measure over the best fixed setting that random
/// search finds with equal compute, in decades of the loss), pbt_over_fixed_p (sign test),
/// lineages_bit_equal (share of lineages that replay to the same bits).
Result<BenchReport> run_scale_bench(const ScaleBenchOptions& options);

}  // namespace galley::bench
