#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "plot/axis.h"

/// Pictures as inline SVG, 640 wide; they scale with the page. Names and labels are escaped.
namespace galley::plot {

struct Point {
  double x = 0;
  double y = 0;
};
/// An interval drawn as a thin vertical line with ends.
struct Whisker {
  double x = 0;
  double low = 0;
  double high = 0;
};
enum class LineStyle { line, dots, line_and_dots };

/// `colour` is the number of one of the page's colours.
struct Line {
  std::string name;
  std::size_t colour = 0;
  std::vector<Point> points;
  LineStyle style = LineStyle::line;
  std::vector<Whisker> whiskers{};
};

/// Lines as one picture, cut at the axes. Every line has its name as a tooltip.
std::string line_plot(const Axis& x, const Axis& y, const std::vector<Line>& lines);

struct Bars {
  std::string name;
  std::size_t colour = 0;
  std::vector<double> values;  // one for each group
  struct Range {
    double low = 0, high = 0;
  };
  std::vector<Range> ranges{};  // whiskers: none, or one for each group
};
/// Groups of bars side by side. What lies below a logarithmic axis is drawn as a stub.
std::string bar_plot(const Axis& y, const std::vector<std::string>& groups,
                     const std::vector<Bars>& bars, std::string (*label)(double value));

/// A grid of cells: darker is more. Columns go right, rows go up.
struct HeatMap {
  std::string label;  // what the picture shows, for those who cannot see it
  std::string x_title, y_title;
  std::vector<std::string> columns, rows;
  struct Cell {
    enum class Kind { empty, value, refused } kind = Kind::empty;
    double value = 0;     // decides the darkness, on a logarithmic scale
    std::string text;     // in the cell, a few characters
    std::string tooltip;  // the whole of it
  };
  std::vector<Cell> cells;  // row by row, columns.size() × rows.size()
};
std::string heat_map(const HeatMap& map);

}  // namespace galley::plot
