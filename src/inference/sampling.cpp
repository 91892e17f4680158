#include "inference/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "token_choice.h"

namespace galley::inference {
namespace {

Error wrong(std::string_view field, std::string what, std::string expected) {
  return {Errc::invalid_argument, std::string(field) + " is " + std::move(what), std::string(field),
          std::move(expected)};
}

struct Range {
  std::string_view field;
  float value;
  float low;
  float high;
  bool without_low = false;
};

Status check(const Range& range) {
  const bool inside = range.value >= range.low && range.value <= range.high &&
                      !(range.without_low && range.value == range.low);
  if (inside) return ok();  // NaN is not
  return wrong(range.field, fmt::format("{}", range.value),
               fmt::format("a number {} {} {} {}", range.without_low ? "above" : "from", range.low,
                           range.without_low ? "and up to" : "to", range.high));
}

Status check_bias(const SamplingParams& params, std::size_t vocabulary) {
  if (params.logit_bias.size() > kMaxLogitBias)
    return wrong("logit_bias", fmt::format("{} tokens long", params.logit_bias.size()),
                 fmt::format("at most {}", kMaxLogitBias));
  for (const auto& [token, bias] : params.logit_bias) {
    if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
      return wrong("logit_bias", fmt::format("for token {}", token),
                   fmt::format("tokens from 0 to {}", vocabulary - 1));
    if (!(std::abs(bias) <= 100))
      return wrong("logit_bias", fmt::format("{} for token {}", bias, token),
                   "numbers from -100 to 100");
  }
  return ok();
}

/// A round's multiplication, of which both halves are used.
struct Wide {
  std::uint32_t high, low;
};

Wide multiply(std::uint32_t a, std::uint32_t b) {
  const std::uint64_t product = std::uint64_t{a} * b;
  return {static_cast<std::uint32_t>(product >> 32), static_cast<std::uint32_t>(product)};
}

float penalised(float logit, float penalty) {
  return logit > 0 ? logit / penalty : logit * penalty;
}

}  // namespace

bool TokenMask::empty() const {
  return std::ranges::all_of(words_, [](std::uint64_t word) { return word == 0; });
}

std::size_t TokenMask::count() const {
  std::size_t count = 0;
  for (const std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
  return count;
}

Status validate(const SamplingParams& params, std::size_t vocabulary) {
  GALLEY_TRY_STATUS(check({"temperature", params.temperature, 0, 100}));
  GALLEY_TRY_STATUS(check({"top_p", params.top_p, 0, 1}));
  GALLEY_TRY_STATUS(check({"min_p", params.min_p, 0, 1}));
  GALLEY_TRY_STATUS(check({"repetition_penalty", params.repetition_penalty, 0, 100, true}));
  GALLEY_TRY_STATUS(check({"presence_penalty", params.presence_penalty, -2, 2}));
  GALLEY_TRY_STATUS(check({"frequency_penalty", params.frequency_penalty, -2, 2}));
  if (params.top_k < 0)
    return wrong("top_k", fmt::format("{}", params.top_k),
                 "0 (off) or the number of tokens to keep");
  if (params.logprobs < -1 || params.logprobs > kMaxLogprobs)
    return wrong("logprobs", fmt::format("{}", params.logprobs),
                 fmt::format("a number from 0 to {}", kMaxLogprobs));
  return check_bias(params, vocabulary);
}

std::uint64_t random_bits(std::uint64_t seed, std::uint64_t counter) {
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  std::array<std::uint32_t, 4> x{static_cast<std::uint32_t>(counter),
                                 static_cast<std::uint32_t>(counter >> 32), 0, 0};
  for (int round = 0; round < 10; ++round) {
    const Wide a = multiply(0xD2511F53U, x[0]);
    const Wide b = multiply(0xCD9E8D57U, x[2]);
    x = {b.high ^ x[1] ^ key0, b.low, a.high ^ x[3] ^ key1, a.low};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return std::uint64_t{x[1]} << 32 | x[0];
}

Sampled log_probabilities(std::span<const float> logits, text::TokenId token, std::int32_t top,
                          SamplingScratch& scratch) {
  Sampled answer{token, 0, {}};
  const std::size_t best = greatest(logits);
  if (best == logits.size()) return answer;
  scratch.likelihoods.resize(logits.size());
  const double sum = relative_likelihoods(logits, logits[best], 1, scratch.likelihoods);
  const double normal = static_cast<double>(logits[best]) + std::log(sum);
  const auto logprob = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - normal);
  };
  answer.logprob = logprob(logits[static_cast<std::size_t>(token)]);
  if (top <= 0) return answer;
  const auto count = std::min(static_cast<std::size_t>(top), logits.size());
  const Candidates kept = keep_greatest({logits, {}}, count, scratch);
  for (std::size_t i = 0; i < kept.logits.size(); ++i)
    answer.top.push_back({kept.token(i), logprob(kept.logits[i])});
  std::ranges::stable_sort(answer.top, std::ranges::greater(), &TokenLogprob::logprob);
  return answer;
}

Sampler::Sampler(SamplingParams params, std::size_t vocabulary,
                 std::span<const text::TokenId> prompt)
    : params_(std::move(params)), vocabulary_(vocabulary) {
  penalises_ = params_.repetition_penalty != 1 || params_.presence_penalty != 0 ||
               params_.frequency_penalty != 0;
  if (params_.repetition_penalty == 1 || params_.repetition_scope != PenaltyScope::all) return;
  std::vector<text::TokenId> tokens(prompt.begin(), prompt.end());
  std::ranges::sort(tokens);
  const auto repeated = std::ranges::unique(tokens);
  tokens.erase(repeated.begin(), repeated.end());
  for (const text::TokenId token : tokens)
    if (token >= 0 && static_cast<std::size_t>(token) < vocabulary_) seen_.push_back({token, 0});
}

void Sampler::accept(text::TokenId token) {
  ++output_count_;
  if (!penalises_ || token < 0 || static_cast<std::size_t>(token) >= vocabulary_) return;
  const auto place = std::ranges::lower_bound(seen_, token, {}, &Seen::token);
  if (place != seen_.end() && place->token == token)
    ++place->output_count;
  else
    seen_.insert(place, {token, 1});
}

void Sampler::change_logits(std::span<float> logits) const {
  for (const auto& [token, bias] : params_.logit_bias)
    logits[static_cast<std::size_t>(token)] += bias;
  // The mask of step 2 may come later than the penalties: it takes tokens away whatever they have.
  for (const Seen& seen : seen_) {
    float& logit = logits[static_cast<std::size_t>(seen.token)];
    logit = penalised(logit, params_.repetition_penalty);
    if (seen.output_count == 0) continue;
    logit -= params_.presence_penalty +
             params_.frequency_penalty * static_cast<float>(seen.output_count);
  }
}

Sampled Sampler::sample(std::span<const float> logits, const TokenMask* allowed,
                        SamplingScratch& scratch) const {
  GALLEY_CHECK(logits.size() == vocabulary_, "a row of logits has an entry for each token");
  std::span<const float> changed = logits;
  if (!params_.logit_bias.empty() || !seen_.empty()) {
    scratch.logits.assign(logits.begin(), logits.end());
    change_logits(scratch.logits);
    changed = scratch.logits;
  }
  Candidates left{changed, {}};
  if (allowed != nullptr) left = gather(changed, *allowed, scratch);
  std::size_t chosen = left.logits.empty() ? 0 : greatest(left.logits);
  if (chosen >= left.logits.size()) return {};

  // An infinite logit leaves nothing to draw between.
  const float most = left.logits[chosen];
  if (!params_.greedy && params_.temperature > 0 && std::isfinite(most)) {
    if (params_.top_k > 0)
      left = keep_greatest(left, static_cast<std::size_t>(params_.top_k), scratch);
    scratch.likelihoods.resize(left.logits.size());
    // The smallest temperatures have no finite inverse.
    const float scale = std::min(1 / params_.temperature, std::numeric_limits<float>::max());
    relative_likelihoods(left.logits, most, scale, scratch.likelihoods);
    chosen = draw(scratch.likelihoods, params_.top_p, params_.min_p,
                  random_bits(params_.seed, output_count_), scratch);
  }
  const text::TokenId token = left.token(chosen);
  if (params_.logprobs < 0) return {token, 0, {}};
  return log_probabilities(logits, token, params_.logprobs, scratch);
}

}  // namespace galley::inference
