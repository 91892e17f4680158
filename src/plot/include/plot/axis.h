#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace galley::plot {

struct Tick {
  double at = 0;
  std::string label;
};

/// `log`: equal distances are equal ratios; from must be above 0 then.
struct Axis {
  std::string title;
  double from = 0;
  double to = 1;
  bool log = false;
  std::vector<Tick> ticks;
};

/// From 0, with about five round numbers.
Axis linear_axis(std::string title, double to, std::string_view unit = {});
/// Around the values from `from` to `to`, both at least 0: from 0 where they reach down to a half
/// of the largest, so that a narrow range is not squeezed into a corner.
Axis range_axis(std::string title, double from, double to);
/// 1, 10, 100, ...
Axis count_axis(std::string title, double to);
/// From below `from` to above `to`, both above 0: powers of ten, or 1-2-5 steps in a short range.
Axis log_axis(std::string title, double from, double to);
/// A tick at each value, logarithmic, as for batch sizes 1, 2, 4, …; values ascend and are above 0.
Axis steps_axis(std::string title, std::span<const double> values);
/// Ticks of durations between a second and the value: 1 s, 10 s, 1 min, 10 min, 1 h, ...
Axis duration_axis(std::string title, double to_s);

/// "3.1 h": two digits that matter.
std::string short_duration(double seconds);
/// "1,240", "12.4", "0.0031": three digits that matter, thousands apart.
std::string short_number(double value);

}  // namespace galley::plot
