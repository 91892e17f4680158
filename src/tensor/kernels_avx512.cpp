#include <immintrin.h>

#include "kernel_loops.h"

namespace galley::tensor {
namespace {

/// Sixteen floats in one register.
struct Avx512Lanes {
  __m512 lanes;

  static Avx512Lanes all(float x) { return {_mm512_set1_ps(x)}; }
  static Avx512Lanes zero() { return {_mm512_setzero_ps()}; }
  GALLEY_HOGWILD static Avx512Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Avx512Lanes load_i8(const int8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))};
  }
  GALLEY_HOGWILD void store(float* p) const { _mm512_storeu_ps(p, lanes); }
  float total() const {
    const __m256 eight =
        _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
};

inline Avx512Lanes operator+(Avx512Lanes a, Avx512Lanes b) {
  return {_mm512_add_ps(a.lanes, b.lanes)};
}
inline Avx512Lanes operator-(Avx512Lanes a, Avx512Lanes b) {
  return {_mm512_sub_ps(a.lanes, b.lanes)};
}
inline Avx512Lanes operator*(Avx512Lanes a, Avx512Lanes b) {
  return {_mm512_mul_ps(a.lanes, b.lanes)};
}

}  // namespace

constinit const KernelTable kAvx512Kernels = make_table<Avx512Lanes>("avx512");

}  // namespace galley::tensor
