#pragma once

#include <span>
#include <vector>

namespace galley::openai {

/// Whether a series of equally spaced values rises. Values that follow each other are alike, which
/// no test of single values forgives, so the series is cut into ten blocks and their medians count.
struct Trend {
  double growth = 0;   // from the first block to the last: the slope of Theil and Sen
  bool rises = false;  // by the test of Mann and Kendall, one-sided, at 1 %
};
/// Needs ten values at least.
Trend trend_of(std::span<const double> values);

double quantile_of(std::vector<double> values, double share);

}  // namespace galley::openai
