#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/result.h"
#include "frame.h"
#include "plot/page.h"
#include "plot/svg.h"

namespace galley::plot {
namespace {

constexpr double kRowHeight = 34;
constexpr double kMapBottom = 58;
constexpr double kPalest = 0.10, kDarkest = 0.72;  // so that the ink stays readable on both

struct Range {
  double low = 0, high = 0;

  double opacity(double value) const {
    if (!(high > low) || !(value > 0)) return kPalest;
    const double share = std::log(value / low) / std::log(high / low);
    return kPalest + std::clamp(share, 0.0, 1.0) * (kDarkest - kPalest);
  }
};

Range range_of(const HeatMap& map) {
  Range range;
  for (const HeatMap::Cell& cell : map.cells) {
    if (cell.kind != HeatMap::Cell::Kind::value || !(cell.value > 0)) continue;
    range.low = range.low > 0 ? std::min(range.low, cell.value) : cell.value;
    range.high = std::max(range.high, cell.value);
  }
  return range;
}

std::string draw_cell(const HeatMap::Cell& cell, const Range& range, double x, double y,
                      double width) {
  std::string svg = "<g>";
  if (!cell.tooltip.empty()) svg += fmt::format("<title>{}</title>", escaped(cell.tooltip));
  const auto rect = [&](std::string_view classes, std::string_view more) {
    return fmt::format(
        R"(<rect class="cell {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}"{}/>)", classes, x,
        y, width, kRowHeight, more);
  };
  switch (cell.kind) {
    case HeatMap::Cell::Kind::empty:
      svg += rect("none", "");
      break;
    case HeatMap::Cell::Kind::refused:
      svg += rect("refused", "");
      // A stroke across, so that a refusal is told from a value on paper and without colours.
      svg += fmt::format(R"(<path class="cross" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>)", x + 3,
                         y + kRowHeight - 3, x + width - 3, y + 3);
      break;
    case HeatMap::Cell::Kind::value:
      svg += rect("b0", fmt::format(R"( fill-opacity="{:.2f}")", range.opacity(cell.value)));
      break;
  }
  return svg +
         fmt::format(R"(<text class="in" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text></g>)",
                     x + width / 2, y + kRowHeight / 2 + 4, escaped(cell.text));
}

}  // namespace

std::string heat_map(const HeatMap& map) {
  const std::size_t columns = map.columns.size(), rows = map.rows.size();
  GALLEY_CHECK(map.cells.size() == columns * rows, "a heat map has a cell for each place");
  const double bottom = kTop + kRowHeight * static_cast<double>(rows);
  std::string svg = open_svg(map.label, bottom + kMapBottom);
  svg += fmt::format(R"(<text class="title" x="4" y="18">{}</text>)", escaped(map.y_title));
  const double width =
      (kWidth - kLeft - kRight) / static_cast<double>(std::max<std::size_t>(1, columns));
  const Range range = range_of(map);
  for (std::size_t row = 0; row < rows; ++row) {
    const double y = bottom - kRowHeight * static_cast<double>(row + 1);
    svg += fmt::format(R"(<text x="{}" y="{:.1f}" text-anchor="end">{}</text>)", kLeft - 8,
                       y + kRowHeight / 2 + 5, escaped(map.rows[row]));
    for (std::size_t column = 0; column < columns; ++column)
      svg += draw_cell(map.cells[row * columns + column], range,
                       kLeft + width * static_cast<double>(column), y, width);
  }
  for (std::size_t column = 0; column < columns; ++column)
    svg += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>)",
                       kLeft + width * (static_cast<double>(column) + 0.5), bottom + 20,
                       escaped(map.columns[column]));
  return svg + fmt::format(
                   R"(<text class="title" x="{}" y="{:.1f}" text-anchor="middle">{}</text></svg>)",
                   (kLeft + kWidth - kRight) / 2, bottom + 46, escaped(map.x_title));
}

}  // namespace galley::plot
