#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace galley::cli {

struct CurveSize {
  std::size_t columns = 72;  // of the whole drawing, labels included
  std::size_t rows = 10;     // of the plotting area; one more line labels the steps
};

/// A line drawn with braille dots (2 x 4 to a character), the largest and smallest value at its
/// left, the first and last step below it. Values that are not finite break the line.
/// steps and values have one length; steps ascend. Pure. Empty when there is nothing to draw.
std::string draw_curve(std::span<const double> steps, std::span<const double> values,
                       CurveSize size);

/// "0.4127", "1.2e-05", "nan": a metric for people, at most 4 significant digits more than needed.
std::string short_number(double value);

}  // namespace galley::cli
