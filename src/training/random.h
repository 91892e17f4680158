#pragma once

#include <cstdint>

namespace galley::training {

/// splitmix64 (Steele, Lea, Flood 2014): the same numbers on every machine, cheap to start anew for
/// each example, which makes an example's dropout independent of the thread that meets it.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  /// Uniform in [0, bound), bound > 0; the bias of the multiplication is below 2^-32.
  std::uint64_t below(std::uint32_t bound) { return (next() >> 32U) * bound >> 32U; }
  /// Uniform in [-1, 1).
  float signed_unit() {
    return static_cast<float>(static_cast<std::int64_t>(next()) >> 40U) * 0x1p-23F;
  }

 private:
  std::uint64_t state_;
};

}  // namespace galley::training
