#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "plot/axis.h"

/// The frame that lines and bars share, in units of the picture.
namespace galley::plot {

inline constexpr double kWidth = 640, kHeight = 330;
inline constexpr double kLeft = 66, kRight = 18, kTop = 34, kBottom = 54;

inline double place(const Axis& axis, double value, double from, double to) {
  const auto scaled = [&axis](double v) {
    return axis.log ? std::log10(std::max(v, axis.from)) : v;
  };
  const double low = scaled(axis.from);
  const double span = scaled(axis.to) - low;
  const double share = span > 0 ? (scaled(value) - low) / span : 0;
  return from + std::clamp(share, 0.0, 1.0) * (to - from);
}
inline double place_x(const Axis& axis, double value) {
  return place(axis, value, kLeft, kWidth - kRight);
}
inline double place_y(const Axis& axis, double value) {
  return place(axis, value, kHeight - kBottom, kTop);
}

std::string open_svg(std::string_view label, double height = kHeight);
/// Grid lines and labels; the title stands above the picture, where it can be read unturned.
std::string draw_y(const Axis& axis);
std::string draw_x(const Axis& axis);

}  // namespace galley::plot
