#include "drift.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "answer_figures.h"

namespace galley::profiling {
namespace {

/// Where the fastest moments begin, of all that were seen: one look may be lucky.
constexpr double kFastest = 0.05;
/// Fewer looks at an experiment than this do not tell how slow its machine was.
constexpr std::size_t kLeastLooks = 3;

struct Looks {
  std::vector<double> beats_ms, free_shares, all_free_shares;
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

struct Levels {
  Looks all;
  std::map<std::string, Looks, std::less<>> by_experiment;
};

Levels levels_of(const Profile& profile) {
  Levels levels;
  const Experiment* machine = profile.find("machine");
  if (machine == nullptr) return levels;
  const Figures figures(*machine);
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto beat = figures.number(row, "beat_ms");
    if (!beat || *beat <= 0) continue;
    const double waited = std::clamp(figures.number(row, "waited_share").value_or(0), 0.0, 0.99);
    const double any_waited =
        std::clamp(figures.number(row, "any_waited_share").value_or(waited), waited, 0.99);
    for (Looks* looks : {&levels.all, &levels.by_experiment[figures.text(row, "during")]}) {
      looks->beats_ms.push_back(*beat);
      looks->free_shares.push_back(1 - waited);
      looks->all_free_shares.push_back(1 - any_waited);
    }
  }
  return levels;
}

double fastest_ms(Looks looks) {
  std::ranges::sort(looks.beats_ms);
  return looks
      .beats_ms[static_cast<std::size_t>(kFastest * static_cast<double>(looks.beats_ms.size()))];
}

double slowest_ms(const Levels& levels) {
  double slowest = mean(levels.all.beats_ms);
  for (const auto& [experiment, looks] : levels.by_experiment)
    if (looks.beats_ms.size() >= kLeastLooks) slowest = std::max(slowest, mean(looks.beats_ms));
  return slowest;
}

}  // namespace

Drift drift_of(const Profile& profile, std::string_view experiment) {
  const Levels levels = levels_of(profile);
  if (levels.all.beats_ms.empty()) return {};
  const auto found = levels.by_experiment.find(experiment);
  const Looks& looks = found == levels.by_experiment.end() ? levels.all : found->second;
  const double beat_ms = mean(looks.beats_ms);
  const double free_share = mean(looks.free_shares);
  return {.faster = std::min(1.0, fastest_ms(levels.all) / beat_ms) * mean(looks.all_free_shares),
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
  if (levels.all.beats_ms.empty()) return std::nullopt;
  double largest = 0;
  for (const auto& [experiment, looks] : levels.by_experiment)
    largest =
        std::max(largest, mean(looks.beats_ms) / mean(looks.free_shares) / fastest_ms(levels.all));
  return std::max(0.0, largest - 1);
}

}  // namespace galley::profiling
