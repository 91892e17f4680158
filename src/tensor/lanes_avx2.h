// One panel of sixteen outputs in two 256-bit registers: outputs 0-7 and 8-15.
#pragma once

#include <immintrin.h>

#include "matmul.h"

namespace galley::tensor {
namespace {

struct Avx2Lanes {
  static constexpr std::size_t kPanels = 1;
  static constexpr std::size_t kInt8Rows = 2;
  static constexpr std::size_t kDirectRows = 1;
  static constexpr std::size_t kChannelRows = 2;
  static constexpr std::size_t kFloatRows = 4;
  static constexpr bool kDotsBf16 = false;

  struct Floats {
    __m256 low, high;
  };
  struct Ints {
    __m256i low, high;
  };
  using Bytes = Ints;

  static __m256i load_half(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  static void store_half(__m256i x, void* p) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
  static __m128i load_8(const std::uint8_t* p) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  }
  static __m128i load_16(const std::uint8_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  /// Lanes below n of eight.
  static __m256i first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }

  static Floats zero() { return all(0); }
  static Floats all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Floats load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static void store(Floats x, float* p) {
    _mm256_storeu_ps(p, x.low);
    _mm256_storeu_ps(p + 8, x.high);
  }
  static void store_first(Floats x, float* p, std::size_t n) {
    _mm256_maskstore_ps(p, first(static_cast<int>(n)), x.low);
    _mm256_maskstore_ps(p + 8, first(static_cast<int>(n) - 8), x.high);
  }
  static Floats load_first(const float* p, std::size_t n) {
    return {_mm256_maskload_ps(p, first(static_cast<int>(n))),
            _mm256_maskload_ps(p + 8, first(static_cast<int>(n) - 8))};
  }
  static Floats load_f16(const std::uint8_t* p) {
    return {_mm256_cvtph_ps(load_16(p)), _mm256_cvtph_ps(load_16(p + 16))};
  }
  static Floats load_u8(const std::uint8_t* p) {
    return to_floats({_mm256_cvtepu8_epi32(load_8(p)), _mm256_cvtepu8_epi32(load_8(p + 8))});
  }
  static Floats load_i8(const std::uint8_t* p) {
    return to_floats({_mm256_cvtepi8_epi32(load_8(p)), _mm256_cvtepi8_epi32(load_8(p + 8))});
  }
  static Floats add(Floats a, Floats b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  static Floats multiply(Floats a, Floats b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  static Floats fma(Floats a, Floats b, Floats c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static Floats max_size(Floats most, Floats x) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    return {_mm256_max_ps(_mm256_andnot_ps(sign, x.low), most.low),
            _mm256_max_ps(_mm256_andnot_ps(sign, x.high), most.high)};
  }
  static float max(Floats x) {
    const __m256 eight = _mm256_max_ps(x.low, x.high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  static Floats bits(Ints x) { return {_mm256_castsi256_ps(x.low), _mm256_castsi256_ps(x.high)}; }
  static Ints bits(Floats x) { return {_mm256_castps_si256(x.low), _mm256_castps_si256(x.high)}; }

  static Ints all_ints(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static Ints load_ints(const std::int32_t* p) { return {load_half(p), load_half(p + 8)}; }
  static void store_ints(Ints x, std::int32_t* p) {
    store_half(x.low, p);
    store_half(x.high, p + 8);
  }
  static Ints add(Ints a, Ints b) {
    return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
  }
  static Ints and_ints(Ints a, Ints b) {
    return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
  }
  static Ints or_ints(Ints a, Ints b) {
    return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
  }
  static Ints shift_right(Ints a, int n) {
    const __m128i count = _mm_cvtsi32_si128(n);
    return {_mm256_srl_epi32(a.low, count), _mm256_srl_epi32(a.high, count)};
  }
  static Ints shift_left(Ints a, int n) {
    const __m128i count = _mm_cvtsi32_si128(n);
    return {_mm256_sll_epi32(a.low, count), _mm256_sll_epi32(a.high, count)};
  }
  static Floats to_floats(Ints x) {
    return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)};
  }
  static Ints to_ints(Floats x) { return {_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)}; }
  static std::int32_t sum(Ints x) {
    const __m256i eight = _mm256_add_epi32(x.low, x.high);
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
  }
  static void store_low_bytes(Ints x, std::int8_t* p) {
    // Values fit a byte, so that the packs, which saturate and work in halves, keep them.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.low, x.high), 0xd8);
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(p),
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }
  /// Of values below 2^16.
  static void store_low_words(Ints x, std::uint16_t* p) {
    store_half(_mm256_permute4x64_epi64(_mm256_packus_epi32(x.low, x.high), 0xd8), p);
  }

  static Bytes load_bytes(const std::uint8_t* p) { return {load_half(p), load_half(p + 32)}; }
  static void store_bytes(Bytes x, std::uint8_t* p) {
    store_half(x.low, p);
    store_half(x.high, p + 32);
  }
  static Bytes all_bytes(std::uint8_t x) {
    const __m256i half = _mm256_set1_epi8(static_cast<char>(x));
    return {half, half};
  }
  static Bytes add_bytes(Bytes a, Bytes b) {
    return {_mm256_add_epi8(a.low, b.low), _mm256_add_epi8(a.high, b.high)};
  }
  static Bytes and_bytes(Bytes a, Bytes b) { return and_ints(a, b); }
  static Bytes or_bytes(Bytes a, Bytes b) { return or_ints(a, b); }
  static Ints as_ints(Bytes x) { return x; }
  static Bytes as_bytes(Ints x) { return x; }

  /// 16-bit products, since sums of 8-bit ones saturate. Columns 0 and 2 of each four are the even
  /// bytes, 1 and 3 the odd ones.
  struct Weights {
    Ints even, odd;
  };
  struct Input {
    __m256i even, odd;
  };
  static Weights weights(Bytes x) {
    return {and_ints(x, {_mm256_set1_epi16(0xff), _mm256_set1_epi16(0xff)}),
            {_mm256_srli_epi16(x.low, 8), _mm256_srli_epi16(x.high, 8)}};
  }
  static Input input(const std::int8_t* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, 4);
    const __m256i x = _mm256_set1_epi32(four);
    return {_mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8), _mm256_srai_epi16(x, 8)};
  }
  static __m256i dot_half(__m256i sum, __m256i even, __m256i odd, const Input& x) {
    return _mm256_add_epi32(
        sum, _mm256_add_epi32(_mm256_madd_epi16(even, x.even), _mm256_madd_epi16(odd, x.odd)));
  }
  static Ints dot(Ints sum, const Weights& w, const Input& x) {
    return {dot_half(sum.low, w.even.low, w.odd.low, x),
            dot_half(sum.high, w.even.high, w.odd.high, x)};
  }
};

}  // namespace
}  // namespace galley::tensor
