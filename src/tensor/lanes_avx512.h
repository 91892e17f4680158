// One panel of sixteen outputs in one 512-bit register.
#pragma once

#include <immintrin.h>

#include "matmul.h"

namespace galley::tensor {
namespace {

struct Avx512Base {
  static constexpr std::size_t kPanels = 2;
  static constexpr std::size_t kInt8Rows = 5;  // 10 dots, blocks and sums each
  static constexpr std::size_t kDirectRows = 4;
  static constexpr std::size_t kChannelRows = 6;  // 12 dots
  static constexpr std::size_t kFloatRows = 8;
  static constexpr bool kDotsBf16 = false;

  using Floats = __m512;
  using Ints = __m512i;
  using Bytes = __m512i;

  static __mmask16 first(std::size_t n) { return static_cast<__mmask16>((1U << n) - 1); }
  static __m128i load_16(const std::uint8_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }

  static Floats zero() { return _mm512_setzero_ps(); }
  static Floats all(float x) { return _mm512_set1_ps(x); }
  static Floats load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(Floats x, float* p) { _mm512_storeu_ps(p, x); }
  static void store_first(Floats x, float* p, std::size_t n) {
    _mm512_mask_storeu_ps(p, first(n), x);
  }
  static Floats load_first(const float* p, std::size_t n) {
    return _mm512_maskz_loadu_ps(first(n), p);
  }
  static Floats load_f16(const std::uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Floats load_u8(const std::uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_16(p)));
  }
  static Floats load_i8(const std::uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_16(p)));
  }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static Floats max_size(Floats most, Floats x) { return _mm512_max_ps(_mm512_abs_ps(x), most); }
  static float max(Floats x) { return _mm512_reduce_max_ps(x); }
  static Floats bits(Ints x) { return _mm512_castsi512_ps(x); }
  static Ints bits(Floats x) { return _mm512_castps_si512(x); }

  static Ints all_ints(std::int32_t x) { return _mm512_set1_epi32(x); }
  static Ints load_ints(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static void store_ints(Ints x, std::int32_t* p) { _mm512_storeu_si512(p, x); }
  static Ints add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
  static Ints and_ints(Ints a, Ints b) { return _mm512_and_si512(a, b); }
  static Ints or_ints(Ints a, Ints b) { return _mm512_or_si512(a, b); }
  static Ints shift_right(Ints a, int n) { return _mm512_srl_epi32(a, _mm_cvtsi32_si128(n)); }
  static Ints shift_left(Ints a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
  static Floats to_floats(Ints x) { return _mm512_cvtepi32_ps(x); }
  static Ints to_ints(Floats x) { return _mm512_cvtps_epi32(x); }
  static std::int32_t sum(Ints x) { return _mm512_reduce_add_epi32(x); }
  static void store_low_bytes(Ints x, std::int8_t* p) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
  }
  static void store_low_words(Ints x, std::uint16_t* p) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x));
  }

  static Bytes load_bytes(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
  static void store_bytes(Bytes x, std::uint8_t* p) { _mm512_storeu_si512(p, x); }
  static Bytes all_bytes(std::uint8_t x) { return _mm512_set1_epi8(static_cast<char>(x)); }
  static Bytes add_bytes(Bytes a, Bytes b) { return _mm512_add_epi8(a, b); }
  static Bytes and_bytes(Bytes a, Bytes b) { return _mm512_and_si512(a, b); }
  static Bytes or_bytes(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  static Ints as_ints(Bytes x) { return x; }
  static Bytes as_bytes(Ints x) { return x; }

  static __m512i broadcast(const std::int8_t* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
  }
};

/// Without VNNI: 16-bit products, since sums of 8-bit ones saturate. Columns 0 and 2 of each four
/// are the even bytes, 1 and 3 the odd ones.
struct Avx512Lanes : Avx512Base {
  struct Weights {
    __m512i even, odd;
  };
  struct Input {
    __m512i even, odd;
  };
  static Weights weights(Bytes x) {
    return {_mm512_and_si512(x, _mm512_set1_epi16(0xff)), _mm512_srli_epi16(x, 8)};
  }
  static Input input(const std::int8_t* p) {
    const __m512i x = broadcast(p);
    return {_mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8), _mm512_srai_epi16(x, 8)};
  }
  static Ints dot(Ints sum, const Weights& w, const Input& x) {
    return _mm512_add_epi32(
        sum, _mm512_add_epi32(_mm512_madd_epi16(w.even, x.even), _mm512_madd_epi16(w.odd, x.odd)));
  }
};

#ifdef __AVX512VNNI__
struct VnniLanes : Avx512Base {
  using Weights = __m512i;
  using Input = __m512i;
  static Weights weights(Bytes x) { return x; }
  static Input input(const std::int8_t* p) { return broadcast(p); }
  static Ints dot(Ints sum, Weights w, Input x) { return _mm512_dpbusd_epi32(sum, w, x); }
};
#endif

#ifdef __AVX512BF16__
struct Bf16Lanes : VnniLanes {
  static constexpr bool kDotsBf16 = true;
  /// sum[i] += both products of the pairs.
  static Floats dot_pairs(Floats sum, Ints w, Ints x) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
  }
};
#endif

}  // namespace
}  // namespace galley::tensor
