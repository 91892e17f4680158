#include "svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace galley::simulation {
namespace {

constexpr double kWidth = 760, kHeight = 340;
constexpr std::size_t kRoomyGroups = 6;  // whose names fit in full size
constexpr double kLeft = 84, kRight = 16, kTop = 12, kBottom = 54;

double place(const Axis& axis, double value, double from, double to) {
  const auto scaled = [&axis](double v) {
    return axis.log ? std::log10(std::max(v, axis.from)) : v;
  };
  const double low = scaled(axis.from);
  const double span = scaled(axis.to) - low;
  const double share = span > 0 ? (scaled(value) - low) / span : 0;
  return from + std::clamp(share, 0.0, 1.0) * (to - from);
}

double place_x(const Axis& axis, double value) {
  return place(axis, value, kLeft, kWidth - kRight);
}
double place_y(const Axis& axis, double value) {
  return place(axis, value, kHeight - kBottom, kTop);
}

std::string open_svg(std::string_view label) {
  return fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", kWidth, kHeight,
                     escaped(label));
}

std::string draw_y(const Axis& axis) {
  std::string svg;
  for (const Tick& tick : axis.ticks) {
    const double y = place_y(axis, tick.at);
    svg += fmt::format(
        R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text x="{}" y="{:.1f}" text-anchor="end">{}</text>)",
        kLeft, kWidth - kRight, y, y, kLeft - 8, y + 5, escaped(tick.label));
  }
  return svg +
         fmt::format(
             R"svg(<text class="title" transform="translate(16 {}) rotate(-90)" text-anchor="middle">{}</text>)svg",
             (kTop + kHeight - kBottom) / 2, escaped(axis.title));
}

std::string draw_x_title(std::string_view title) {
  return fmt::format(R"(<text class="title" x="{}" y="{}" text-anchor="middle">{}</text>)",
                     (kLeft + kWidth - kRight) / 2, kHeight - 8, escaped(title));
}

std::string draw_x(const Axis& axis) {
  std::string svg;
  for (const Tick& tick : axis.ticks) {
    const double x = place_x(axis, tick.at);
    svg += fmt::format(
        R"(<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/><text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)",
        x, x, kTop, kHeight - kBottom, x, kHeight - kBottom + 20, escaped(tick.label));
  }
  return svg + draw_x_title(axis.title);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string line_plot(const Axis& x, const Axis& y, const std::vector<Line>& lines) {
  std::string svg = open_svg(y.title + " against " + x.title) + draw_y(y) + draw_x(x);
  for (const Line& line : lines) {
    std::string path;
    for (const Point& point : line.points)
      path += fmt::format("{:.1f},{:.1f} ", place_x(x, point.x), place_y(y, point.y));
    svg += fmt::format(R"(<polyline class="c{}" points="{}"><title>{}</title></polyline>)",
                       line.colour, path, escaped(line.name));
  }
  return svg + "</svg>";
}

std::string bar_plot(const Axis& y, const std::vector<std::string>& groups,
                     const std::vector<Bars>& bars, std::string (*label)(double)) {
  std::string svg = open_svg(y.title) + draw_y(y);
  const double group_width = (kWidth - kLeft - kRight) / static_cast<double>(groups.size());
  const double bar_width = std::min(
      34.0, 0.8 * group_width / static_cast<double>(std::max<std::size_t>(1, bars.size())));
  const double base = kHeight - kBottom;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    const double middle = kLeft + group_width * (static_cast<double>(group) + 0.5);
    double x = middle - bar_width * static_cast<double>(bars.size()) / 2;
    for (const Bars& bar : bars) {
      const double top = std::min(place_y(y, bar.values[group]), base - 1.5);
      svg += fmt::format(
          R"(<rect class="b{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}, {}: {}</title></rect>)",
          bar.colour, x, top, std::max(1.0, bar_width - 2), base - top, escaped(bar.name),
          escaped(groups[group]), escaped(label(bar.values[group])));
      x += bar_width;
    }
    svg += fmt::format(R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", middle,
                       base + 20, escaped(groups[group]));
  }
  return svg + "</svg>";
}

Axis linear_axis(std::string title, double to, std::string_view unit) {
  const double rough = std::max(to, 1e-9) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = power * factor;
    if (step >= rough) break;
  }
  Axis axis{.title = std::move(title), .from = 0, .to = to, .log = false, .ticks = {}};
  for (double at = 0; at <= to * 1.001; at += step)
    axis.ticks.push_back({at, fmt::format("{:g}{}", at, unit)});
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

}  // namespace galley::simulation
