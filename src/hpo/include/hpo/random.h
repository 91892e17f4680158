#pragma once

#include <cstdint>

namespace galley::hpo {

/// Pseudo-random numbers whose sequence is the same on every machine and compiler, which those of
/// <random>'s distributions are not: replaying a study after a crash depends on it.
/// xoshiro256++ (Blackman and Vigna 2019), seeded by splitmix64. A value: copy it to fork it.
class Rng {
 public:
  explicit Rng(std::uint64_t seed, std::uint64_t stream = 0);

  std::uint64_t next();
  double uniform();                          // [0, 1), 53 bits
  std::uint64_t below(std::uint64_t count);  // [0, count); count >= 1
  double normal();                           // mean 0, deviation 1

 private:
  std::uint64_t state_[4];
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace galley::hpo
