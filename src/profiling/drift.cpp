#include "drift.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "answer_figures.h"

namespace galley::profiling {
namespace {

constexpr double kFastest = 0.05;
/// Fewer looks at an experiment than this do not tell how slow its machine was.
constexpr std::size_t kLeastLooks = 3;

double mean(const std::vector<Look>& looks, double (*of)(const Look&)) {
  double sum = 0;
  for (const Look& look : looks) sum += of(look);
  return looks.empty() ? 0 : sum / static_cast<double>(looks.size());
}
double mean_beat_ms(const std::vector<Look>& looks) {
  return mean(looks, [](const Look& look) { return look.beat_ms; });
}
double mean_free(const std::vector<Look>& looks) {
  return mean(looks, [](const Look& look) { return 1 - look.waited; });
}
double mean_all_free(const std::vector<Look>& looks) {
  return mean(looks, [](const Look& look) { return 1 - look.any_waited; });
}

struct Levels {
  std::vector<Look> all;
  std::map<std::string, std::vector<Look>, std::less<>> by_experiment;
};

Levels levels_of(const Profile& profile) {
  Levels levels;
  const Experiment* machine = profile.find("machine");
  if (machine == nullptr) return levels;
  levels.all = looks_of(*machine);
  for (const Look& look : levels.all) levels.by_experiment[look.during].push_back(look);
  return levels;
}

double slowest_ms(const Levels& levels) {
  double slowest = mean_beat_ms(levels.all);
  for (const auto& [experiment, looks] : levels.by_experiment)
    if (looks.size() >= kLeastLooks) slowest = std::max(slowest, mean_beat_ms(looks));
  return slowest;
}

}  // namespace

std::vector<Look> looks_of(const Experiment& machine) {
  std::vector<Look> looks;
  const Figures figures(machine);
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto beat = figures.number(row, "beat_ms");
    if (!beat || *beat <= 0) continue;
    const double waited = std::clamp(figures.number(row, "waited_share").value_or(0), 0.0, 0.99);
    looks.push_back({.during = std::string(figures.text(row, "during")),
                     .beat_ms = *beat,
                     .waited = waited,
                     .any_waited = std::clamp(
                         figures.number(row, "any_waited_share").value_or(waited), waited, 0.99)});
  }
  return looks;
}

double fastest_ms(const std::vector<Look>& looks) {
  std::vector<double> beats;
  for (const Look& look : looks) beats.push_back(look.beat_ms);
  std::ranges::sort(beats);
  return beats[static_cast<std::size_t>(kFastest * static_cast<double>(beats.size()))];
}

Drift drift_of(const Profile& profile, std::string_view experiment) {
  const Levels levels = levels_of(profile);
  if (levels.all.empty()) return {};
  const auto found = levels.by_experiment.find(experiment);
  const std::vector<Look>& looks = found == levels.by_experiment.end() ? levels.all : found->second;
  const double beat_ms = mean_beat_ms(looks);
  const double free_share = mean_free(looks);
  return {.faster = std::min(1.0, fastest_ms(levels.all) / beat_ms) * mean_all_free(looks),
          .slower = std::max(1.0, slowest_ms(levels) / beat_ms),
          .level_ms = beat_ms / free_share,
          .waited = 1 - free_share};
}

Interval widened_time(const Interval& time, const Drift& drift) {
  return {time.value, time.low * drift.faster, time.high * drift.slower};
}

Interval widened_speed(const Interval& speed, const Drift& drift) {
  return {speed.value, speed.low / drift.slower, speed.high / drift.faster};
}

Interval widened_ratio(const Interval& ratio, const Drift& of, const Drift& over) {
  if (of.level_ms <= 0 || over.level_ms <= 0) return ratio;
  const double level = of.level_ms / over.level_ms;
  return {ratio.value, std::min(ratio.low, ratio.low / level),
          std::max(ratio.high, ratio.high / level)};
}

std::optional<double> largest_slowdown(const Profile& profile) {
  const Levels levels = levels_of(profile);
  if (levels.all.empty()) return std::nullopt;
  double largest = 0;
  for (const auto& [experiment, looks] : levels.by_experiment)
    largest = std::max(largest, mean_beat_ms(looks) / mean_free(looks) / fastest_ms(levels.all));
  return std::max(0.0, largest - 1);
}

}  // namespace galley::profiling
