#include "study_race.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace galley::studies {
namespace {

/// The 0.975 quantile of Student's t.
double t_quantile(std::size_t freedom) {
  constexpr std::array<double, 4> kFew{12.7062, 4.30265, 3.18245, 2.77645};
  if (freedom <= kFew.size()) return kFew[freedom - 1];
  // Abramowitz and Stegun 26.7.5, with z of the normal distribution.
  constexpr double z = 1.959964;
  const double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  const auto v = static_cast<double>(freedom);
  return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v);
}

}  // namespace

std::vector<RacedTrial> raced_trials(const hpo::Study& study) {
  const auto& trials = study.trials();
  std::map<hpo::TrialNumber, std::vector<double>> values;
  const auto add = [&](hpo::TrialNumber finalist, const hpo::Trial& run) {
    if (run.state == hpo::TrialState::finished && !run.objectives.empty() &&
        !std::isnan(run.objectives[0]))
      values[finalist].push_back(run.objectives[0]);
  };
  for (const auto& trial : trials)
    if (trial.repeat_of >= 0) add(trial.repeat_of, trial);
  std::vector<RacedTrial> raced;
  for (auto& [finalist, runs] : values) {
    add(finalist, trials[static_cast<std::size_t>(finalist)]);
    const auto count = static_cast<double>(runs.size());
    RacedTrial one{.trial = finalist, .runs = static_cast<std::int64_t>(runs.size())};
    for (const double value : runs) one.mean += value / count;
    if (runs.size() > 1) {
      double squares = 0;
      for (const double value : runs) squares += (value - one.mean) * (value - one.mean);
      const double half = t_quantile(runs.size() - 1) * std::sqrt(squares / (count - 1) / count);
      one.low = one.mean - half;
      one.high = one.mean + half;
    }
    raced.push_back(one);
  }
  const bool maximise = study.spec().measures[0].maximise;
  std::ranges::stable_sort(raced, [maximise](const RacedTrial& a, const RacedTrial& b) {
    return maximise ? a.mean > b.mean : a.mean < b.mean;
  });
  return raced;
}

}  // namespace galley::studies
