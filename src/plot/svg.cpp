#include "plot/svg.h"

#include <fmt/format.h>

#include "frame.h"
#include "plot/page.h"

namespace galley::plot {
namespace {

constexpr double kCap = 3.5;  // half the width of a whisker's ends
// A group's name of this many letters a hundred units wide stands upright; longer ones lean.
constexpr double kLettersPer100 = 9;

std::string draw_whisker(double x, double low, double high, std::string_view classes) {
  return fmt::format(R"(<path class="whisker {}" d="M{:.1f} {:.1f}h{}m-{} 0V{:.1f}m-{} 0h{}"/>)",
                     classes, x - kCap, low, 2 * kCap, kCap, high, kCap, 2 * kCap);
}

std::string draw_group(const std::string& name, double middle, double base, double width) {
  if (static_cast<double>(name.size()) * 100 <= kLettersPer100 * width)
    return fmt::format(R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", middle,
                       base + 20, escaped(name));
  return fmt::format(
      R"svg(<text class="small" transform="translate({:.1f} {}) rotate(-28)" text-anchor="end">{}</text>)svg",
      middle + 4, base + 14, escaped(name));
}

std::string draw_line(const Axis& x, const Axis& y, const Line& line) {
  const std::size_t colour = line.colour % kColours;
  std::string svg;
  for (const Whisker& whisker : line.whiskers)
    svg += draw_whisker(place_x(x, whisker.x), place_y(y, whisker.low), place_y(y, whisker.high),
                        fmt::format("c{}", colour));
  if (line.style != LineStyle::dots) {
    std::string path;
    for (const Point& point : line.points)
      path += fmt::format("{:.1f},{:.1f} ", place_x(x, point.x), place_y(y, point.y));
    svg += fmt::format(R"(<polyline class="c{}" points="{}"><title>{}</title></polyline>)", colour,
                       path, escaped(line.name));
  }
  if (line.style != LineStyle::line) {
    const double radius = line.style == LineStyle::dots ? 2.2 : 3.4;
    svg += fmt::format(R"(<g class="dot b{}"><title>{}</title>)", colour, escaped(line.name));
    for (const Point& point : line.points)
      svg += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="{}"/>)", place_x(x, point.x),
                         place_y(y, point.y), radius);
    svg += "</g>";
  }
  return svg;
}

}  // namespace

std::string open_svg(std::string_view label, double height) {
  return fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", kWidth, height,
                     escaped(label));
}

std::string draw_y(const Axis& axis) {
  std::string svg =
      fmt::format(R"(<text class="title" x="4" y="18">{}</text>)", escaped(axis.title));
  for (const Tick& tick : axis.ticks) {
    const double y = place_y(axis, tick.at);
    svg += fmt::format(
        R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text x="{}" y="{:.1f}" text-anchor="end">{}</text>)",
        kLeft, kWidth - kRight, y, y, kLeft - 8, y + 5, escaped(tick.label));
  }
  return svg;
}

std::string draw_x(const Axis& axis) {
  std::string svg;
  for (const Tick& tick : axis.ticks) {
    const double x = place_x(axis, tick.at);
    svg += fmt::format(
        R"(<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/><text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)",
        x, x, kTop, kHeight - kBottom, x, kHeight - kBottom + 20, escaped(tick.label));
  }
  return svg + fmt::format(R"(<text class="title" x="{}" y="{}" text-anchor="middle">{}</text>)",
                           (kLeft + kWidth - kRight) / 2, kHeight - 8, escaped(axis.title));
}

std::string line_plot(const Axis& x, const Axis& y, const std::vector<Line>& lines) {
  std::string svg = open_svg(y.title + " against " + x.title) + draw_y(y) + draw_x(x);
  for (const Line& line : lines) svg += draw_line(x, y, line);
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
          bar.colour % kColours, x, top, std::max(1.0, bar_width - 2), base - top,
          escaped(bar.name), escaped(groups[group]), escaped(label(bar.values[group])));
      if (!bar.ranges.empty())
        svg += draw_whisker(x + (bar_width - 2) / 2, place_y(y, bar.ranges[group].low),
                            place_y(y, bar.ranges[group].high), "over");
      x += bar_width;
    }
    svg += draw_group(groups[group], middle, base, group_width);
  }
  return svg + "</svg>";
}

}  // namespace galley::plot
