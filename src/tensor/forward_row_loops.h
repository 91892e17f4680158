// Norms, activation functions and rotation, written once over sixteen lanes that the including file
// supplies. Everything is in an unnamed namespace, as in kernel_loops.h, and for the same reason.
#pragma once

#include "tensor/forward_kernels.h"

namespace galley::tensor {
namespace {

using std::size_t;

/// e^x = 2^n * e^r with |r| <= ln 2 / 2; the polynomial is a Chebyshev fit of (e^r - 1 - r) / r^2
/// with an error below 8e-9. exp(0) is 1, exp(-infinity) is 0; NaN stays NaN.
template <class Lanes>
Lanes exp(Lanes x) {
  x = larger(Lanes::all(-104.0F), smaller(Lanes::all(89.0F), x));
  const Lanes magic = Lanes::all(0x1.8p23F);  // adding it rounds to an integer
  const Lanes n = fma(x, Lanes::all(1.44269504F), magic) - magic;
  const Lanes r = fma(n, Lanes::all(-0x1.7f7d1cp-20F), fma(n, Lanes::all(-0x1.62e4p-1F), x));
  Lanes p = Lanes::all(0.00139261818F);
  p = fma(p, r, Lanes::all(0.00836317763F));
  p = fma(p, r, Lanes::all(0.0416665546F));
  p = fma(p, r, Lanes::all(0.16666577F));
  p = fma(p, r, Lanes::all(0.5F));
  p = fma(p * r, r, r) + Lanes::all(1);
  return p.times_power_of_two(n);
}

/// 1 / (1 + e^-x).
template <class Lanes>
Lanes sigmoid(Lanes x) {
  return Lanes::all(1) / (Lanes::all(1) + exp(Lanes::all(0) - x));
}

/// x/2 * (1 + tanh(u)) with u = sqrt(2/pi) * (x + 0.044715 x^3), which is x * sigmoid(2u): no
/// difference of near numbers.
template <class Lanes>
Lanes gelu(Lanes x) {
  const Lanes cube = x * x * x;
  return x * sigmoid(Lanes::all(1.59576912F) * fma(cube, Lanes::all(0.044715F), x));
}

/// x/2 * erfc(-x / sqrt 2). With z >= 0 and t = 1 / (1 + z/2), erfc(z) = t * e^(P(t) - z^2); P is a
/// Chebyshev fit of ln erfc(z) + z^2 - ln t over z in [0, 10] with an error below 6e-8.
template <class Lanes>
Lanes gelu_erf(Lanes x) {
  const Lanes z = absolute(x) * Lanes::all(0.707106781F);
  const Lanes t = Lanes::all(1) / fma(z, Lanes::all(0.5F), Lanes::all(1));
  Lanes p = Lanes::all(0.148046053F);
  p = fma(p, t, Lanes::all(-0.697536588F));
  p = fma(p, t, Lanes::all(1.19532767F));
  p = fma(p, t, Lanes::all(-0.746469885F));
  p = fma(p, t, Lanes::all(-0.0398663256F));
  p = fma(p, t, Lanes::all(-0.0195079991F));
  p = fma(p, t, Lanes::all(0.0413959626F));
  p = fma(p, t, Lanes::all(0.385283634F));
  p = fma(p, t, Lanes::all(0.99878246F));
  p = fma(p, t, Lanes::all(-1.26545493F));
  const Lanes tail = t * exp(fma(Lanes::all(0) - z, z, p));
  return x * Lanes::all(0.5F) * where_negative(x, tail, Lanes::all(2) - tail);
}

/// The first n < 16 lanes; the rest are zero.
template <class Lanes>
Lanes load_some(const float* p, size_t n) {
  float some[16] = {};
  for (size_t i = 0; i < n; ++i) some[i] = p[i];
  return Lanes::load(some);
}
template <class Lanes>
void store_some(const Lanes& x, float* p, size_t n) {
  float all[16];
  x.store(all);
  for (size_t i = 0; i < n; ++i) p[i] = all[i];
}

/// y[i] = function(x[i]) for sixteen at a time.
template <class Lanes, class Function>
void map(const float* x, size_t n, float* y, Function function) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) function(Lanes::load(x + i)).store(y + i);
  if (i < n) store_some(function(load_some<Lanes>(x + i, n - i)), y + i, n - i);
}
/// z[i] = function(x[i], y[i]).
template <class Lanes, class Function>
void map(const float* x, const float* y, size_t n, float* z, Function function) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) function(Lanes::load(x + i), Lanes::load(y + i)).store(z + i);
  if (i < n)
    store_some(function(load_some<Lanes>(x + i, n - i), load_some<Lanes>(y + i, n - i)), z + i,
               n - i);
}
/// The sum of function(lanes of x, sum so far). Lanes past the end are zero.
template <class Lanes, class Function>
float reduce(const float* x, size_t n, Function function) {
  Lanes sum = Lanes::all(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) sum = function(Lanes::load(x + i), sum);
  if (i < n) {
    // Zero once more, since what the function makes of the padding (0 - mean) may not be.
    const Lanes added = function(load_some<Lanes>(x + i, n - i), Lanes::all(0));
    sum = sum + added.keep(0, static_cast<std::uint32_t>(n - i), 0);
  }
  return sum.total();
}

template <class Lanes>
void exp_row(const float* x, size_t n, float* y) {
  map<Lanes>(x, n, y, [](const Lanes& v) { return exp(v); });
}
template <class Lanes>
void swiglu_row(const float* x, const float* other, size_t n, float* y) {
  map<Lanes>(x, other, n, y, [](const Lanes& v, const Lanes& w) { return v * sigmoid(v) * w; });
}
template <class Lanes>
void gelu_row(const float* x, size_t n, float* y) {
  map<Lanes>(x, n, y, [](const Lanes& v) { return gelu(v); });
}
template <class Lanes>
void gelu_erf_row(const float* x, size_t n, float* y) {
  map<Lanes>(x, n, y, [](const Lanes& v) { return gelu_erf(v); });
}
template <class Lanes>
void add_row(const float* x, size_t n, float* y) {
  map<Lanes>(x, y, n, y, [](const Lanes& v, const Lanes& w) { return w + v; });
}
template <class Lanes>
void scale_row(const float* x, float factor, size_t n, float* y) {
  const Lanes factors = Lanes::all(factor);
  map<Lanes>(x, n, y, [&](const Lanes& v) { return v * factors; });
}

/// y = (x - mean) * factor * weight + bias.
template <class Lanes>
void apply_norm(const float* x, float mean, float factor, size_t n, const NormWeights& norm,
                float* y) {
  const Lanes means = Lanes::all(mean);
  const Lanes factors = Lanes::all(factor);
  map<Lanes>(x, norm.weight, n, y,
             [&](const Lanes& v, const Lanes& w) { return (v - means) * factors * w; });
  if (norm.bias != nullptr) add_row<Lanes>(norm.bias, n, y);
}

template <class Lanes>
void rms_norm_row(const float* x, size_t n, const NormWeights& norm, float* y) {
  const float squares =
      reduce<Lanes>(x, n, [](const Lanes& v, const Lanes& sum) { return fma(v, v, sum); });
  const float mean = squares / static_cast<float>(n);
  apply_norm<Lanes>(x, 0, 1 / __builtin_sqrtf(mean + norm.epsilon), n, norm, y);
}

template <class Lanes>
void layer_norm_row(const float* x, size_t n, const NormWeights& norm, float* y) {
  const auto count = static_cast<float>(n);
  const float mean =
      reduce<Lanes>(x, n, [](const Lanes& v, const Lanes& sum) { return sum + v; }) / count;
  const Lanes means = Lanes::all(mean);
  const float squares = reduce<Lanes>(
      x, n, [&](const Lanes& v, const Lanes& sum) { return fma(v - means, v - means, sum); });
  apply_norm<Lanes>(x, mean, 1 / __builtin_sqrtf(squares / count + norm.epsilon), n, norm, y);
}

// Pair by pair, so no order of sums is at stake: the compiler makes vectors of it as it can.
inline void rotate_head(const Rotation& rotation, float* head) {
  const size_t pairs = rotation.rotated_dim / 2;
  const float* cosines = rotation.cosines;
  const float* sines = rotation.sines;
  const size_t step = rotation.adjacent_pairs ? 2 : 1;
  float* second = head + (rotation.adjacent_pairs ? 1 : pairs);
  for (size_t i = 0; i < pairs; ++i) {
    const float a = head[i * step];
    const float b = second[i * step];
    head[i * step] = a * cosines[i] - b * sines[i];
    second[i * step] = a * sines[i] + b * cosines[i];
  }
}

}  // namespace
}  // namespace galley::tensor
