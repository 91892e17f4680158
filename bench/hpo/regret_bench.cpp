#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <future>
#include <map>
#include <numeric>

#include "base/file.h"
#include "base/text.h"
#include "hpo/hpo_bench.h"
#include "hpo/problems.h"
#include "hpo/rank_tests.h"
#include "hpo/sampler.h"
#include "process/child.h"

namespace galley::bench {
namespace {

constexpr std::array<std::uint64_t, 4> kCheckpoints{10, 25, 50, 100};
constexpr std::array<std::size_t, 2> kJudged{2, 3};  // of the checkpoints
constexpr double kLeastRegret = 1e-6;                // of the space's median regret
constexpr std::array kPeers{"tpe", "tpe_multivariate", "cmaes"};
constexpr const char* kOurs = "galley";
constexpr const char* kRandom = "random";
constexpr Millis kRegretTimeout{6 * 3600 * 1000};
constexpr std::int64_t kMaxCurvesBytes = 64 << 20;

using Regrets = std::array<double, kCheckpoints.size()>;
/// [sampler][seed]
using Runs = std::map<std::string, std::map<std::uint64_t, Regrets>>;

struct Judged {
  std::string name;
  bool is_table = false;
  std::map<std::uint64_t, double> scale;  // by seed: the median's regret
  Runs runs;
};

Regrets run_one(HpoProblem& problem, hpo::Sampler& sampler) {
  Regrets regrets{};
  double least = std::numeric_limits<double>::infinity();
  double regret = 0;
  std::size_t checkpoint = 0;
  for (std::uint64_t query = 0; query < kCheckpoints.back(); ++query) {
    const auto trial = static_cast<hpo::TrialNumber>(query);
    const hpo::Point point = sampler.ask(trial);
    const double observed = problem.observe(point, query);
    sampler.observe({.trial = trial, .point = point, .objectives = {observed}});
    if (observed < least) {
      least = observed;
      regret = std::max(0.0, problem.truth(point) - problem.best());
    }
    if (query + 1 == kCheckpoints[checkpoint]) regrets[checkpoint++] = regret;
  }
  return regrets;
}

Status run_ours(const std::string& path, std::int64_t seeds, Judged& judged) {
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(seeds); ++seed) {
    auto problem = judged.is_table ? open_table(path, seed) : make_function(path, seed);
    if (!problem) return std::move(problem).error();
    judged.scale[seed] = (*problem)->median() - (*problem)->best();
    for (const char* name : {"hybrid", "random"}) {
      GALLEY_TRY(auto sampler, hpo::make_sampler(name, (*problem)->space(), {.seed = seed}));
      judged.runs[std::string_view(name) == "random" ? kRandom : kOurs][seed] =
          run_one(**problem, *sampler);
    }
  }
  return ok();
}

/// problem,seed,sampler,regret_10,regret_25,regret_50,regret_100
Result<std::map<std::string, Runs>> parse_curves(std::string_view text, const std::string& name) {
  std::map<std::string, Runs> curves;
  std::size_t line_number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++line_number;
    const auto cells = split(trim(line), ',');
    if (cells.size() < 2 || cells[0] == "problem") continue;
    Regrets regrets{};
    std::uint64_t seed = 0;
    bool is_good =
        cells.size() == 3 + regrets.size() &&
        std::from_chars(cells[1].data(), cells[1].data() + cells[1].size(), seed).ec == std::errc();
    for (std::size_t i = 0; is_good && i < regrets.size(); ++i)
      is_good = std::from_chars(cells[3 + i].data(), cells[3 + i].data() + cells[3 + i].size(),
                                regrets[i])
                    .ec == std::errc();
    if (!is_good) return Error{Errc::corrupt, fmt::format("{}:{} is no curve", name, line_number)};
    curves[std::string(cells[0])][std::string(cells[2])][seed] = regrets;
  }
  return curves;
}

Result<std::map<std::string, Runs>> run_peers(const HpoRegretOptions& options,
                                              const std::vector<std::filesystem::path>& tables) {
  std::vector<std::string> command{"/usr/bin/python3",
                                   (options.peers / "optuna_regret.py").string(),
                                   "--server",
                                   (options.programs / "galley-bench").string(),
                                   "hpo-functions",
                                   "--seeds",
                                   std::to_string(options.seeds),
                                   "--problems"};
  for (const auto& table : tables) command.push_back(table.string());
  GALLEY_TRY(const auto output, process::run_child(command, {.timeout = kRegretTimeout,
                                                             .max_output_bytes = kMaxCurvesBytes}));
  if (!output.succeeded())
    return Error{Errc::not_found,
                 fmt::format("optuna_regret.py failed: {}", trim(output.stderr_bytes)), "",
                 "python3-optuna"};
  return parse_curves(output.stdout_bytes, "optuna_regret.py");
}

double relative(const Judged& judged, const std::string& sampler, std::uint64_t seed,
                std::size_t checkpoint) {
  return std::max(kLeastRegret,
                  judged.runs.at(sampler).at(seed)[checkpoint] / judged.scale.at(seed));
}

/// Seeds that every sampler ran.
std::vector<std::uint64_t> common_seeds(const Judged& judged) {
  std::vector<std::uint64_t> seeds;
  for (const auto& [seed, scale] : judged.scale)
    if (std::ranges::all_of(judged.runs,
                            [&](const auto& run) { return run.second.contains(seed); }))
      seeds.push_back(seed);
  return seeds;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// One problem's means over seeds and both lengths: ranks among ours and the peers, and logarithms
/// of regrets, ours first.
struct Means {
  std::array<double, 1 + kPeers.size()> rank{};
  std::array<double, 1 + kPeers.size()> log_regret{};
};

Means means_of(const Judged& judged) {
  Means means;
  const auto seeds = common_seeds(judged);
  const double count = static_cast<double>(seeds.size() * kJudged.size());
  for (const std::uint64_t seed : seeds)
    for (const std::size_t checkpoint : kJudged) {
      std::vector<double> regrets{relative(judged, kOurs, seed, checkpoint)};
      for (const char* peer : kPeers) regrets.push_back(relative(judged, peer, seed, checkpoint));
      const auto ranks = ranks_of(regrets);
      for (std::size_t i = 0; i < ranks.size(); ++i) {
        means.rank[i] += ranks[i] / count;
        means.log_regret[i] += std::log(regrets[i]) / count;
      }
    }
  return means;
}

/// Mean and its standard error of ours minus random's regret, paired by seed.
std::pair<double, double> beside_random(const Judged& judged, std::size_t checkpoint) {
  std::vector<double> differences;
  for (const auto& [seed, scale] : judged.scale)
    differences.push_back(relative(judged, kOurs, seed, checkpoint) -
                          relative(judged, kRandom, seed, checkpoint));
  const double mean = mean_of(differences);
  double squares = 0;
  for (const double difference : differences) squares += (difference - mean) * (difference - mean);
  const auto n = static_cast<double>(differences.size());
  return {mean, n > 1 ? std::sqrt(squares / (n - 1) / n) : 0};
}

void add_details(const Judged& judged, const Means& means, BenchReport& report) {
  auto& details = report.details[judged.name];
  const auto seeds = common_seeds(judged);
  details["seeds"] = static_cast<double>(seeds.size());
  details["mean_rank"] = means.rank[0];
  for (const std::size_t checkpoint : kJudged)
    for (const auto& [sampler, runs] : judged.runs) {
      std::vector<double> regrets;
      for (const std::uint64_t seed : seeds)
        regrets.push_back(relative(judged, sampler, seed, checkpoint));
      details[fmt::format("{}_regret_{}", sampler, kCheckpoints[checkpoint])] = mean_of(regrets);
    }
}

/// Figures over the problems, with a prefix for a part of them.
void add_figures(const std::vector<const Judged*>& problems, const std::string& prefix,
                 BenchReport& report) {
  if (problems.empty()) return;
  std::array<std::vector<double>, 1 + kPeers.size()> ranks;
  std::array<std::vector<double>, 1 + kPeers.size()> logs;
  for (const Judged* judged : problems) {
    const Means means = means_of(*judged);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      ranks[i].push_back(means.rank[i]);
      logs[i].push_back(means.log_regret[i]);
    }
  }
  std::vector<double> p_values;
  double best_rank = std::numeric_limits<double>::infinity();
  double best_log = std::numeric_limits<double>::infinity();
  for (std::size_t peer = 1; peer < ranks.size(); ++peer) {
    std::vector<double> differences;
    for (std::size_t i = 0; i < problems.size(); ++i)
      differences.push_back(ranks[0][i] - ranks[peer][i]);
    p_values.push_back(wilcoxon_p(differences));
    best_rank = std::min(best_rank, mean_of(ranks[peer]));
    best_log = std::min(best_log, mean_of(logs[peer]));
    report.peers[std::string("optuna_") + kPeers[peer - 1]][prefix + "mean_rank"] =
        mean_of(ranks[peer]);
    report.peers[std::string("optuna_") + kPeers[peer - 1]][prefix + "geometric_mean_regret"] =
        std::exp(mean_of(logs[peer]));
  }
  report.figures[prefix + "mean_rank"] = mean_of(ranks[0]);
  report.figures[prefix + "best_peer_mean_rank"] = best_rank;
  report.figures[prefix + "geometric_mean_regret"] = std::exp(mean_of(logs[0]));
  report.figures[prefix + "regret_ratio_to_best_peer"] = std::exp(mean_of(logs[0]) - best_log);
  report.figures[prefix + "holm_p"] = std::ranges::max(holm(p_values));
}

}  // namespace

Result<BenchReport> run_hpo_regret_bench(const HpoRegretOptions& options) {
  GALLEY_TRY(const auto tables, find_tables(options.tables));
  GALLEY_TRY(const std::string recorded,
             read_file(options.peers / "optuna_regret.csv", kMaxCurvesBytes));
  GALLEY_TRY(const auto function_curves, parse_curves(recorded, "optuna_regret.csv"));
  std::vector<std::string> functions = analytic_names();
  functions.insert(functions.end(), bbob_names().begin(), bbob_names().end());

  // Regret takes no time, so that the peers may run beside us.
  auto peers = std::async(std::launch::async, [&] { return run_peers(options, tables); });
  std::vector<Judged> problems;
  for (const auto& table : tables) problems.push_back({table.string(), true, {}, {}});
  for (const auto& name : functions) problems.push_back({name, false, {}, {}});
  for (Judged& problem : problems) {
    std::fprintf(stderr, "%s\n", problem.name.c_str());
    GALLEY_TRY_STATUS(run_ours(problem.name, options.seeds, problem));
  }
  std::fprintf(stderr, "waiting for the peers on %zu tables\n", tables.size());
  GALLEY_TRY(const auto table_curves, peers.get());

  BenchReport report{.name = "hpo-regret", .figures = {}, .peers = {}, .seeds = {}};
  for (std::int64_t seed = 0; seed < options.seeds; ++seed) report.seeds.push_back(seed);
  double above_random = 0;
  double worse_than_random = 0;
  std::vector<const Judged*> all;
  std::vector<const Judged*> of_tables;
  for (Judged& problem : problems) {
    const auto& curves = problem.is_table ? table_curves : function_curves;
    for (const char* peer : kPeers) {
      const auto found = curves.find(problem.name);
      if (found == curves.end() || !found->second.contains(peer))
        return Error{Errc::not_found, fmt::format("no curve of {} on {}", peer, problem.name)};
      problem.runs[peer] = found->second.at(peer);
    }
    if (common_seeds(problem).empty())
      return Error{Errc::not_found, fmt::format("no common seed on {}", problem.name)};
    if (problem.is_table) {
      bool is_above = false;
      bool is_worse = false;
      for (const std::size_t checkpoint : kJudged) {
        const auto [mean, error] = beside_random(problem, checkpoint);
        is_above = is_above || mean > 0;
        is_worse = is_worse || mean > 1.96 * error;
      }
      above_random += is_above ? 1 : 0;
      worse_than_random += is_worse ? 1 : 0;
      problem.name = std::filesystem::path(problem.name).stem().string();
      of_tables.push_back(&problem);
    }
    all.push_back(&problem);
    add_details(problem, means_of(problem), report);
  }
  add_figures(all, "", report);
  add_figures(of_tables, "tables_", report);
  report.figures["tables"] = static_cast<double>(tables.size());
  report.figures["problems"] = static_cast<double>(problems.size());
  // Beyond what the paired 95 % interval explains; and of the means alone.
  report.figures["tables_worse_than_random"] = worse_than_random;
  report.figures["tables_above_random_mean"] = above_random;
  return report;
}

}  // namespace galley::bench
