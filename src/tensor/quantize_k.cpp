#include <algorithm>
#include <array>
#include <cmath>

#include "blocks.h"
#include "quantize.h"

namespace galley::tensor {
namespace {

constexpr std::size_t kSub = 32;     // values with one scale in q4_k and q5_k
constexpr std::size_t kSixSub = 16;  // in q6_k
constexpr float kLargestF16 = 65504;

/// To the nearest integer, ties to even, for |x| < 2^22: two additions, which vectorise.
float nearest(float x) { return (x + 12582912.0F) - 12582912.0F; }

float clamped(float n, float low, float high) {
  const float at_least = n < low ? low : n;
  return at_least > high ? high : at_least;
}

/// Four values at once, which every processor of this family does in one instruction.
using Four = float __attribute__((vector_size(16)));

Four four_at(const float* x) {
  Four four;
  std::memcpy(&four, x, sizeof four);
  return four;
}

Four nearest(Four x) { return (x + 12582912.0F) - 12582912.0F; }

Four clamped(Four n, float low, float high) {
  const Four least = Four{} + low, most = Four{} + high;
  const Four at_least = n < least ? least : n;
  return at_least > most ? most : at_least;
}

/// Sums over a block: of the numbers, their squares, and their products with the values.
struct Sums {
  Four n{}, nn{}, xn{};

  void add(Four number, Four x) {
    n += number;
    nn += number * number;
    xn += number * x;
  }
  static float total(Four parts) { return (parts[0] + parts[1]) + (parts[2] + parts[3]); }
};

/// x is about scale * n - min, n in 0..most.
struct Fit {
  float scale = 0;
  float min = 0;
};

/// For numbers n that a trial scale gives, least squares have a closed form for the best scale and
/// minimum; the trial whose solution leaves the smallest squared error wins.
Fit fit_scale_and_min(const float* x, float most) {
  float low = 0, high = x[0], sum_x = 0;
  for (std::size_t k = 0; k < kSub; ++k) {
    low = std::min(low, x[k]);
    high = std::max(high, x[k]);
    sum_x += x[k];
  }
  const float range = high - low;
  // The minimum cannot be negative: a block of positive values starts at zero.
  if (range < 1e-30F) return {0, -low};

  Fit best{range / most, -low};
  float best_gain = -1;
  for (int trial = 0; trial <= 12; ++trial) {
    const float factor = (most - 1.2F + 0.2F * static_cast<float>(trial)) / range;
    Sums sums;
    for (std::size_t k = 0; k < kSub; k += 4) {
      const Four values = four_at(x + k);
      sums.add(clamped(nearest((values - low) * factor), 0, most), values);
    }
    const float n = Sums::total(sums.n), nn = Sums::total(sums.nn), xn = Sums::total(sums.xn);
    const float determinant = static_cast<float>(kSub) * nn - n * n;
    if (determinant <= 0) continue;
    Fit fit{(static_cast<float>(kSub) * xn - n * sum_x) / determinant,
            (n * xn - nn * sum_x) / determinant};
    if (fit.min < 0) fit = {xn / nn, 0};
    // The squared error is sum(x^2) minus this.
    const float gain = 2 * (fit.scale * xn - fit.min * sum_x) -
                       (fit.scale * fit.scale * nn - 2 * fit.scale * fit.min * n +
                        static_cast<float>(kSub) * fit.min * fit.min);
    if (fit.scale > 0 && gain > best_gain) {
      best_gain = gain;
      best = fit;
    }
  }
  return best;
}

float store_f16(std::byte* at, float value) {
  const std::uint16_t bits = f32_to_f16_bits(std::min(value, kLargestF16));
  store_u16(at, bits);
  return f16_bits_to_f32(bits);
}

float inverse(float d) { return d < 1e-30F ? 0.0F : 1 / d; }

void store_scale_min(std::byte* scales, std::size_t j, unsigned scale, unsigned min) {
  if (j < 4) {
    scales[j] |= static_cast<std::byte>(scale);
    scales[j + 4] |= static_cast<std::byte>(min);
    return;
  }
  scales[j + 4] |= static_cast<std::byte>((scale & 15U) | (min & 15U) << 4);
  scales[j - 4] |= static_cast<std::byte>(scale >> 4 << 6);
  scales[j] |= static_cast<std::byte>(min >> 4 << 6);
}

/// The head of a q4_k or q5_k block (d, dmin, scales), which both lay out alike, and the numbers
/// that go with the scales as they are stored.
void fit_super_block(const float* x, float most, std::byte* block, float* numbers) {
  std::array<Fit, 8> fits;
  float scale_most = 0, min_most = 0;
  for (std::size_t j = 0; j < fits.size(); ++j) {
    fits[j] = fit_scale_and_min(x + kSub * j, most);
    scale_most = std::max(scale_most, fits[j].scale);
    min_most = std::max(min_most, fits[j].min);
  }
  const float d = store_f16(block + Q4_K::kD, scale_most / 63);
  const float dmin = store_f16(block + Q4_K::kDmin, min_most / 63);
  std::fill_n(block + Q4_K::kScales, 12, std::byte{0});
  for (std::size_t j = 0; j < fits.size(); ++j) {
    const float scale = clamped(nearest(fits[j].scale * inverse(d)), 0, 63);
    const float min = clamped(nearest(fits[j].min * inverse(dmin)), 0, 63);
    store_scale_min(block + Q4_K::kScales, j, static_cast<unsigned>(scale),
                    static_cast<unsigned>(min));
    const float factor = inverse(d * scale);
    for (std::size_t k = kSub * j; k < kSub * (j + 1); ++k)
      numbers[k] = nearest(clamped((x[k] + dmin * min) * factor, 0, most));
  }
}

unsigned low_nibble(float number) { return static_cast<unsigned>(number) & 15U; }

void store_nibbles(const float* numbers, std::byte* out) {
  for (std::size_t i = 0; i < kSuperBlock / 2; ++i) {
    const std::size_t k = i / 32 * 64 + i % 32;
    out[i] = static_cast<std::byte>(low_nibble(numbers[k]) | low_nibble(numbers[k + 32]) << 4);
  }
}

/// The scale for x = scale * n, n in -32..31, by the same kind of search. The extreme value may
/// take -32, with a scale of the opposite sign.
float fit_scale(const float* x) {
  float extreme = 0;
  for (std::size_t k = 0; k < kSixSub; ++k)
    if (std::fabs(x[k]) > std::fabs(extreme)) extreme = x[k];
  if (std::fabs(extreme) < 1e-30F) return 0;

  float best = -extreme / 32, best_gain = -1;
  for (int trial = -9; trial <= 9; ++trial) {
    const float factor = -(32 + 0.1F * static_cast<float>(trial)) / extreme;
    Sums sums;
    for (std::size_t k = 0; k < kSixSub; k += 4) {
      const Four values = four_at(x + k);
      sums.add(clamped(nearest(values * factor), -32, 31), values);
    }
    const float nn = Sums::total(sums.nn), xn = Sums::total(sums.xn);
    if (nn > 0 && xn * xn > best_gain * nn) {
      best_gain = xn * xn / nn;
      best = xn / nn;
    }
  }
  return best;
}

}  // namespace

void quantize_q4_k(const float* x, std::byte* block) {
  float numbers[kSuperBlock];
  fit_super_block(x, 15, block, numbers);
  store_nibbles(numbers, block + Q4_K::kQuants);
}

void quantize_q5_k(const float* x, std::byte* block) {
  float numbers[kSuperBlock];
  fit_super_block(x, 31, block, numbers);
  store_nibbles(numbers, block + Q5_K::kQuants);
  std::fill_n(block + Q5_K::kHigh, 32, std::byte{0});
  for (std::size_t k = 0; k < kSuperBlock; ++k)
    if (numbers[k] >= 16) block[Q5_K::kHigh + k % 32] |= static_cast<std::byte>(1U << (k / 32));
}

void quantize_q6_k(const float* x, std::byte* block) {
  std::array<float, 16> scales;
  float extreme = 0;
  for (std::size_t j = 0; j < scales.size(); ++j) {
    scales[j] = fit_scale(x + kSixSub * j);
    if (std::fabs(scales[j]) > std::fabs(extreme)) extreme = scales[j];
  }
  // The largest scale becomes -128, the byte with the most steps below it.
  const float wanted = std::clamp(extreme / -128, -kLargestF16, kLargestF16);
  const std::uint16_t bits = f32_to_f16_bits(wanted);
  store_u16(block + Q6_K::kD, bits);
  const float d = f16_bits_to_f32(bits);
  const float inverse_d = d == 0 ? 0 : 1 / d;
  std::fill_n(block, Q6_K::kScales, std::byte{0});
  for (std::size_t j = 0; j < scales.size(); ++j) {
    const float scale = clamped(nearest(scales[j] * inverse_d), -128, 127);
    block[Q6_K::kScales + j] = static_cast<std::byte>(static_cast<int>(scale) & 0xff);
    const float step = d * scale;
    const float factor = step == 0 ? 0 : 1 / step;
    for (std::size_t k = kSixSub * j; k < kSixSub * (j + 1); ++k) {
      const auto n = static_cast<unsigned>(nearest(clamped(x[k] * factor, -32, 31)) + 32);
      const std::size_t half = k / 128, quarter = k % 128 / 32, l = k % 32;
      block[Q6_K::kLow + half * 64 + quarter % 2 * 32 + l] |=
          static_cast<std::byte>((n & 15U) << (quarter < 2 ? 0 : 4));
      block[Q6_K::kHigh + half * 32 + l] |= static_cast<std::byte>((n >> 4) << (2 * quarter));
    }
  }
}

}  // namespace galley::tensor
