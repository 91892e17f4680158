#pragma once

#include <cstdint>
#include <vector>

#include "hpo/space.h"

namespace galley::hpo {

/// A Sobol sequence in [0, 1)^d, scrambled by a random linear map and a random shift of the bits
/// (Matousek 1998), which keeps how evenly it covers the cube and makes every point uniform. The
/// first 32 axes have the direction numbers of Joe and Kuo (2008); further axes are drawn by the
/// seed, without that cover.
class Sobol {
 public:
  Sobol(std::size_t dims, std::uint64_t seed);
  /// Point `index` of the sequence; any order, O(32 d). After 2^32 points it repeats.
  std::vector<double> point(std::uint64_t index) const;

 private:
  static constexpr int kBits = 32;
  std::size_t dims_;
  std::uint64_t seed_;
  std::vector<std::uint32_t> columns_;  // [axis][bit], scrambled
  std::vector<std::uint32_t> shifts_;
};

/// Point `index` of the sequence in the space; where rules forbid it, one near it.
Point spread_point(const Space& space, const Sobol& sobol, std::uint64_t index, Rng& rng);

}  // namespace galley::hpo
