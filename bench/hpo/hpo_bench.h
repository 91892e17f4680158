#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct HpoOverheadOptions {
  std::filesystem::path peers = "bench/peers";  // the folder of optuna_overhead.py
  std::filesystem::path programs{};             // where galley lies; empty: no server is measured
  std::int64_t rounds = 1;
};

/// What a proposal costs: medians, over 100 pairs of ask and tell, on studies of eight parameters
/// (four logarithmic, two whole, two categorical) that hold 1,000 and 10,000 finished trials, ours
/// and Optuna's by turns in the same run. Then once behind the server: durable_10k_s,
/// http_trials_per_s and reopen_100k_s (service_rates.h). About two minutes of one core a round,
/// nearly all of them Optuna's. Without python3-optuna: not_found.
Result<BenchReport> run_hpo_overhead_bench(const HpoOverheadOptions& options);

struct HpoRegretOptions {
  std::filesystem::path tables;                 // folder with hpobench-mlp, fcnet, nasbench201
  std::filesystem::path peers = "bench/peers";  // optuna_regret.py and its recorded curves
  std::filesystem::path programs;               // where galley-bench lies
  std::int64_t seeds = 30;
};

/// How far from the optimum a study is after 50 and 100 trials: the default sampler on one worker,
/// random search, and Optuna's TPE (default and multivariate) and CMA-ES, on the tables found (the
/// peers run live, about ten minutes of one core for eight tables and 30 seeds) and on 36 functions
/// (the peers' curves are recorded, optuna_regret.csv; the functions are evaluated by this program
/// for both sides).
///
/// A study's result is the truth of the configuration that reported the least. Regret is its
/// distance from the best truth over that of the space's median; less than a millionth counts as a
/// millionth. Ranks are among the four, means over problems of means over seeds and both lengths.
/// holm_p: Wilcoxon's signed-rank test over problems of the mean ranks against each peer,
/// two-sided, corrected by Holm, the largest.
Result<BenchReport> run_hpo_regret_bench(const HpoRegretOptions& options);

}  // namespace galley::bench
