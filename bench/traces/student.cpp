#include "traces/student.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace galley::bench {
namespace {

/// 97.5 % quantiles of Student's distribution by degrees of freedom, 1 to 30; past that the last
/// serves, which errs towards a wider interval.
constexpr std::array kQuantiles = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                   2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                   2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                   2.060,  2.056, 2.052, 2.048, 2.045, 2.042};

}  // namespace

PairedDifference paired_difference(std::span<const double> ours, std::span<const double> theirs) {
  const auto count = ours.size();
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += ours[i] - theirs[i];
  const double mean = sum / static_cast<double>(count);
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i)
    squares += (ours[i] - theirs[i] - mean) * (ours[i] - theirs[i] - mean);
  const double error =
      std::sqrt(squares / static_cast<double>(count - 1) / static_cast<double>(count));
  const double quantile = kQuantiles[std::min(count - 1, kQuantiles.size()) - 1];
  return {.mean = mean, .low = mean - quantile * error};
}

}  // namespace galley::bench
