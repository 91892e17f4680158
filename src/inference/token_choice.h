#pragma once

#include <cstdint>
#include <span>

#include "inference/sampling.h"

namespace galley::inference {

/// The tokens still in the running, in ascending order, with their logits; no tokens: the entry's
/// index is its token.
struct Candidates {
  std::span<const float> logits;
  std::span<const text::TokenId> tokens;

  text::TokenId token(std::size_t index) const {
    return tokens.empty() ? static_cast<text::TokenId>(index) : tokens[index];
  }
};

/// Those of the mask, gathered in scratch.kept_logits and scratch.tokens.
Candidates gather(std::span<const float> logits, const TokenMask& allowed,
                  SamplingScratch& scratch);

/// Index of the greatest logit, the first of equal ones; size() where all are -infinity or NaN.
std::size_t greatest(std::span<const float> logits);

/// The `count` greatest, the first of equal ones at the border, in their old order.
Candidates keep_greatest(const Candidates& all, std::size_t count, SamplingScratch& scratch);

/// out[i] = exp((logits[i] - greatest) * scale), 0 below exp(-87). Relative error below 2e-7.
/// Returns their sum.
double relative_likelihoods(std::span<const float> logits, float greatest, float scale,
                            std::span<float> out);

/// Draws an index by likelihood after top_p and min_p. Likelihoods are at most 1 and one is 1; they
/// are added as integers in units of 2^-40, so that no order of summation matters and the border of
/// top_p is exact.
std::size_t draw(std::span<const float> likelihoods, float top_p, float min_p,
                 std::uint64_t random_bits, SamplingScratch& scratch);

}  // namespace galley::inference
