#include "token_choice.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace galley::inference {
namespace {

__extension__ using Wide128 = unsigned __int128;

constexpr std::size_t kLanes = 16;
constexpr std::size_t kBlock = 32;
constexpr float kImpossible = -std::numeric_limits<float>::infinity();

/// Written so that the compiler makes one maximum instruction of it; NaN loses.
float larger(float candidate, float than) { return candidate > than ? candidate : than; }

float maximum(std::span<const float> values) {
  std::array<float, kLanes> lanes;
  lanes.fill(kImpossible);
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] = larger(values[i + lane], lanes[lane]);
  float most = kImpossible;
  for (const float lane : lanes) most = larger(lane, most);
  for (; i < values.size(); ++i) most = larger(values[i], most);
  return most;
}

/// A value that at least `count` of the values reach: the count-th of the blocks' maxima. What
/// lies below it need not be looked at again.
float bound_of(std::span<const float> values, std::size_t count, std::vector<float>& maxima) {
  maxima.clear();
  for (std::size_t i = 0; i < values.size(); i += kBlock)
    maxima.push_back(maximum(values.subspan(i, std::min(kBlock, values.size() - i))));
  if (maxima.size() < count) return kImpossible;
  const auto nth = maxima.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::ranges::nth_element(maxima, nth, std::greater<>());
  return *nth;
}

/// The values of at least `least` stay, but of those equal to it only the first `ties`.
struct Border {
  float least = kImpossible;
  std::size_t ties = 0;
};

Border border_of(std::span<const float> values, std::size_t count, SamplingScratch& scratch) {
  const float bound = bound_of(values, count, scratch.maxima);
  scratch.ranked.clear();
  for (const float value : values) {
    if (value >= bound)
      scratch.ranked.push_back(value);
    else if (bound == kImpossible)
      scratch.ranked.push_back(kImpossible);  // NaN, which has no place in an order
  }
  const auto nth = scratch.ranked.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::ranges::nth_element(scratch.ranked, nth, std::greater<>());
  const float least = *nth;
  const auto above =
      std::ranges::count_if(scratch.ranked, [&](float value) { return value > least; });
  return {least, count - static_cast<std::size_t>(above)};
}

/// Four floats, which every machine of this kind computes with at once.
using Lanes = float __attribute__((vector_size(16)));
using IntegerLanes = std::int32_t __attribute__((vector_size(16)));

/// For x <= 0. 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes' coefficients).
Lanes exp_of(Lanes x) {
  constexpr float kSmallest = -87.0F;
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const Lanes bounded = x > kSmallest ? x : Lanes{} + kSmallest;
  const Lanes shifted = bounded * 1.44269504F + kRounder;
  const Lanes n = shifted - kRounder;
  const Lanes r = (bounded - n * 0.693359375F) + n * 2.12194440e-4F;
  Lanes p = r * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const IntegerLanes power = (std::bit_cast<IntegerLanes>(shifted) + 127) << 23;
  return x > kSmallest ? p * std::bit_cast<Lanes>(power) : Lanes{};
}

constexpr float kUnit = 0x1p40F;

std::uint64_t weight(float likelihood) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(likelihood * kUnit));
}

std::uint32_t bits_of(float likelihood) { return std::bit_cast<std::uint32_t>(likelihood); }

/// As Border, by the bits of likelihoods, which are ordered as they are.
struct Cut {
  std::uint32_t least = 1;
  std::size_t ties = std::numeric_limits<std::size_t>::max();
};

/// One digit of the search for top_p's border: 4,096 bins for the upper bits of the likelihood,
/// then twice 512 for the rest.
struct Digit {
  std::uint32_t shift;
  std::uint32_t width;
};
constexpr std::array<Digit, 3> kDigits{{{18, 12}, {9, 9}, {0, 9}}};

/// A selection by radix: each digit's bins hold the weight of the likelihoods with that digit, and
/// the border lies in the bin in which the sum from above reaches the target.
Cut nucleus(std::span<const float> likelihoods, float top_p, std::vector<std::uint64_t>& bins) {
  std::uint32_t prefix = 0;
  std::uint64_t above = 0;
  std::uint64_t target = 0;
  for (const Digit& digit : kDigits) {
    const std::uint32_t size = 1U << digit.width;
    bins.assign(size, 0);
    const bool first = &digit == &kDigits.front();
    for (const float likelihood : likelihoods) {
      const std::uint32_t bits = bits_of(likelihood) >> digit.shift;
      if (first || bits >> digit.width == prefix) bins[bits & (size - 1)] += weight(likelihood);
    }
    if (first) {
      std::uint64_t total = 0;
      for (const std::uint64_t bin : bins) total += bin;
      const double share = std::ceil(static_cast<double>(top_p) * static_cast<double>(total));
      target = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(share), 1, total);
    }
    std::uint32_t bin = size - 1;
    while (bin > 0 && above + bins[bin] < target) above += bins[bin--];
    prefix = prefix << digit.width | bin;
  }
  const std::uint64_t each = std::max<std::uint64_t>(weight(std::bit_cast<float>(prefix)), 1);
  return {prefix, static_cast<std::size_t>((target - above + each - 1) / each)};
}

}  // namespace

Candidates gather(std::span<const float> logits, const TokenMask& allowed,
                  SamplingScratch& scratch) {
  scratch.tokens.clear();
  scratch.kept_logits.clear();
  std::size_t base = 0;
  for (std::uint64_t word : allowed.words()) {
    for (; word != 0; word &= word - 1) {
      const std::size_t token = base + static_cast<std::size_t>(std::countr_zero(word));
      scratch.tokens.push_back(static_cast<text::TokenId>(token));
      scratch.kept_logits.push_back(logits[token]);
    }
    base += 64;
  }
  return {scratch.kept_logits, scratch.tokens};
}

std::size_t greatest(std::span<const float> logits) {
  const float most = maximum(logits);
  if (most == kImpossible) return logits.size();
  return static_cast<std::size_t>(std::ranges::find(logits, most) - logits.begin());
}

Candidates keep_greatest(const Candidates& all, std::size_t count, SamplingScratch& scratch) {
  if (count >= all.logits.size()) return all;
  Border border = border_of(all.logits, count, scratch);
  // Compacting may go over the very arrays that it reads: it writes at or before where it reads.
  const bool whole = all.tokens.empty();
  if (whole) scratch.tokens.resize(count);
  if (whole) scratch.kept_logits.resize(count);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < all.logits.size() && kept < count; ++i) {
    const float value = all.logits[i];
    if (!(value >= border.least)) continue;
    if (value == border.least && border.ties-- == 0) {
      border.ties = 0;
      continue;
    }
    scratch.tokens[kept] = all.token(i);
    scratch.kept_logits[kept++] = value;
  }
  return {std::span(scratch.kept_logits).first(kept), std::span(scratch.tokens).first(kept)};
}

double relative_likelihoods(std::span<const float> logits, float greatest, float scale,
                            std::span<float> out) {
  constexpr std::size_t kWidth = sizeof(Lanes) / sizeof(float);
  constexpr std::size_t kRun = 256;  // summed in float, then in double
  double sum = 0;
  const std::size_t whole = logits.size() - logits.size() % kWidth;
  for (std::size_t start = 0; start < whole; start += kRun) {
    Lanes partial{};
    for (std::size_t i = start; i < std::min(start + kRun, whole); i += kWidth) {
      Lanes x;
      std::memcpy(&x, &logits[i], sizeof x);
      x = exp_of((x - greatest) * scale);
      std::memcpy(&out[i], &x, sizeof x);
      partial += x;
    }
    sum += static_cast<double>((partial[0] + partial[1]) + (partial[2] + partial[3]));
  }
  for (std::size_t i = whole; i < logits.size(); ++i) {
    out[i] = exp_of(Lanes{} + (logits[i] - greatest) * scale)[0];
    sum += static_cast<double>(out[i]);
  }
  return sum;
}

std::size_t draw(std::span<const float> likelihoods, float top_p, float min_p,
                 std::uint64_t random_bits, SamplingScratch& scratch) {
  Cut cut;
  if (top_p < 1) cut = nucleus(likelihoods, top_p, scratch.bins);
  if (bits_of(min_p) > cut.least) cut = {bits_of(min_p)};

  std::size_t ties = cut.ties;
  std::uint64_t total = 0;
  for (const float likelihood : likelihoods) {
    const std::uint32_t bits = bits_of(likelihood);
    if (bits < cut.least) continue;
    if (bits == cut.least && ties-- == 0) {
      ties = 0;
      continue;
    }
    total += weight(likelihood);
  }
  auto left = static_cast<std::uint64_t>(Wide128{random_bits} * total >> 64);
  ties = cut.ties;
  std::size_t last = 0;
  for (std::size_t i = 0; i < likelihoods.size(); ++i) {
    const std::uint32_t bits = bits_of(likelihoods[i]);
    if (bits < cut.least) continue;
    if (bits == cut.least && ties-- == 0) {
      ties = 0;
      continue;
    }
    const std::uint64_t own = weight(likelihoods[i]);
    if (left < own) return i;
    left -= own;
    last = i;
  }
  return last;
}

}  // namespace galley::inference
