#include "simulate/backfill_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "estimator/model.h"
#include "estimator/shipped.h"
#include "simulation/simulate.h"

namespace galley::bench {
namespace {

/// From the 90 % interval, as if errors were normal.
double error_spread(const estimator::EstimatorModel& model, estimator::Familiarity kind) {
  const auto& errors = model.errors[static_cast<std::size_t>(kind)].log_error;
  constexpr double kNormal90 = 2 * 1.645;
  return (errors.back() - errors.front()) / kNormal90;
}

using Closed = std::map<std::string, std::vector<double>>;  // by the name of the figure

std::string in_a_figure(std::string policy) {
  std::ranges::replace(policy, '-', '_');
  return policy;
}

/// Of each policy, whose figure has its name and `suffix`.
Status add_closed(const simulation::Simulation& replayed, const std::string& suffix,
                  Closed& closed) {
  for (const auto& run : replayed.runs) {
    if (run.policy == "fifo-skip" || run.policy == "sjf-exact") continue;
    const auto ratio = simulation::backfill_gap_closed_pct(replayed, run.metrics.mean_jct_s);
    if (!ratio)
      return Error{Errc::invalid_argument, "exact times make no difference to these jobs",
                   "cluster", "a trace on a cluster where jobs wait"};
    closed[in_a_figure(run.policy) + suffix].push_back(*ratio);
  }
  return ok();
}

/// Exact times have to save a part of the time that is worth dividing.
Status check_gap(const simulation::Simulation& replayed) {
  double skip = 0;
  double exact = 0;
  for (const auto& run : replayed.runs) {
    if (run.policy == "fifo-skip") skip = run.metrics.mean_jct_s;
    if (run.policy == "sjf-exact") exact = run.metrics.mean_jct_s;
  }
  constexpr double kLeastSaved = 0.05;
  if (exact <= (1 - kLeastSaved) * skip) return ok();
  return Error{Errc::invalid_argument,
               fmt::format("jobs take {:.2f} h in order and {:.2f} h with exact times: there is "
                           "hardly a gap to close",
                           skip / 3600, exact / 3600),
               "cluster", "a smaller cluster, on which jobs wait"};
}

void put_mean_times(const simulation::Simulation& replayed, BenchReport& report) {
  for (const auto& run : replayed.runs)
    report.figures["mean_h_" + in_a_figure(run.policy)] = run.metrics.mean_jct_s / 3600;
}

void put_closed(const Closed& closed, std::map<std::string, double>& figures) {
  for (const auto& [name, of_seeds] : closed) {
    std::vector<double> values = of_seeds;
    std::ranges::sort(values);
    const std::string key = name + "_gap_closed_pct";
    figures[key] = values[values.size() / 2];
    figures[key + "_least"] = values.front();
    figures[key + "_most"] = values.back();
  }
}

Result<simulation::Simulation> replay_with(const BackfillBenchOptions& options, bool guarantees,
                                           std::vector<std::string> policies, std::int64_t seed) {
  GALLEY_TRY(auto trace, simulation::read_trace(options.trace));
  GALLEY_TRY(auto cluster, simulation::read_cluster(options.cluster));
  if (guarantees) simulation::guarantee_by_share(cluster, trace);
  GALLEY_TRY(auto workload, simulation::prepare(std::move(trace), std::move(cluster)));
  return simulation::simulate(std::move(workload),
                              {.policies = std::move(policies),
                               .policy = {.seed = static_cast<std::uint64_t>(seed)},
                               .threads = 0,
                               .progress = {}});
}

}  // namespace

Result<BenchReport> run_backfill_bench(const BackfillBenchOptions& options) {
  BenchReport report{.name = "backfill", .figures = {}, .peers = {}, .seeds = {}};
  Closed closed;
  for (std::int64_t seed = 1; seed <= options.seeds; ++seed) {
    std::vector<std::string> policies{"fifo-skip", "sjf-exact", "sjf-noisy", "easy-noisy",
                                      "galley-noisy"};
    // What it learns from the trace knows no seed.
    if (seed == 1) policies.emplace_back("galley");
    GALLEY_TRY(const auto open, replay_with(options, false, policies, seed));
    GALLEY_TRY_STATUS(check_gap(open));
    GALLEY_TRY_STATUS(add_closed(open, "", closed));
    if (seed == 1) {
      report.figures["jobs"] = static_cast<double>(open.workload.trace.jobs.size());
      put_mean_times(open, report);
    }
    std::erase_if(policies, [](const std::string& name) {
      return name == "sjf-noisy" || name == "easy-noisy";  // they know no guarantees
    });
    GALLEY_TRY(const auto guaranteed, replay_with(options, true, std::move(policies), seed));
    GALLEY_TRY_STATUS(add_closed(guaranteed, "_guaranteed", closed));
    report.seeds.push_back(seed);
  }
  put_closed(closed, report.figures);
  GALLEY_TRY(const auto model, estimator::parse_model(estimator::shipped_model()));
  for (std::size_t i = 0; i < estimator::kFamiliarities; ++i) {
    const auto kind = static_cast<estimator::Familiarity>(i);
    report.figures["estimator_spread_" + std::string(to_string(kind))] = error_spread(model, kind);
  }
  return report;
}

}  // namespace galley::bench
