#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct MultifidelityBenchOptions {
  std::filesystem::path curves = "data/hpo";
  std::string set;                  // empty: alexnet-imagenet, or the first that has times
  std::int64_t permutations = 200;  // orders of the pool, from seeds 1 to that
  std::int64_t workers = 8;
};

/// `galley bench hpo-multifidelity`: how soon a study finds a top configuration among 512 real
/// training runs with 8 workers, on a simulated clock. Each permutation of the runs is searched by
/// - random: every run to its end, in the order of the permutation;
/// - asha: asynchronous successive halving by promotion with rungs after 3, 9 and 27 epochs;
/// - ours, what `auto` takes here: rungs at shares of each run's own budget, and a model over the
///   settings of the list that chooses the next run among the next 100 of the permutation;
/// - ours_no_model: the same rungs, runs in the order of the permutation.
/// Time to a target is when an epoch that reaches it ends; training-hours are what all workers
/// have used by then, with the epochs that are under way. Starts and checkpoints are free; ours is
/// also run with 30 s for each start and 20 s for each checkpoint (with_costs).
///
/// Figures: median_hours_058, training_hours_058, speedup_over_asha_hours,
/// speedup_over_asha_training, and the same of 0.55 and over random. For other sets than
/// AlexNet's "058" and "055" stand for what 4 and 35 of the runs reach. Peers: the other searches.
Result<BenchReport> run_multifidelity_bench(const MultifidelityBenchOptions& options);

}  // namespace galley::bench
