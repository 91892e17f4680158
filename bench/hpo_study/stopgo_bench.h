#pragma once

#include <cstdint>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct StopgoBenchOptions {
  std::int64_t seeds = 5;  // traces, from seeds 1 to that
};

/// `galley bench hpo-stopgo`: what a study that fills idle GPUs costs people and itself, simulated:
/// 14 days of 256 GPUs, people's jobs of 1 to 8 GPUs in bursts over days and nights (about half of
/// all GPU time, first come first served), and a study that can always use more. Epochs of 300 s
/// with a checkpoint each; a start takes 30 s; leaving takes 0.2 to 1.5 s and the trainer's
/// checkpoint 2 s. An ordered pause loses the epoch under way, as of a trainer that saves only
/// between epochs; besides, each trial is killed without grace at a mean of 4 h.
///
/// Figures: lost_work_pct (of tuning's GPU time: what was trained and not kept, and repeated
/// starts), gpu_free_s_p99 (from the order to the free GPU, with the checkpoint), extra_wait_p99_s
/// (of each person's job beside the same trace without tuning), utilisation_pct, and
/// gpus_needed_ratio: on a trace with bursts of tuning, the GPUs that give people the same p90 wait
/// and studies the same mean time to finish, with stop-and-go over the fewest without. Those are
/// the best in hindsight, for each trace, of: machines split between people and tuning for good;
/// one pool where trials run to their end, behind people and on no more GPUs than a limit; and
/// trials as ordinary jobs in the queue. gpus_needed_ratio_partition, _limit and _queue are against
/// each.
Result<BenchReport> run_stopgo_bench(const StopgoBenchOptions& options);

}  // namespace galley::bench
