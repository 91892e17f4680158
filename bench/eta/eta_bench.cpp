#include "eta_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <optional>

#include "estimator/eta.h"
#include "eta_changes.h"
#include "eta_data.h"
#include "eta_logs.h"
#include "eta_prior.h"
#include "statistics.h"

namespace galley::bench {
namespace {

using estimator::EtaHistory;
using estimator::EtaProfile;
using estimator::EtaTracker;
using estimator::Spread;
using support::median;
using support::quantile;

constexpr std::array<int, 5> kPercents{1, 5, 10, 25, 50};
constexpr std::size_t kFewestSeen = 2;  // intervals, so that one follows the first

struct Errors {
  std::vector<double> pct;
  double covered = 0;

  void add(const Spread& estimated, double truth) {
    pct.push_back(100 * std::abs(estimated.p50 - truth) / truth);
    covered += estimated.p10 <= truth && truth <= estimated.p90 ? 1 : 0;
  }
  double mean() const {
    double sum = 0;
    for (const double error : pct) sum += error;
    return pct.empty() ? 0 : sum / static_cast<double>(pct.size());
  }
  double coverage_pct() const {
    return pct.empty() ? 0 : 100 * covered / static_cast<double>(pct.size());
  }
};

using Figures = std::map<std::string, double>;

void put(Figures& figures, const std::string& name, int percent, const Errors& errors) {
  if (errors.pct.empty()) return;
  figures[fmt::format("{}_median_pct_{}", name, percent)] = median(errors.pct);
  figures[fmt::format("{}_mean_pct_{}", name, percent)] = errors.mean();
  figures[fmt::format("{}_p90_pct_{}", name, percent)] = quantile(errors.pct, 0.9);
}

/// A tracker that has seen the first `count` intervals; at_s is set to the time of the last.
EtaTracker follow(const RecordedRun& run, std::size_t count, const Spread* prior, double& at_s) {
  estimator::EtaOptions options{.total_progress = static_cast<double>(run.intervals_s.size())};
  if (prior != nullptr) options.prior_step_s = *prior;
  EtaTracker tracker(options);
  at_s = 0;
  tracker.observe({.at_s = 0, .progress = 0});
  for (std::size_t i = 0; i < count; ++i) {
    at_s += run.intervals_s[i];
    tracker.observe({.at_s = at_s, .progress = static_cast<double>(i + 1)});
  }
  return tracker;
}

struct Simple {
  double mean_but_first_s;
  double median_s;
  double recent_s;  // exponentially weighted, 0.3
};

Simple simple_steps(const RecordedRun& run, std::size_t count) {
  Simple simple{0, 0, run.intervals_s[0]};
  for (std::size_t i = 1; i < count; ++i) {
    simple.mean_but_first_s += run.intervals_s[i] / static_cast<double>(count - 1);
    simple.recent_s += 0.3 * (run.intervals_s[i] - simple.recent_s);
  }
  simple.median_s = median(
      {run.intervals_s.begin(), run.intervals_s.begin() + static_cast<std::ptrdiff_t>(count)});
  return simple;
}

/// Histories of each program without each of the groups.
class Histories {
 public:
  Histories(const std::vector<RecordedRun>& runs, const std::vector<EtaProfile>& profiles)
      : runs_(runs), profiles_(profiles) {}

  const EtaHistory& without(const RecordedRun& run) {
    const auto [found, is_new] = histories_.try_emplace({run.program, run.group});
    if (is_new)
      for (std::size_t i = 0; i < runs_.size(); ++i)
        if (runs_[i].program == run.program && runs_[i].group != run.group)
          found->second.add(profiles_[i]);
    return found->second;
  }

 private:
  const std::vector<RecordedRun>& runs_;
  const std::vector<EtaProfile>& profiles_;
  std::map<std::pair<std::string, std::string>, EtaHistory> histories_;
};

void judge(const std::string& name, const std::vector<RecordedRun>& runs,
           const std::vector<Spread>& priors, BenchReport& report) {
  const auto prior_of = [&](std::size_t i) { return priors.empty() ? nullptr : &priors[i]; };
  std::vector<EtaProfile> profiles;
  double points = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    double at_s = 0;
    profiles.push_back(follow(runs[i], runs[i].intervals_s.size(), prior_of(i), at_s).profile());
    points += static_cast<double>(runs[i].intervals_s.size());
  }
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - begin;
  report.figures[name + "_us_per_point"] = spent.count() / points;

  Histories histories(runs, profiles);
  for (const int percent : kPercents) {
    fmt::print(stderr, "\r{} at {} %   ", name, percent);
    Errors all, one_gpu, several_gpus, alone, data_only, prior_only, mean, middle, recent;
    std::map<std::string, Errors> programs;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const RecordedRun& run = runs[i];
      const std::size_t n = run.intervals_s.size();
      const std::size_t seen = std::max(kFewestSeen, n * static_cast<std::size_t>(percent) / 100);
      double truth = 0;
      for (std::size_t k = seen; k < n; ++k) truth += run.intervals_s[k];
      if (!(truth > 0)) continue;
      const auto left = static_cast<double>(n - seen);
      double at_s = 0;
      const EtaTracker tracker = follow(run, seen, prior_of(i), at_s);
      const Spread estimated = tracker.estimate(at_s, &histories.without(run)).remaining_s;
      all.add(estimated, truth);
      programs[run.program].add(estimated, truth);
      (run.gpus == 1 ? one_gpu : several_gpus).add(estimated, truth);
      alone.add(tracker.estimate(at_s).remaining_s, truth);
      if (!priors.empty()) {
        data_only.add(follow(run, seen, nullptr, at_s).estimate(at_s).remaining_s, truth);
        const Spread& step = priors[i];
        prior_only.add({step.p10 * left, step.p50 * left, step.p90 * left}, truth);
      }
      const Simple simple = simple_steps(run, seen);
      const auto times_left = [&](double step_s) {
        return Spread{step_s * left, step_s * left, step_s * left};
      };
      mean.add(times_left(simple.mean_but_first_s), truth);
      middle.add(times_left(simple.median_s), truth);
      recent.add(times_left(simple.recent_s), truth);
    }
    put(report.figures, name, percent, all);
    put(report.figures, name + "_1gpu", percent, one_gpu);
    put(report.figures, name + "_multi_gpu", percent, several_gpus);
    put(report.figures, name + "_no_history", percent, alone);
    put(report.figures, name + "_data_only", percent, data_only);
    put(report.figures, name + "_prior_only", percent, prior_only);
    report.figures[fmt::format("{}_p10_p90_coverage_pct_{}", name, percent)] = all.coverage_pct();
    report.figures[fmt::format("{}_no_history_p10_p90_coverage_pct_{}", name, percent)] =
        alone.coverage_pct();
    if (percent == 25)
      for (const auto& [program, errors] : programs)
        put(report.figures, name + "_" + program, percent, errors);
    put(report.peers["mean without the first interval"], name, percent, mean);
    put(report.peers["median of all"], name, percent, middle);
    put(report.peers["exponential mean 0.3"], name, percent, recent);
  }
  report.figures[name + "_runs"] = static_cast<double>(runs.size());
  fmt::print(stderr, "\r{:40}\r", "");
}

}  // namespace

Result<BenchReport> run_eta_bench(const EtaBenchOptions& options) {
  GALLEY_TRY(const auto lambda, read_lambda_runs(options.data));
  GALLEY_TRY(const auto mlperf, read_mlperf_runs(options.data));
  constexpr std::uint64_t kSeed = 1;
  BenchReport report{.name = "eta", .seeds = {static_cast<std::int64_t>(kSeed)}};
  judge("lambda", lambda, expect_steps(lambda), report);
  judge("mlperf", mlperf, {}, report);
  std::vector<RecordedRun> all = lambda;
  all.insert(all.end(), mlperf.begin(), mlperf.end());
  fmt::print(stderr, "changes of speed   ");
  report.figures.merge(measure_changes(all, kSeed));
  fmt::print(stderr, "\rlogs               ");
  GALLEY_TRY(auto logs, measure_logs());
  report.figures.merge(logs);
  fmt::print(stderr, "\r{:40}\r", "");
  return report;
}

}  // namespace galley::bench
