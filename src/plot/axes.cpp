#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "plot/axis.h"

namespace galley::plot {
namespace {

constexpr double kFewDecades = 2.2;  // where powers of ten alone would leave an axis nearly bare

/// A fifth of the span, rounded up to 1, 2 or 5 times a power of ten.
double round_step(double span) {
  const double rough = std::max(span, 1e-9) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (power * factor >= rough) return power * factor;
  return power * 10;
}

std::string linear_label(double at) {
  constexpr double kLong = 1e4;
  return at >= kLong ? short_number(at) : fmt::format("{:g}", at);
}

}  // namespace

Axis linear_axis(std::string title, double to, std::string_view unit) {
  const double step = round_step(to);
  Axis axis{.title = std::move(title), .from = 0, .to = to, .log = false, .ticks = {}};
  for (double at = 0; at <= to * 1.001; at += step)
    axis.ticks.push_back({at, fmt::format("{}{}", linear_label(at), unit)});
  return axis;
}

Axis range_axis(std::string title, double from, double to) {
  if (from < to / 2 || from >= to) return linear_axis(std::move(title), to);
  const double step = round_step(to - from);
  Axis axis{.title = std::move(title),
            .from = std::floor(from / step) * step,
            .to = std::ceil(to / step) * step,
            .log = false,
            .ticks = {}};
  for (double at = axis.from; at <= axis.to + step / 2; at += step)
    axis.ticks.push_back({at, linear_label(at)});
  return axis;
}

Axis duration_axis(std::string title, double to_s) {
  Axis axis{
      .title = std::move(title), .from = 1, .to = std::max(to_s, 10.0), .log = true, .ticks = {}};
  constexpr std::array<std::pair<double, const char*>, 9> kMarks{{{1, "1 s"},
                                                                  {10, "10 s"},
                                                                  {60, "1 min"},
                                                                  {600, "10 min"},
                                                                  {3600, "1 h"},
                                                                  {36000, "10 h"},
                                                                  {259200, "3 d"},
                                                                  {2592000, "30 d"},
                                                                  {31536000, "1 y"}}};
  for (const auto& [at, label] : kMarks)
    if (at <= axis.to) axis.ticks.push_back({at, label});
  return axis;
}

Axis count_axis(std::string title, double to) {
  Axis axis{
      .title = std::move(title), .from = 1, .to = std::max(to, 10.0), .log = true, .ticks = {}};
  for (double at = 1; at <= axis.to; at *= 10)
    axis.ticks.push_back({at, fmt::format("{:.0f}", at)});
  return axis;
}

Axis log_axis(std::string title, double from, double to) {
  from = std::max(from, 1e-9);
  to = std::max(to, from * 1.5);
  const bool few = std::log10(to / from) < kFewDecades;
  std::vector<double> marks;
  for (double power = std::pow(10, std::floor(std::log10(from))); power < to * 10; power *= 10)
    for (const double factor : {1.0, 2.0, 5.0})
      if (few || factor == 1.0) marks.push_back(power * factor);
  // The mark just below the smallest value and the one just above the largest bound the axis.
  const auto above = std::ranges::upper_bound(marks, from * 1.0001);
  auto first = above == marks.begin() ? above : std::prev(above);
  auto last = std::ranges::lower_bound(marks, to * 0.9999);
  if (last == marks.end()) --last;
  Axis axis{.title = std::move(title), .from = *first, .to = *last, .log = true, .ticks = {}};
  for (; first <= last; ++first) axis.ticks.push_back({*first, short_number(*first)});
  return axis;
}

Axis steps_axis(std::string title, std::span<const double> values) {
  Axis axis{.title = std::move(title), .from = 1, .to = 2, .log = true, .ticks = {}};
  if (values.empty()) return axis;
  // A margin keeps the first and last dots off the frame.
  axis.from = values.front() / 1.15;
  axis.to = values.back() * 1.15;
  for (const double value : values) axis.ticks.push_back({value, short_number(value)});
  return axis;
}

std::string short_duration(double seconds) {
  const auto digits = [](double value, const char* unit) {
    return value < 9.95 ? fmt::format("{:.1f} {}", value, unit)
                        : fmt::format("{:.0f} {}", value, unit);
  };
  if (seconds < 59.5) return fmt::format("{:.0f} s", seconds);
  if (seconds < 3570) return digits(seconds / 60, "min");
  if (seconds < 48 * 3600) return digits(seconds / 3600, "h");
  return digits(seconds / 86400, "d");
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "–";
  const double size = std::abs(value);
  if (size >= 999.5) {
    // Past a million million no table has room for the digits.
    if (size >= 1e15) return fmt::format("{:.2e}", value);
    std::string digits = fmt::format("{:.0f}", size);
    for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
    if (value < 0) digits.insert(digits.begin(), '-');
    return digits;
  }
  if (size == 0) return "0";
  const int decimals = std::clamp(2 - static_cast<int>(std::floor(std::log10(size))), 0, 9);
  std::string digits = fmt::format("{:.{}f}", value, decimals);
  if (digits.find('.') != std::string::npos) {
    while (digits.back() == '0') digits.pop_back();
    if (digits.back() == '.') digits.pop_back();
  }
  return digits;
}

}  // namespace galley::plot
