#include <nlohmann/json.hpp>

#include <algorithm>

#include "simulation/simulate.h"

namespace galley::simulation {
namespace {

Json by_size(const Metrics& metrics) {
  Json json = Json::object();
  for (std::size_t i = 0; i < kSizeClasses.size(); ++i) {
    const SizeFigures& size = metrics.by_size[i];
    if (size.jobs == 0) continue;
    json[std::string(kSizeClasses[i])] = {
        {"jobs", size.jobs},
        {"jct_p50_s", size.jct_p50_s},
        {"jct_p90_s", size.jct_p90_s},
        {"jct_p99_s", size.jct_p99_s},
        {"mean_wait_s", size.mean_wait_s},
        {"p90_wait_s", size.p90_wait_s},
        {"p99_wait_s", size.p99_wait_s},
    };
  }
  return json;
}

Json anomalies(const Anomalies& found, const std::vector<std::string>& teams) {
  Json by_team = Json::object();
  for (std::size_t i = 0; i < found.count_by_team.size(); ++i)
    if (found.count_by_team[i] > 0) by_team[teams[i]] = found.count_by_team[i];
  return {{"count", found.count},
          {"max_s", found.max_s},
          {"sum_s", found.sum_s},
          {"count_by_team", by_team}};
}

Json cluster(const Cluster& cluster) {
  Json guarantees = Json::object();
  for (const scheduler::Team& team : cluster.teams) {
    std::int64_t gpus = 0;
    for (const scheduler::Guarantee& guarantee : team.guarantees)
      gpus += guarantee.gpus * guarantee.count;
    guarantees[team.name] = gpus;
  }
  return {{"nodes", cluster.node_count()},
          {"gpus", cluster.gpu_count()},
          {"guaranteed_gpus", guarantees}};
}

}  // namespace

Json to_json(const Metrics& metrics, const std::vector<std::string>& teams) {
  Json json{{"jobs", metrics.jobs},
            {"jobs_refused", metrics.jobs_refused},
            {"mean_jct_s", metrics.mean_jct_s},
            {"jct_p50_s", metrics.jct_p50_s},
            {"jct_p90_s", metrics.jct_p90_s},
            {"jct_p99_s", metrics.jct_p99_s},
            {"mean_wait_s", metrics.mean_wait_s},
            {"p90_wait_s", metrics.p90_wait_s},
            {"p99_wait_16plus_s", metrics.p99_wait_16plus_s},
            {"by_size", by_size(metrics)},
            {"utilisation_pct", metrics.utilisation_pct},
            {"fragmentation_pct", metrics.fragmentation_pct},
            {"preemptions", metrics.preemptions},
            {"lost_gpu_hours", metrics.lost_gpu_hours},
            {"fairness", metrics.fairness},
            {"sharing_anomalies", anomalies(metrics.sharing_anomalies, teams)},
            {"makespan_s", metrics.makespan_s},
            {"decisions", metrics.decisions},
            {"cpu_seconds", metrics.cpu_seconds}};
  // Known to be absent where a policy promises nothing: null says so.
  json["start_interval_coverage_pct"] =
      metrics.start_interval_coverage_pct ? Json(*metrics.start_interval_coverage_pct) : Json();
  return json;
}

std::optional<double> backfill_gap_closed_pct(const Simulation& simulation, double mean_jct_s) {
  const auto mean_of = [&](std::string_view policy) {
    const auto run = std::ranges::find(simulation.runs, policy, &PolicyRun::policy);
    return run == simulation.runs.end() ? 0 : run->metrics.mean_jct_s;
  };
  const double worst = mean_of("fifo-skip"), best = mean_of("sjf-exact");
  if (!(best > 0) || worst <= best) return std::nullopt;
  return 100 * (worst - mean_jct_s) / (worst - best);
}

Json to_json(const Simulation& simulation) {
  Json policies = Json::object();
  for (const PolicyRun& run : simulation.runs) {
    Json& policy = policies[run.policy];
    policy = to_json(run.metrics, simulation.workload.trace.teams);
    if (const auto closed = backfill_gap_closed_pct(simulation, run.metrics.mean_jct_s))
      policy["backfill_gap_closed_pct"] = *closed;
  }
  return {{"trace", simulation.workload.trace.name},
          {"jobs", simulation.workload.trace.jobs.size()},
          {"jobs_left_out", simulation.workload.jobs_left_out},
          {"cluster", cluster(simulation.workload.cluster)},
          {"policies", policies},
          {"seconds", simulation.seconds}};
}

}  // namespace galley::simulation
