#pragma once

#include <memory>
#include <optional>
#include <span>

#include "inference/stop_matcher.h"
#include "serving/text_engine.h"

namespace galley::serving {

/// Makes one answer of rows of logits: samples, and turns tokens to text that ends at the end of
/// the answer, at a stop string, or at max_tokens. Knows nothing of steps, pages or threads.
class GeneratedAnswer {
 public:
  /// Choice 0 samples with the request's seed, the others with seeds that come from it.
  /// `request` and `tokenizer` must outlive it; `stops` may be null.
  GeneratedAnswer(const GenerationRequest& request, std::uint32_t choice, std::size_t vocabulary,
                  const text::Tokenizer& tokenizer,
                  std::shared_ptr<const inference::StopStrings> stops);

  /// Samples the next token of an answer that is not finished and adds what it brings to `event`.
  /// Returns the token; -1 where none can follow.
  text::TokenId write(std::span<const float> logits, inference::SamplingScratch& scratch,
                      GenerationEvent& event);
  /// Ends it from outside; what was held back is added to `event`.
  void end(FinishReason reason, GenerationEvent& event);

  bool finished() const { return finished_; }
  std::uint32_t tokens_written() const { return written_; }
  std::uint32_t tokens_left() const { return request_.max_tokens - written_; }
  /// Of the written tokens, where logprobs are taken: what best_of compares.
  double mean_logprob() const { return written_ == 0 ? 0 : logprob_sum_ / written_; }

 private:
  const inference::TokenMask* allowed();
  void add_text(text::TokenId token, GenerationEvent& event);
  bool pass(std::string_view piece, GenerationEvent& event);
  void finish(FinishReason reason, GenerationEvent& event);

  const GenerationRequest& request_;
  const text::Tokenizer& tokenizer_;
  inference::Sampler sampler_;
  text::Detokenizer detokenizer_;
  std::shared_ptr<const inference::StopStrings> stops_;
  inference::StopMatcher stop_matcher_;
  std::optional<inference::ConstraintState> constraint_;
  inference::TokenMask mask_;
  std::uint32_t written_ = 0;
  double logprob_sum_ = 0;
  bool finished_ = false;
};

}  // namespace galley::serving
