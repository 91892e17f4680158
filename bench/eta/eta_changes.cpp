#include "eta_changes.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "estimator/change.h"
#include "estimator/eta.h"
#include "statistics.h"

namespace galley::bench {
namespace {

using support::median;
using support::quantile;

constexpr double kStandsOut = 1.6;

/// The steps after the first interval, without pauses: other figures judge those.
std::vector<double> steps_alone(const RecordedRun& run) {
  std::vector<double> steps(run.intervals_s.begin() + 1, run.intervals_s.end());
  const double typical = median(steps);
  std::erase_if(steps, [&](double step) { return step > kStandsOut * typical || !(step > 0); });
  return steps;
}

double variation_of(const std::vector<double>& steps) {
  double mean = 0;
  for (const double step : steps) mean += step / static_cast<double>(steps.size());
  double squares = 0;
  for (const double step : steps) squares += (step - mean) * (step - mean);
  return std::sqrt(squares / static_cast<double>(steps.size())) / mean;
}

constexpr std::size_t kMostAfter = 80;

/// Steps after the change until the error is under 5 % for three steps; kMostAfter when never.
double steps_to_recover(const std::vector<double>& before, const std::vector<double>& after) {
  const auto total = static_cast<double>(before.size() + after.size());
  estimator::EtaTracker tracker({.total_progress = total});
  double at_s = 0;
  double progress = 0;
  tracker.observe({.at_s = at_s, .progress = progress});
  const auto advance = [&](double step_s) {
    at_s += step_s;
    progress += 1;
    tracker.observe({.at_s = at_s, .progress = progress});
  };
  for (const double step : before) advance(step);
  double left = 0;
  for (const double step : after) left += step;
  int good = 0;
  for (std::size_t i = 0; i + 8 < after.size() && i < kMostAfter; ++i) {
    advance(after[i]);
    left -= after[i];
    const double estimated = tracker.estimate(at_s).remaining_s.p50;
    good = std::abs(estimated - left) < 0.05 * left ? good + 1 : 0;
    if (good == 3) return static_cast<double>(i + 1 - 2);
  }
  return static_cast<double>(kMostAfter);
}

struct Splices {
  std::vector<double> quiet;
  std::vector<double> noisy;
};

Splices splice_runs(const std::vector<RecordedRun>& runs) {
  constexpr std::size_t kFewest = 40;
  constexpr double kQuiet = 0.1;
  constexpr std::size_t kPartners = 4;
  struct Candidate {
    const RecordedRun* run;
    std::vector<double> steps;
    double typical;
    bool quiet;
  };
  std::vector<Candidate> candidates;
  for (const RecordedRun& run : runs) {
    auto steps = steps_alone(run);
    if (steps.size() < kFewest) continue;
    const double typical = median(steps);
    const bool quiet = variation_of(steps) < kQuiet;
    candidates.push_back({&run, std::move(steps), typical, quiet});
  }
  Splices splices;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& first = candidates[i];
    std::size_t found = 0;
    for (std::size_t k = 1; k < candidates.size() && found < kPartners; ++k) {
      const Candidate& second = candidates[(i + k) % candidates.size()];
      if (second.run->program != first.run->program || second.quiet != first.quiet) continue;
      const double ratio = std::abs(std::log(second.typical / first.typical));
      if (ratio < std::log(1.5) || ratio > std::log(4.0)) continue;
      ++found;
      const std::vector<double> before(
          first.steps.begin(),
          first.steps.begin() + static_cast<std::ptrdiff_t>(first.steps.size() / 2));
      (first.quiet ? splices.quiet : splices.noisy)
          .push_back(steps_to_recover(before, second.steps));
    }
  }
  return splices;
}

constexpr int kStepsOfARun = 400;

struct Alarms {
  double runs = 0;
  double alarmed = 0;
  double per_1000() const { return runs > 0 ? 1000 * alarmed / runs : 0; }
};

template <class Draw>
void watch_run(Alarms& alarms, const Draw& draw) {
  estimator::ChangeDetector detector;
  bool alarmed = false;
  for (int i = 0; i < kStepsOfARun; ++i) alarmed |= detector.add(draw()).has_value();
  alarms.runs += 1;
  alarms.alarmed += alarmed ? 1 : 0;
}

/// Runs of 400 steps drawn from each run's own, pauses and all: nothing in them changes.
Alarms watch_drawn_runs(const std::vector<RecordedRun>& runs, std::mt19937_64& random) {
  constexpr int kDraws = 5;
  Alarms alarms;
  for (const RecordedRun& run : runs) {
    std::uniform_int_distribution<std::size_t> any(1, run.intervals_s.size() - 1);
    for (int i = 0; i < kDraws; ++i)
      watch_run(alarms, [&] { return std::max(run.intervals_s[any(random)], 1e-6); });
  }
  return alarms;
}

/// Noise in which neighbours resemble each other, of several strengths and memories.
Alarms watch_runs_with_memory(std::mt19937_64& random) {
  constexpr int kRunsOfEach = 200;
  Alarms alarms;
  std::normal_distribution<double> normal;
  for (const double memory : {0.0, 0.3, 0.6, 0.9})
    for (const double spread : {0.01, 0.05, 0.2, 0.4})
      for (int i = 0; i < kRunsOfEach; ++i) {
        double deviation = spread * normal(random);
        watch_run(alarms, [&] {
          deviation = memory * deviation + spread * std::sqrt(1 - memory * memory) * normal(random);
          return std::exp(deviation);
        });
      }
  return alarms;
}

}  // namespace

std::map<std::string, double> measure_changes(const std::vector<RecordedRun>& runs,
                                              std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const Splices splices = splice_runs(runs);
  const Alarms drawn = watch_drawn_runs(runs, random);
  const Alarms with_memory = watch_runs_with_memory(random);
  const Alarms all{.runs = drawn.runs + with_memory.runs,
                   .alarmed = drawn.alarmed + with_memory.alarmed};
  return {{"recovery_steps", quantile(splices.quiet, 0.9)},
          {"recovery_steps_median", median(splices.quiet)},
          {"recovery_splices", static_cast<double>(splices.quiet.size())},
          {"recovery_noisy_steps_median", median(splices.noisy)},
          {"recovery_noisy_splices", static_cast<double>(splices.noisy.size())},
          {"false_alarms_per_1000", all.per_1000()},
          {"false_alarms_drawn_per_1000", drawn.per_1000()},
          {"false_alarms_with_memory_per_1000", with_memory.per_1000()},
          {"false_alarm_runs", all.runs}};
}

}  // namespace galley::bench
