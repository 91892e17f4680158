#include "simulation/what_if.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace galley::simulation {
namespace {

constexpr std::size_t kDeepReservations = 512;
/// Jobs longer than this share of all jobs are those that could run in the idle class.
constexpr double kLongJobs = 0.9;
/// A change of less than this is called none.
constexpr double kNoticeable = 0.05;

struct Plan {
  std::string name;
  std::string words;
  bool costs_money = false;
  Trace trace;
  Cluster cluster;
  PolicyOptions policy;
};

std::vector<Plan> plans_of(const Trace& history, const Cluster& today, const Cluster& added,
                           const PolicyOptions& policy) {
  const Plan same{
      .name = "today", .words = "today", .trace = history, .cluster = today, .policy = policy};
  std::vector<Plan> plans{same};

  Plan bought = same;
  bought.name = "bought";
  bought.words = "buying them";
  bought.costs_money = true;
  bought.cluster.node_types.insert(bought.cluster.node_types.end(), added.node_types.begin(),
                                   added.node_types.end());
  plans.push_back(std::move(bought));

  Plan deeper = same;
  deeper.name = "deeper-reservations";
  deeper.words = fmt::format("reserving for the first {} waiting jobs instead of {}",
                             kDeepReservations, policy.reservation_depth);
  deeper.policy.reservation_depth = kDeepReservations;
  plans.push_back(std::move(deeper));

  Plan shares = same;
  shares.name = "guarantees-by-share";
  shares.words = "setting guarantees by each team's share of this history";
  shares.cluster.teams.clear();
  guarantee_by_share(shares.cluster, history);
  if (shares.cluster.teams != today.teams) plans.push_back(std::move(shares));

  Plan halved = same;
  halved.name = "half-guarantees";
  halved.words = "giving half of every guarantee back to all";
  for (scheduler::Team& team : halved.cluster.teams)
    for (scheduler::Guarantee& guarantee : team.guarantees) guarantee.count /= 2;
  if (halved.cluster.teams != today.teams) plans.push_back(std::move(halved));

  Plan idle = same;
  idle.name = "more-idle-class";
  std::vector<double> lengths;
  for (const Job& job : history.jobs) lengths.push_back(static_cast<double>(job.duration.count()));
  const double long_ms = quantile(lengths, kLongJobs);
  for (Job& job : idle.trace.jobs)
    if (static_cast<double>(job.duration.count()) > long_ms)
      job.priority_class = protocol::PriorityClass::idle;
  idle.words =
      fmt::format("running jobs of more than {:.1f} h in the idle class", long_ms / 3'600'000);
  plans.push_back(std::move(idle));
  return plans;
}

std::string hours(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  if (seconds < 3600) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

std::string effect(double before_s, double after_s) {
  if (after_s < before_s * (1 - kNoticeable))
    return fmt::format("cuts p90 wait from {} to {}", hours(before_s), hours(after_s));
  if (after_s > before_s * (1 + kNoticeable))
    return fmt::format("raises p90 wait from {} to {}", hours(before_s), hours(after_s));
  return fmt::format("leaves p90 wait at {}", hours(before_s));
}

std::string answer_of(const std::vector<Scenario>& scenarios) {
  const double today_s = scenarios[0].metrics.p90_wait_s;
  const Scenario* free_best = nullptr;
  for (const Scenario& scenario : scenarios)
    if (&scenario != &scenarios[0] && !scenario.costs_money &&
        scenario.metrics.p90_wait_s < today_s * (1 - kNoticeable) &&
        (free_best == nullptr || scenario.metrics.p90_wait_s < free_best->metrics.p90_wait_s))
      free_best = &scenario;
  std::string answer = scenarios[1].words + " " + effect(today_s, scenarios[1].metrics.p90_wait_s);
  if (free_best)
    return answer + fmt::format("; {} would cut it to {} for nothing", free_best->words,
                                hours(free_best->metrics.p90_wait_s));
  return answer + "; none of the settings that cost nothing would cut it";
}

}  // namespace

Result<Cluster> parse_change(std::string_view text) {
  const std::string_view change = trim(text);
  if (!change.starts_with("add "))
    return Error{Errc::invalid_argument,
                 fmt::format("the change \"{}\" does not begin with add",
                             to_valid_utf8(change.substr(0, 80))),
                 "what-if", "add NODESxMODELxGPUS, such as \"add 4xH100x8\""};
  return parse_cluster(change.substr(4));
}

Result<WhatIf> what_if(const Trace& history, const Cluster& today, const Cluster& added,
                       const SimulateOptions& options) {
  WhatIf result;
  std::vector<Plan> plans = plans_of(history, today, added, options.policy);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    Plan& plan = plans[i];
    SimulateOptions one = options;
    one.policies = {"galley"};
    one.policy = plan.policy;
    one.progress = [&](double ratio) {
      if (options.progress)
        options.progress((static_cast<double>(i) + ratio) / static_cast<double>(plans.size()));
    };
    GALLEY_TRY(Workload workload, prepare(std::move(plan.trace), std::move(plan.cluster)));
    GALLEY_TRY(Simulation simulation, simulate(std::move(workload), one));
    result.scenarios.push_back(
        {plan.name, plan.words, plan.costs_money, std::move(simulation.runs.front().metrics)});
  }
  result.answer = answer_of(result.scenarios);
  return result;
}

Json to_json(const WhatIf& what_if, const std::vector<std::string>& teams) {
  Json scenarios = Json::object();
  for (const Scenario& scenario : what_if.scenarios) {
    scenarios[scenario.name] = to_json(scenario.metrics, teams);
    scenarios[scenario.name]["words"] = scenario.words;
  }
  return {{"answer", what_if.answer}, {"scenarios", scenarios}};
}

}  // namespace galley::simulation
