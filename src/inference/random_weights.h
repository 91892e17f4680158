#pragma once

#include <cstdint>
#include <span>

namespace galley::inference {

/// A well-mixed function of its argument (SplitMix64's output step, Steele et al. 2014).
inline std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

/// Numbers in order, from a seed.
class RandomBits {
 public:
  explicit RandomBits(std::uint64_t seed) : state_(mix_bits(seed)) {}
  std::uint64_t next() { return mix_bits(state_++); }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t state_;
};

/// Near-normal numbers of this deviation: the sum of four uniform ones, which ends at 3.5
/// deviations and so holds no outlier. A number depends on its stream and index alone.
void fill_normal(std::uint64_t stream, float deviation, std::span<float> out);

}  // namespace galley::inference
