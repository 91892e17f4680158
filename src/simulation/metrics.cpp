#include "simulation/metrics.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "seconds.h"
#include "simulation/policy.h"

namespace galley::simulation {
namespace {

constexpr double kAnomalyS = 60;
/// A job of a second that waited a minute would be slowed down sixty times; below this length the
/// wait is compared with this instead.
constexpr double kShortestS = 60;

std::size_t size_class(std::int32_t gpus) {
  if (gpus <= 0) return 0;
  if (gpus == 1) return 1;
  if (gpus <= 4) return 2;
  return gpus <= 8 ? 3 : 4;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

struct Samples {
  std::vector<double> jct, wait;
};

Anomalies anomalies_of(const Workload& workload, const Outcome& outcome,
                       const std::vector<std::optional<Millis>>& own) {
  Anomalies found;
  found.count_by_team.resize(workload.trace.teams.size());
  for (std::size_t i = 0; i < outcome.jobs.size(); ++i) {
    const Job& job = workload.trace.jobs[i];
    if (!own[i] || outcome.jobs[i].refused) continue;
    const double more_s = seconds(outcome.jobs[i].finish - job.submit - job.duration - *own[i]);
    if (more_s <= 0) continue;
    found.sum_s += more_s;
    found.max_s = std::max(found.max_s, more_s);
    if (more_s <= kAnomalyS) continue;
    ++found.count;
    ++found.count_by_team[static_cast<std::size_t>(job.team)];
  }
  return found;
}

/// Jain's index: 1 when all are alike, 1/n when one has everything.
double jain(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(values.size()) * squares) : 1;
}

double fairness_of(const Workload& workload, const Outcome& outcome) {
  std::map<TeamIndex, std::vector<double>> slowdown;
  for (std::size_t i = 0; i < outcome.jobs.size(); ++i) {
    const Job& job = workload.trace.jobs[i];
    if (outcome.jobs[i].refused) continue;
    const double length = std::max(seconds(job.duration), kShortestS);
    const double wait = seconds(outcome.jobs[i].finish - job.submit - job.duration);
    slowdown[job.team].push_back((length + wait) / length);
  }
  std::vector<double> means;
  for (const auto& entry : slowdown) means.push_back(mean(entry.second));
  return jain(means);
}

std::optional<double> coverage_of(const Outcome& outcome) {
  std::int64_t promised = 0, kept = 0;
  for (const JobOutcome& job : outcome.jobs) {
    if (job.refused || !job.waited || !job.promise) continue;
    ++promised;
    if (job.first_start >= job.promise->early && job.first_start <= job.promise->late) ++kept;
  }
  if (promised == 0) return std::nullopt;
  return 100.0 * static_cast<double>(kept) / static_cast<double>(promised);
}

}  // namespace

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(place);
  std::nth_element(values.begin(), values.begin() + below, values.end());
  const double low = values[static_cast<std::size_t>(below)];
  if (static_cast<std::size_t>(below) + 1 == values.size()) return low;
  const double high = *std::min_element(values.begin() + below + 1, values.end());
  return low + (place - static_cast<double>(below)) * (high - low);
}

Result<std::vector<std::optional<Millis>>> private_waits(const Workload& workload) {
  std::vector<std::optional<Millis>> waits(workload.trace.jobs.size());
  for (std::size_t team = 0; team < workload.trace.teams.size(); ++team) {
    const Cluster own = private_cluster(workload.cluster, workload.trace.teams[team]);
    if (own.node_count() == 0) continue;
    Trace mine{.name = workload.trace.name, .teams = workload.trace.teams, .jobs = {}};
    std::vector<std::size_t> place;
    std::map<ShapeIndex, bool> holds;
    for (std::size_t i = 0; i < workload.trace.jobs.size(); ++i) {
      const Job& job = workload.trace.jobs[i];
      if (static_cast<std::size_t>(job.team) != team ||
          job.priority_class == protocol::PriorityClass::idle)
        continue;
      // The shape is that of the shared cluster: it is the same job.
      const ShapeIndex shape = workload.shape_of[i];
      const auto [entry, is_new] = holds.try_emplace(shape, false);
      if (is_new) entry->second = could_hold(own, workload.shapes[static_cast<std::size_t>(shape)]);
      if (!entry->second) continue;
      mine.jobs.push_back(job);
      place.push_back(i);
    }
    if (mine.jobs.empty()) continue;
    Workload alone{.trace = std::move(mine),
                   .cluster = own,
                   .shapes = workload.shapes,
                   .shape_of = {},
                   .jobs_left_out = 0};
    for (const std::size_t i : place) alone.shape_of.push_back(workload.shape_of[i]);
    GALLEY_TRY(const auto policy, make_policy("fifo", alone));
    GALLEY_TRY(const Outcome outcome, replay(alone, *policy));
    for (std::size_t i = 0; i < place.size(); ++i)
      waits[place[i]] =
          outcome.jobs[i].finish - alone.trace.jobs[i].submit - alone.trace.jobs[i].duration;
  }
  return waits;
}

Metrics measure(const Workload& workload, const Outcome& outcome,
                const std::vector<std::optional<Millis>>& own) {
  Metrics metrics;
  Samples all;
  std::vector<double> wide_waits;
  std::array<Samples, kSizeClasses.size()> by_size;
  WallTime last = workload.trace.jobs.front().submit;
  for (std::size_t i = 0; i < outcome.jobs.size(); ++i) {
    const JobOutcome& result = outcome.jobs[i];
    const Job& job = workload.trace.jobs[i];
    const std::int32_t gpus = workload.shape(static_cast<JobIndex>(i)).gpus();
    if (result.refused) {
      ++metrics.jobs_refused;
      continue;
    }
    ++metrics.jobs;
    const double jct = seconds(result.finish - job.submit);
    const double wait = seconds(result.finish - job.submit - job.duration);
    all.jct.push_back(jct);
    all.wait.push_back(wait);
    Samples& mine = by_size[size_class(gpus)];
    mine.jct.push_back(jct);
    mine.wait.push_back(wait);
    if (gpus >= 16) wide_waits.push_back(wait);
    metrics.preemptions += result.preemptions;
    metrics.lost_gpu_hours += seconds(result.lost) * gpus / 3600;
    last = std::max(last, result.finish);
  }
  metrics.mean_jct_s = mean(all.jct);
  metrics.jct_p50_s = quantile(all.jct, 0.5);
  metrics.jct_p90_s = quantile(all.jct, 0.9);
  metrics.jct_p99_s = quantile(all.jct, 0.99);
  metrics.mean_wait_s = mean(all.wait);
  metrics.p90_wait_s = quantile(all.wait, 0.9);
  metrics.p99_wait_16plus_s = quantile(wide_waits, 0.99);
  for (std::size_t i = 0; i < by_size.size(); ++i)
    metrics.by_size[i] = {.jobs = static_cast<std::int64_t>(by_size[i].jct.size()),
                          .jct_p50_s = quantile(by_size[i].jct, 0.5),
                          .jct_p90_s = quantile(by_size[i].jct, 0.9),
                          .jct_p99_s = quantile(by_size[i].jct, 0.99),
                          .mean_wait_s = mean(by_size[i].wait),
                          .p90_wait_s = quantile(by_size[i].wait, 0.9),
                          .p99_wait_s = quantile(by_size[i].wait, 0.99)};
  metrics.utilisation_pct = 100 * outcome.utilisation_ratio;
  metrics.fragmentation_pct = 100 * outcome.fragmentation_ratio;
  metrics.fairness = fairness_of(workload, outcome);
  metrics.sharing_anomalies = anomalies_of(workload, outcome, own);
  metrics.start_interval_coverage_pct = coverage_of(outcome);
  metrics.makespan_s = seconds(last - workload.trace.jobs.front().submit);
  metrics.decisions = static_cast<double>(outcome.decisions);
  metrics.cpu_seconds = outcome.cpu_seconds;
  return metrics;
}

}  // namespace galley::simulation
