#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "hpo/sampler.h"

namespace galley::hpo {

struct ImportanceOptions {
  std::size_t trees = 32;
  std::size_t objective = 0;  // which of the observations' objectives
  std::uint64_t seed = 0;
};

struct Importance {
  std::vector<double> alone;  // by parameter: share of the variance that it explains by itself
  struct Pair {
    std::size_t first = 0;
    std::size_t second = 0;
    double share = 0;  // beyond what each of the two explains alone
  };
  std::vector<Pair> pairs;  // of the five parameters that matter most alone; the greatest first
  std::size_t rows = 0;     // observations that it is computed from
};

/// How much each parameter matters over the whole space: functional analysis of variance of a
/// random forest (Hutter, Hoos, Leyton-Brown 2014). Each tree splits the unit cube into boxes, so
/// that the mean over all other parameters is a sum over boxes, and exact. Shares are means over
/// trees and sum to at most 1 with all interactions.
///
/// Our departures: boxes hold 5 trials at least (the paper's trees grow to single ones); losses
/// beyond the upper fence (third quartile + 1.5 quartile ranges) count as at the fence, so that a
/// few diverged trials do not decide; failed trials are left out; inactive parameters stand in the
/// middle of their range; of more than 1,000 observations an even choice of 1,000 is used.
///
/// Pure; safe from any thread; O(trees rows (size log rows + rows)), 0.2 s for 1,000 rows of 10.
/// Errors: invalid_argument  fewer than 8 observations with this objective, trees of 0
Result<Importance> importance(const Space& space, std::span<const Observation> observations,
                              const ImportanceOptions& options = {});

}  // namespace galley::hpo
