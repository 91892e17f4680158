// Sixteen floats in one register; forward_lanes_scalar.h says what each operation means.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace galley::tensor {
namespace {

struct Avx512Forward {
  static constexpr std::size_t kScoreQueries = 8;
  static constexpr std::size_t kValueQueries = 4;
  static constexpr std::size_t kValueColumns = 4;

  __m512 v;

  static Avx512Forward all(float x) { return {_mm512_set1_ps(x)}; }
  static Avx512Forward load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Avx512Forward load_f16(const std::uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static Avx512Forward load_bf16(const std::uint16_t* p) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
  }
  static Avx512Forward load_i8(const std::int8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))};
  }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store_f16(std::uint16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  // Not vcvtneps2bf16, which turns subnormal numbers into zero.
  void store_bf16(std::uint16_t* p) const {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded =
        _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i kept = _mm512_mask_blend_epi32(nan, rounded, quiet);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16)));
  }
  void store_i8(std::int8_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
  }

  Avx512Forward keep(std::uint32_t begin, std::uint32_t end, float other) const {
    const auto kept = static_cast<__mmask16>((1U << end) - (1U << begin));
    return {_mm512_mask_blend_ps(kept, _mm512_set1_ps(other), v)};
  }
  Avx512Forward times_power_of_two(Avx512Forward n) const { return {_mm512_scalef_ps(v, n.v)}; }
  float total() const {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  float largest() const {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
};

inline Avx512Forward operator+(Avx512Forward a, Avx512Forward b) {
  return {_mm512_add_ps(a.v, b.v)};
}
inline Avx512Forward operator-(Avx512Forward a, Avx512Forward b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
inline Avx512Forward operator*(Avx512Forward a, Avx512Forward b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
inline Avx512Forward operator/(Avx512Forward a, Avx512Forward b) {
  return {_mm512_div_ps(a.v, b.v)};
}
inline Avx512Forward fma(Avx512Forward a, Avx512Forward b, Avx512Forward c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
inline Avx512Forward larger(Avx512Forward a, Avx512Forward b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Avx512Forward smaller(Avx512Forward a, Avx512Forward b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Avx512Forward absolute(Avx512Forward a) { return {_mm512_abs_ps(a.v)}; }
inline Avx512Forward where_negative(Avx512Forward x, Avx512Forward yes, Avx512Forward no) {
  const __mmask16 negative = _mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_LT_OQ);
  return {_mm512_mask_blend_ps(negative, no.v, yes.v)};
}

}  // namespace
}  // namespace galley::tensor
