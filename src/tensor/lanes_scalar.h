// One panel of sixteen outputs in plain C++: what the vector versions must equal.
#pragma once

#include "float_bits.h"
#include "matmul.h"

namespace galley::tensor {
namespace {

struct ScalarLanes {
  static constexpr std::size_t kPanels = 1;
  static constexpr std::size_t kInt8Rows = 1;
  static constexpr std::size_t kDirectRows = 1;
  static constexpr std::size_t kChannelRows = 1;
  static constexpr std::size_t kFloatRows = 1;
  static constexpr bool kDotsBf16 = false;

  struct Floats {
    float lane[16];
  };
  struct Ints {
    std::int32_t lane[16];
  };
  struct Bytes {
    std::uint8_t byte[64];
  };
  struct Four {
    std::int8_t byte[4];
  };

  template <class Make>
  static Floats floats(Make make) {
    Floats out;
    for (std::size_t i = 0; i < 16; ++i) out.lane[i] = make(i);
    return out;
  }
  template <class Make>
  static Ints ints(Make make) {
    Ints out;
    for (std::size_t i = 0; i < 16; ++i) out.lane[i] = static_cast<std::int32_t>(make(i));
    return out;
  }
  template <class Make>
  static Bytes bytes(Make make) {
    Bytes out;
    for (std::size_t i = 0; i < 64; ++i) out.byte[i] = static_cast<std::uint8_t>(make(i));
    return out;
  }

  static Floats zero() { return all(0); }
  static Floats all(float x) {
    return floats([&](std::size_t) { return x; });
  }
  static Floats load(const float* p) {
    return floats([&](std::size_t i) { return p[i]; });
  }
  static void store(Floats x, float* p) {
    for (std::size_t i = 0; i < 16; ++i) p[i] = x.lane[i];
  }
  static void store_first(Floats x, float* p, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) p[i] = x.lane[i];
  }
  static Floats load_first(const float* p, std::size_t n) {
    return floats([&](std::size_t i) { return i < n ? p[i] : 0.0F; });
  }
  static Floats load_f16(const std::uint8_t* p) {
    return floats([&](std::size_t i) {
      return f16_bits_to_f32(static_cast<std::uint16_t>(p[2 * i] | p[2 * i + 1] << 8));
    });
  }
  static Floats load_u8(const std::uint8_t* p) {
    return floats([&](std::size_t i) { return static_cast<float>(p[i]); });
  }
  static Floats load_i8(const std::uint8_t* p) {
    return floats(
        [&](std::size_t i) { return static_cast<float>(static_cast<std::int8_t>(p[i])); });
  }
  static Floats add(Floats a, Floats b) {
    return floats([&](std::size_t i) { return a.lane[i] + b.lane[i]; });
  }
  static Floats multiply(Floats a, Floats b) {
    return floats([&](std::size_t i) { return a.lane[i] * b.lane[i]; });
  }
  static Floats fma(Floats a, Floats b, Floats c) {
    return floats([&](std::size_t i) { return __builtin_fmaf(a.lane[i], b.lane[i], c.lane[i]); });
  }
  static Floats max_size(Floats most, Floats x) {
    return floats([&](std::size_t i) {
      const float size = __builtin_fabsf(x.lane[i]);
      return size > most.lane[i] ? size : most.lane[i];
    });
  }
  static float max(Floats x) {
    float most = x.lane[0];
    for (const float lane : x.lane) most = lane > most ? lane : most;
    return most;
  }
  static Floats bits(Ints x) { return std::bit_cast<Floats>(x); }
  static Ints bits(Floats x) { return std::bit_cast<Ints>(x); }

  static Ints all_ints(std::int32_t x) {
    return ints([&](std::size_t) { return x; });
  }
  static Ints load_ints(const std::int32_t* p) {
    return ints([&](std::size_t i) { return p[i]; });
  }
  static void store_ints(Ints x, std::int32_t* p) {
    for (std::size_t i = 0; i < 16; ++i) p[i] = x.lane[i];
  }
  static Ints add(Ints a, Ints b) {
    return ints([&](std::size_t i) {
      return static_cast<std::uint32_t>(a.lane[i]) + static_cast<std::uint32_t>(b.lane[i]);
    });
  }
  static Ints and_ints(Ints a, Ints b) {
    return ints([&](std::size_t i) { return a.lane[i] & b.lane[i]; });
  }
  static Ints or_ints(Ints a, Ints b) {
    return ints([&](std::size_t i) { return a.lane[i] | b.lane[i]; });
  }
  static Ints shift_right(Ints a, int n) {
    return ints([&](std::size_t i) { return static_cast<std::uint32_t>(a.lane[i]) >> n; });
  }
  static Ints shift_left(Ints a, int n) {
    return ints([&](std::size_t i) { return static_cast<std::uint32_t>(a.lane[i]) << n; });
  }
  static Floats to_floats(Ints x) {
    return floats([&](std::size_t i) { return static_cast<float>(x.lane[i]); });
  }
  /// To nearest even, for sizes below 2^22.
  static Ints to_ints(Floats x) {
    return ints([&](std::size_t i) { return (x.lane[i] + 12582912.0F) - 12582912.0F; });
  }
  static std::int32_t sum(Ints x) {
    std::int32_t total = 0;
    for (const std::int32_t lane : x.lane) total += lane;
    return total;
  }
  static void store_low_bytes(Ints x, std::int8_t* p) {
    for (std::size_t i = 0; i < 16; ++i) p[i] = static_cast<std::int8_t>(x.lane[i]);
  }
  static void store_low_words(Ints x, std::uint16_t* p) {
    for (std::size_t i = 0; i < 16; ++i) p[i] = static_cast<std::uint16_t>(x.lane[i]);
  }

  static Bytes load_bytes(const std::uint8_t* p) {
    return bytes([&](std::size_t i) { return p[i]; });
  }
  static void store_bytes(Bytes x, std::uint8_t* p) {
    for (std::size_t i = 0; i < 64; ++i) p[i] = x.byte[i];
  }
  static Bytes all_bytes(std::uint8_t x) {
    return bytes([&](std::size_t) { return x; });
  }
  static Bytes add_bytes(Bytes a, Bytes b) {
    return bytes([&](std::size_t i) { return a.byte[i] + b.byte[i]; });
  }
  static Bytes and_bytes(Bytes a, Bytes b) {
    return bytes([&](std::size_t i) { return a.byte[i] & b.byte[i]; });
  }
  static Bytes or_bytes(Bytes a, Bytes b) {
    return bytes([&](std::size_t i) { return a.byte[i] | b.byte[i]; });
  }
  static Ints as_ints(Bytes x) { return std::bit_cast<Ints>(x); }
  static Bytes as_bytes(Ints x) { return std::bit_cast<Bytes>(x); }

  /// Weights and inputs in the form that dot() takes.
  using Weights = Bytes;
  using Input = Four;
  static Weights weights(Bytes x) { return x; }
  static Input input(const std::int8_t* p) { return {{p[0], p[1], p[2], p[3]}}; }
  /// sum[i] += weights (unsigned) of row i times the four bytes (signed); wraps.
  static Ints dot(Ints sum, const Weights& w, Input x) {
    return ints([&](std::size_t i) {
      std::int32_t total = 0;
      for (std::size_t j = 0; j < 4; ++j) total += w.byte[4 * i + j] * x.byte[j];
      return static_cast<std::uint32_t>(sum.lane[i]) + static_cast<std::uint32_t>(total);
    });
  }
};

}  // namespace
}  // namespace galley::tensor
