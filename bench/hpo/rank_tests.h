#pragma once

#include <vector>

namespace galley::bench {

/// Two-sided p of Wilcoxon's signed-rank test that paired differences lie about 0: normal
/// approximation with correction for ties; zeros are left out. 1 for fewer than 5 differences.
double wilcoxon_p(const std::vector<double>& differences);

/// The p values corrected for their number (Holm 1979), in the order given.
std::vector<double> holm(const std::vector<double>& p_values);

/// Ranks from 1, ties sharing their mean.
std::vector<double> ranks_of(const std::vector<double>& values);

}  // namespace galley::bench
