#pragma once

#include <span>

namespace galley::bench {

struct PairedDifference {
  double mean = 0;
  double low = 0;  // of the two-sided 95 % Student interval
};

/// Of `ours` minus `theirs`, entry by entry. Requires two or more of each, as many.
PairedDifference paired_difference(std::span<const double> ours, std::span<const double> theirs);

}  // namespace galley::bench
