#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace galley::simulation {

/// Text that may stand in HTML, in an attribute too.
std::string escaped(std::string_view text);

struct Point {
  double x = 0;
  double y = 0;
};
/// `colour` is the number of one of the page's colours.
struct Line {
  std::string name;
  std::size_t colour = 0;
  std::vector<Point> points;
};
struct Tick {
  double at = 0;
  std::string label;
};
/// `log`: the axis shows powers of ten; from must be above 0 then.
struct Axis {
  std::string title;
  double from = 0;
  double to = 1;
  bool log = false;
  std::vector<Tick> ticks;
};

/// Lines as one SVG picture, cut at the axes. Every line has its name as a tooltip.
std::string line_plot(const Axis& x, const Axis& y, const std::vector<Line>& lines);

struct Bars {
  std::string name;
  std::size_t colour = 0;
  std::vector<double> values;  // one for each group
};
/// Groups of bars side by side. What lies below a logarithmic axis is drawn as a stub.
std::string bar_plot(const Axis& y, const std::vector<std::string>& groups,
                     const std::vector<Bars>& bars, std::string (*label)(double value));

/// Ticks of a linear axis from 0: about five round numbers.
Axis linear_axis(std::string title, double to, std::string_view unit = {});
/// Ticks of durations between a second and the value: 1 s, 10 s, 1 min, 10 min, 1 h, ...
Axis duration_axis(std::string title, double to_s);
/// 1, 10, 100, ...
Axis count_axis(std::string title, double to);
/// "3.1 h": two digits that matter.
std::string short_duration(double seconds);

}  // namespace galley::simulation
