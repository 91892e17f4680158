#include "curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/result.h"

namespace galley::cli {
namespace {

/// A grid of dots, printed as braille characters.
class Dots {
 public:
  Dots(std::size_t columns, std::size_t rows)
      : columns_(columns), rows_(rows), cells_(columns * rows) {}

  std::size_t width() const { return columns_ * 2; }
  std::size_t height() const { return rows_ * 4; }

  void set(std::size_t x, std::size_t y) {
    constexpr std::array<std::array<std::uint8_t, 2>, 4> kBits{
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    cells_[y / 4 * columns_ + x / 2] |= kBits[y % 4][x % 2];
  }

  std::string row(std::size_t r) const {
    std::string text;
    for (std::size_t c = 0; c < columns_; ++c) {
      const std::uint8_t bits = cells_[r * columns_ + c];
      // U+2800 + bits in UTF-8.
      text += '\xe2';
      text += static_cast<char>(0xa0U | (bits >> 6U));
      text += static_cast<char>(0x80U | (bits & 0x3fU));
    }
    return text;
  }

 private:
  std::size_t columns_;
  std::size_t rows_;
  std::vector<std::uint8_t> cells_;
};

/// Where `value` lies between the ends, as an index below `count`; the middle of an empty range.
double place(double value, double low, double high, std::size_t count) {
  const double last = static_cast<double>(count - 1);
  // Halves first: the difference of two large numbers of opposite sign overflows.
  const double range = high / 2 - low / 2;
  if (!(range > 0)) return last / 2;
  return std::clamp((value / 2 - low / 2) / range, 0.0, 1.0) * last;
}

struct Point {
  double x = 0;
  double y = 0;
};

void draw_line(Dots& dots, Point from, Point to) {
  const double length = std::max({std::abs(to.x - from.x), std::abs(to.y - from.y), 1.0});
  const auto count = static_cast<std::size_t>(std::ceil(length));
  for (std::size_t i = 0; i <= count; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(count);
    dots.set(static_cast<std::size_t>(std::lround(from.x + (to.x - from.x) * share)),
             static_cast<std::size_t>(std::lround(from.y + (to.y - from.y) * share)));
  }
}

}  // namespace

std::string short_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == std::trunc(value) && std::abs(value) < 1e9) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

std::string draw_curve(std::span<const double> steps, std::span<const double> values,
                       CurveSize size) {
  GALLEY_CHECK(steps.size() == values.size(), "each value of a curve has its step");
  double low = 0;
  double high = 0;
  bool any = false;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = any ? std::min(low, value) : value;
    high = any ? std::max(high, value) : value;
    any = true;
  }
  if (!any) return {};

  const std::string top = short_number(high);
  const std::string bottom = short_number(low);
  const std::size_t margin = std::max(top.size(), bottom.size());
  const std::size_t rows = std::max<std::size_t>(size.rows, 2);
  Dots dots(std::max<std::size_t>(size.columns, margin + 12) - margin - 2, rows);

  Point before;
  bool connected = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      connected = false;
      continue;
    }
    const Point here{
        place(steps[i], steps.front(), steps.back(), dots.width()),
        static_cast<double>(dots.height() - 1) - place(values[i], low, high, dots.height())};
    draw_line(dots, connected ? before : here, here);
    before = here;
    connected = true;
  }

  std::string out;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::string& label = r == 0 ? top : r + 1 == rows ? bottom : std::string{};
    out += fmt::format("{:>{}} │{}\n", label, margin, dots.row(r));
  }
  const std::string first = short_number(steps.front());
  const std::string last = short_number(steps.back());
  const std::size_t space = dots.width() / 2;
  const std::size_t between =
      space > first.size() + last.size() ? space - first.size() - last.size() : 1;
  return out + fmt::format("{:>{}} └{}{}{}\n", "", margin, first, std::string(between, ' '), last);
}

}  // namespace galley::cli
