#include "estimator/change.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace galley::estimator {
namespace {

constexpr std::size_t kFewestBefore = 8;
constexpr std::size_t kMostRemembered = 256;
constexpr double kSmallestChange = 0.14;  // natural logarithm of 1.15
constexpr double kSigmas = 8;

/// Clocks that print milliseconds make quiet series look quieter than they are.
constexpr double kSmallestSpread = 0.008;

struct ChangeWindow {
  std::size_t steps;
  std::size_t fewest_beyond;  // that must lie on the new side
};
constexpr std::array<ChangeWindow, 4> kChangeWindows{{{6, 6}, {12, 10}, {24, 19}, {48, 37}}};

double middle_of(std::vector<double>& values, double quantile) {
  const auto at = static_cast<std::ptrdiff_t>(quantile * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

/// Neighbouring steps that resemble each other carry less news than independent ones.
double inflation_by_memory(std::span<const double> logs, double center, double spread) {
  double product = 0;
  double squares = 0;
  const double limit = 3 * spread;
  double previous = std::clamp(logs[0] - center, -limit, limit);
  for (std::size_t i = 1; i < logs.size(); ++i) {
    const double here = std::clamp(logs[i] - center, -limit, limit);
    product += previous * here;
    squares += previous * previous;
    previous = here;
  }
  // Short series understate their memory; 2/sqrt(n) is what chance alone would reach.
  const double memory = squares > 0 ? product / squares : 0;
  const double bounded =
      std::clamp(memory + 1.0 / std::sqrt(static_cast<double>(logs.size())), 0.0, 0.95);
  return std::sqrt((1 + bounded) / (1 - bounded));
}

}  // namespace

void ChangeDetector::learn_typical(std::size_t before) {
  std::vector<double> values(logs_.begin(), logs_.begin() + static_cast<std::ptrdiff_t>(before));
  typical_ = middle_of(values, 0.5);
  const double decile_spread = (middle_of(values, 0.9) - middle_of(values, 0.1)) / 2.563;
  for (double& value : values) value = std::abs(value - typical_);
  spread_ = std::max({1.4826 * middle_of(values, 0.5), decile_spread, kSmallestSpread});
  // Few values may lie together by chance; the bound is Student's rather than Gauss's.
  const double freedom = static_cast<double>(before);
  spread_ *= 1 + 4 / freedom;
  spread_ *= inflation_by_memory(std::span(logs_).first(before), typical_, spread_);
  learned_from_ = before;
}

std::optional<SpeedChange> ChangeDetector::look_back(std::size_t window) {
  const auto shape = std::ranges::find(kChangeWindows, window, &ChangeWindow::steps);
  const std::size_t before = logs_.size() - window;
  std::vector<double> recent(logs_.end() - static_cast<std::ptrdiff_t>(window), logs_.end());
  const double now = middle_of(recent, 0.5);
  // The quick look, with the spread as it was last learned, ends nearly every step.
  if (learned_from_ > 0 && std::abs(now - typical_) < kSmallestChange) return std::nullopt;
  learn_typical(before);
  const double distance = now - typical_;
  const double noise =
      spread_ * std::sqrt(1.57 / static_cast<double>(window) + 1.57 / static_cast<double>(before));
  if (std::abs(distance) < std::max(kSmallestChange, kSigmas * noise)) return std::nullopt;
  const double border = typical_ + distance / 2;
  const auto is_beyond = [&](double value) {
    return distance > 0 ? value > border : value < border;
  };
  if (static_cast<std::size_t>(std::ranges::count_if(recent, is_beyond)) < shape->fewest_beyond)
    return std::nullopt;
  // The change began where the steps stop lying beyond the border, one stray step aside.
  std::size_t ago = 0;
  for (std::size_t strays = 0; ago < logs_.size(); ++ago) {
    strays = is_beyond(logs_[logs_.size() - 1 - ago]) ? 0 : strays + 1;
    if (strays == 2) break;
  }
  ago = ago > 1 ? ago - 1 : ago;
  while (ago > 1 && !is_beyond(logs_[logs_.size() - ago])) --ago;
  const SpeedChange change{.steps_ago = ago, .ratio = std::exp(distance)};
  logs_.erase(logs_.begin(), logs_.end() - static_cast<std::ptrdiff_t>(ago));
  learned_from_ = 0;
  return change;
}

std::optional<SpeedChange> ChangeDetector::add(double step_s) {
  if (!(step_s > 0) || !std::isfinite(step_s)) return std::nullopt;
  if (logs_.size() == 2 * kMostRemembered)
    logs_.erase(logs_.begin(), logs_.begin() + static_cast<std::ptrdiff_t>(kMostRemembered));
  logs_.push_back(std::log(step_s));
  ++since_look_;
  for (const ChangeWindow& window : kChangeWindows) {
    if (logs_.size() < window.steps + std::max(kFewestBefore, window.steps / 2)) break;
    // Long windows move slowly: looking at them every fourth step loses nothing.
    if (window.steps > 12 && since_look_ % 4 != 0) continue;
    if (const auto change = look_back(window.steps)) return change;
  }
  return std::nullopt;
}

}  // namespace galley::estimator
