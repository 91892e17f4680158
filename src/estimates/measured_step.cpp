#include "measured_step.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace galley::estimates {
namespace {

constexpr std::size_t kFewestPoints = 6;
constexpr double kShortestStep = 1e-6;

struct StepKey {
  std::string_view key;
  double seconds;  // of one unit
};
constexpr std::array<StepKey, 8> kStepKeys{{{"step_s", 1},
                                            {"step_time", 1},
                                            {"step_time_s", 1},
                                            {"seconds_per_step", 1},
                                            {"iter_time", 1},
                                            {"time_per_step", 1},
                                            {"step_ms", 1e-3},
                                            {"step_time_ms", 1e-3}}};

std::optional<double> middle_of(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value) || value <= 0; });
  if (values.size() + 1 < kFewestPoints) return std::nullopt;
  const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, half);
  return *half;
}

/// Seconds of each step between neighbours. The first stretch is left out: it holds the warm-up.
std::vector<double> stretches_of(const std::vector<tracking::Point>& points) {
  std::vector<double> stretches;
  for (std::size_t i = 2; i < points.size(); ++i) {
    const auto steps = points[i].step - points[i - 1].step;
    const auto took_ms = points[i].at_ms - points[i - 1].at_ms;
    if (steps > 0 && took_ms > 0)
      stretches.push_back(static_cast<double>(took_ms) / 1e3 / static_cast<double>(steps));
  }
  return stretches;
}

/// Whether a series' steps are epochs: it never goes past them.
bool counts_epochs(const std::string& key, const std::vector<tracking::Point>& points,
                   const JobWork& work) {
  if (key.find("epoch") != key.npos) return true;
  if (!(work.epochs > 0) || points.empty()) return false;
  return static_cast<double>(points.back().step) <= work.epochs;
}

}  // namespace

bool tells_step_time(std::string_view key) {
  return std::ranges::find(kStepKeys, key, &StepKey::key) != kStepKeys.end();
}

std::optional<double> measured_step_s(const RunPoints& points, const JobWork& work, double gpus) {
  for (const StepKey& told : kStepKeys) {
    const auto found = points.find(told.key);
    if (found == points.end()) continue;
    std::vector<double> values;
    for (const auto& point : found->second) values.push_back(point.value * told.seconds);
    if (const auto middle = middle_of(std::move(values)); middle && *middle > kShortestStep)
      return middle;
  }
  const std::pair<const std::string, std::vector<tracking::Point>>* longest = nullptr;
  for (const auto& series : points)
    if (!tells_step_time(series.first) &&
        (longest == nullptr || series.second.size() > longest->second.size()))
      longest = &series;
  if (longest == nullptr) return std::nullopt;
  auto middle = middle_of(stretches_of(longest->second));
  if (!middle) return std::nullopt;
  if (counts_epochs(longest->first, longest->second, work)) {
    const double batch = work.global_batch > 0 ? work.global_batch : work.batch_per_gpu * gpus;
    if (!(batch > 0) || !(work.items > 0)) return std::nullopt;
    *middle /= std::ceil(work.items / batch);
  }
  return *middle > kShortestStep ? middle : std::nullopt;
}

}  // namespace galley::estimates
