#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "inference/token_mask.h"
#include "text/tokenizer.h"

namespace galley::inference {

/// Which tokens a repetition penalty knows: the prompt's and the answer's, or the answer's alone.
enum class PenaltyScope : std::uint8_t { all, output };

/// How the next token is chosen. The order of operations is fixed:
///
///   1. logit_bias is added;
///   2. tokens outside of the constraint's mask are taken away;
///   3. repetition: the logit of each token in scope is divided by the penalty where it is positive
///      and multiplied where it is negative (CTRL, arXiv:1909.05858, section 4.1, in the form that
///      also penalises negative logits);
///   4. presence_penalty, and frequency_penalty times the count, are subtracted for each token of
///      the answer so far;
///   greedy or temperature 0 stop here: the greatest logit, of equal ones the lowest id;
///   5. softmax of logit / temperature;
///   6. top_k: the k most likely;
///   7. top_p: of what is left, the fewest most likely that together reach top_p
///   (arXiv:1904.09751);
///   8. min_p: those at least min_p times as likely as the most likely one;
///   9. a draw.
/// Of equally likely tokens at a border the lower ids stay.
struct SamplingParams {
  float temperature = 1;         // 0 to 100
  std::int32_t top_k = 0;        // 0 is off
  float top_p = 1;               // 0 to 1; 1 is off, 0 leaves the most likely token
  float min_p = 0;               // 0 to 1; 0 is off
  float repetition_penalty = 1;  // above 0, to 100; 1 is off
  /// The answer's own tokens by default: with the penalties of 3 and 5 that planners use to stop
  /// loops, scope `all` forbids the very words of the question and the labels of few-shot
  /// examples, so that an answer can no longer speak of what it was asked.
  PenaltyScope repetition_scope = PenaltyScope::output;
  float presence_penalty = 0;   // -2 to 2
  float frequency_penalty = 0;  // -2 to 2
  bool greedy = false;
  std::vector<std::pair<text::TokenId, float>> logit_bias;  // -100 to 100 each
  std::uint64_t seed = 0;
  /// -1: none; n: the chosen token's log-probability and those of the n most likely. They are of
  /// the model's own distribution, log-softmax of the logits before step 1, as OpenAI's.
  std::int32_t logprobs = -1;
};

inline constexpr std::int32_t kMaxLogprobs = 100;
inline constexpr std::size_t kMaxLogitBias = 4096;

/// Errors: invalid_argument with the field, what it holds and what would be right.
Status validate(const SamplingParams& params, std::size_t vocabulary);

struct TokenLogprob {
  text::TokenId token = 0;
  float logprob = 0;
};

struct Sampled {
  /// Negative where no token can be chosen: the mask is empty, or no logit is a number above
  /// -infinity (a broken model). The caller ends the answer.
  text::TokenId token = -1;
  float logprob = 0;              // with logprobs >= 0
  std::vector<TokenLogprob> top;  // logprobs of them, most likely first
};

/// 64 random bits that depend on the two numbers alone (Philox 4x32-10, Salmon et al., SC'11).
/// Also for the seeds of a request's further choices: random_bits(seed, choice).
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t counter);

/// Work space of sampling; one for each thread that samples, kept from token to token.
struct SamplingScratch {
  std::vector<float> logits;       // after biases and penalties
  std::vector<float> kept_logits;  // of a selection, and its tokens
  std::vector<text::TokenId> tokens;
  std::vector<float> likelihoods;   // relative to the most likely token
  std::vector<float> maxima;        // of blocks, for top_k
  std::vector<float> ranked;        // for top_k
  std::vector<std::uint64_t> bins;  // of likelihoods, for top_p
};

/// Log-softmax of a row of logits at `token`, and its `top` most likely tokens: what a prompt's
/// logprobs are made of. Sampled::token is `token`.
Sampled log_probabilities(std::span<const float> logits, text::TokenId token, std::int32_t top,
                          SamplingScratch& scratch);

/// Chooses the tokens of one answer.
///
/// A draw depends on the seed and on the index of the output token alone, so the same request gives
/// the same tokens whatever runs beside it and after a preemption: a Sampler that accepted the same
/// tokens goes on in the same way. Drafts are verified by sampling each of their rows and accepting
/// while the answer equals the draft, which is exact for greedy and for seeded sampling.
///
/// Not thread-safe. About 0.1 ms for 32,000 logits and 0.4 ms for 128,000, half as much again with
/// logprobs; nothing
/// is allocated per token once the scratch has grown, but for the top logprobs asked for.
class Sampler {
 public:
  /// `params` are valid. The prompt is looked at only under a repetition penalty of scope `all`.
  Sampler(SamplingParams params, std::size_t vocabulary, std::span<const text::TokenId> prompt);

  /// Chooses the next token; changes nothing but the scratch. `logits` has an entry for each token
  /// of the vocabulary; NaN counts as -infinity. No mask (null) allows all.
  Sampled sample(std::span<const float> logits, const TokenMask* allowed,
                 SamplingScratch& scratch) const;
  /// Takes the token into the answer.
  void accept(text::TokenId token);

  std::uint64_t output_count() const { return output_count_; }
  const SamplingParams& params() const { return params_; }

 private:
  struct Seen {
    text::TokenId token;
    std::uint32_t output_count;  // 0: only in the prompt
  };
  void change_logits(std::span<float> logits) const;

  SamplingParams params_;
  std::size_t vocabulary_;
  std::uint64_t output_count_ = 0;
  bool penalises_ = false;
  std::vector<Seen> seen_;  // by token; empty where nothing is penalised
};

}  // namespace galley::inference
