#include "simulate/backfill_bench.h"

#include <algorithm>
#include <cmath>
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

double closed_by(const simulation::Simulation& replayed, std::string_view policy) {
  for (const auto& run : replayed.runs)
    if (run.policy == policy)
      return simulation::backfill_gap_closed_pct(replayed, run.metrics.mean_jct_s)
          .value_or(std::nan(""));
  return std::nan("");
}

void put_closed(const char* name, std::vector<double> values,
                std::map<std::string, double>& figures) {
  std::ranges::sort(values);
  figures[name] = values[values.size() / 2];
  figures[std::string(name) + "_least"] = values.front();
}

}  // namespace

Result<BenchReport> run_backfill_bench(const BackfillBenchOptions& options) {
  BenchReport report{.name = "backfill", .figures = {}, .peers = {}, .seeds = {}};
  std::vector<double> backfill, shortest;
  for (std::int64_t seed = 1; seed <= options.seeds; ++seed) {
    GALLEY_TRY(auto trace, simulation::read_trace(options.trace));
    GALLEY_TRY(auto cluster, simulation::read_cluster(options.cluster));
    simulation::guarantee_by_share(cluster, trace);
    GALLEY_TRY(auto workload, simulation::prepare(std::move(trace), std::move(cluster)));
    report.figures["jobs"] = static_cast<double>(workload.trace.jobs.size());
    GALLEY_TRY(
        const auto replayed,
        simulation::simulate(std::move(workload),
                             {.policies = {"fifo-skip", "sjf-exact", "sjf-noisy", "easy-noisy"},
                              .policy = {.seed = static_cast<std::uint64_t>(seed)},
                              .threads = 0,
                              .progress = {}}));
    backfill.push_back(closed_by(replayed, "easy-noisy"));
    shortest.push_back(closed_by(replayed, "sjf-noisy"));
    if (!std::isfinite(backfill.back()))
      return Error{Errc::invalid_argument, "exact times make no difference to these jobs",
                   "cluster", "a trace on a cluster where jobs wait"};
    report.seeds.push_back(seed);
  }
  put_closed("backfill_gap_closed_pct", std::move(backfill), report.figures);
  put_closed("shortest_first_gap_closed_pct", std::move(shortest), report.figures);
  GALLEY_TRY(const auto model, estimator::parse_model(estimator::shipped_model()));
  for (std::size_t i = 0; i < estimator::kFamiliarities; ++i) {
    const auto kind = static_cast<estimator::Familiarity>(i);
    report.figures["estimator_spread_" + std::string(to_string(kind))] = error_spread(model, kind);
  }
  return report;
}

}  // namespace galley::bench
