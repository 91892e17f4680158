// Sixteen floats in plain C++: the specification of the other lanes. Everything is in an unnamed
// namespace, as in kernel_loops.h, and for the same reason.
#pragma once

#include <cstddef>
#include <cstdint>

#include "float_bits.h"

namespace galley::tensor {
namespace {

inline std::uint32_t bits_of(float x) { return __builtin_bit_cast(std::uint32_t, x); }
inline float float_of(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }

struct ScalarForward {
  static constexpr std::size_t kScoreQueries = 4;  // queries that share one pass over the keys
  static constexpr std::size_t kValueQueries = 2;  // and over the values,
  static constexpr std::size_t kValueColumns = 2;  // in so many vectors of the head

  float lane[16];

  template <class Function>
  static ScalarForward make(Function function) {
    ScalarForward v;
    for (std::size_t i = 0; i < 16; ++i) v.lane[i] = function(i);
    return v;
  }
  static ScalarForward all(float x) {
    return make([&](std::size_t) { return x; });
  }
  static ScalarForward load(const float* p) {
    return make([&](std::size_t i) { return p[i]; });
  }
  static ScalarForward load_f16(const std::uint16_t* p) {
    return make([&](std::size_t i) { return f16_bits_to_f32(p[i]); });
  }
  static ScalarForward load_bf16(const std::uint16_t* p) {
    return make([&](std::size_t i) { return bf16_bits_to_f32(p[i]); });
  }
  static ScalarForward load_i8(const std::int8_t* p) {
    return make([&](std::size_t i) { return static_cast<float>(p[i]); });
  }
  void store(float* p) const {
    for (std::size_t i = 0; i < 16; ++i) p[i] = lane[i];
  }
  void store_f16(std::uint16_t* p) const {
    for (std::size_t i = 0; i < 16; ++i) p[i] = f32_to_f16_bits(lane[i]);
  }
  void store_bf16(std::uint16_t* p) const {
    for (std::size_t i = 0; i < 16; ++i) p[i] = f32_to_bf16_bits(lane[i]);
  }
  /// Rounded to nearest even; values are in [-127, 127].
  void store_i8(std::int8_t* p) const {
    for (std::size_t i = 0; i < 16; ++i)
      p[i] = static_cast<std::int8_t>((lane[i] + 0x1.8p23F) - 0x1.8p23F);
  }

  /// Lanes [begin, end) as they are, `other` in the rest.
  ScalarForward keep(std::uint32_t begin, std::uint32_t end, float other) const {
    return make([&](std::size_t i) { return i >= begin && i < end ? lane[i] : other; });
  }
  /// this * 2^n, rounded once; n holds integers from -151 to 129.
  ScalarForward times_power_of_two(const ScalarForward& n) const {
    return make([&](std::size_t i) {
      const std::uint32_t power = bits_of(n.lane[i] + 0x1.8p23F) - bits_of(0x1.8p23F);
      const auto half = static_cast<std::uint32_t>(static_cast<std::int32_t>(power) >> 1U);
      return lane[i] * float_of((half + 127U) << 23U) * float_of((power - half + 127U) << 23U);
    });
  }
  float total() const {
    float sum[16];
    store(sum);
    for (std::size_t half = 8; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i) sum[i] += sum[i + half];
    return sum[0];
  }
  float largest() const {
    float most[16];
    store(most);
    for (std::size_t half = 8; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i)
        most[i] = most[i] > most[i + half] ? most[i] : most[i + half];
    return most[0];
  }
};

inline ScalarForward operator+(const ScalarForward& a, const ScalarForward& b) {
  return ScalarForward::make([&](std::size_t i) { return a.lane[i] + b.lane[i]; });
}
inline ScalarForward operator-(const ScalarForward& a, const ScalarForward& b) {
  return ScalarForward::make([&](std::size_t i) { return a.lane[i] - b.lane[i]; });
}
inline ScalarForward operator*(const ScalarForward& a, const ScalarForward& b) {
  return ScalarForward::make([&](std::size_t i) { return a.lane[i] * b.lane[i]; });
}
inline ScalarForward operator/(const ScalarForward& a, const ScalarForward& b) {
  return ScalarForward::make([&](std::size_t i) { return a.lane[i] / b.lane[i]; });
}
/// a * b + c, rounded once.
inline ScalarForward fma(const ScalarForward& a, const ScalarForward& b, const ScalarForward& c) {
  return ScalarForward::make(
      [&](std::size_t i) { return __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]); });
}
/// The larger and the smaller lane by lane; b where one of them is NaN.
inline ScalarForward larger(const ScalarForward& a, const ScalarForward& b) {
  return ScalarForward::make(
      [&](std::size_t i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline ScalarForward smaller(const ScalarForward& a, const ScalarForward& b) {
  return ScalarForward::make(
      [&](std::size_t i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline ScalarForward absolute(const ScalarForward& a) {
  return ScalarForward::make(
      [&](std::size_t i) { return float_of(bits_of(a.lane[i]) & 0x7fffffffU); });
}
/// yes where x < 0, else no.
inline ScalarForward where_negative(const ScalarForward& x, const ScalarForward& yes,
                                    const ScalarForward& no) {
  return ScalarForward::make(
      [&](std::size_t i) { return x.lane[i] < 0 ? yes.lane[i] : no.lane[i]; });
}

}  // namespace
}  // namespace galley::tensor
