#include "answer.h"

#include <algorithm>

namespace galley::serving {
namespace {

inference::SamplingParams params_of(const GenerationRequest& request, std::uint32_t choice) {
  auto params = request.sampling;
  if (choice > 0) params.seed = inference::random_bits(params.seed, choice);
  // Candidates are compared by their logprobs, whether or not the client wants to see them.
  if (request.best_of > request.n) params.logprobs = std::max(params.logprobs, 0);
  return params;
}

}  // namespace

GeneratedAnswer::GeneratedAnswer(const GenerationRequest& request, std::uint32_t choice,
                                 std::size_t vocabulary, const text::Tokenizer& tokenizer,
                                 std::shared_ptr<const inference::StopStrings> stops)
    : request_(request),
      tokenizer_(tokenizer),
      sampler_(params_of(request, choice), vocabulary, request.prompt),
      detokenizer_(tokenizer, false, text::Detokenizer::From::middle),
      stops_(stops),
      stop_matcher_(std::move(stops)) {
  if (request.constraint != nullptr) constraint_.emplace(request.constraint);
}

const inference::TokenMask* GeneratedAnswer::allowed() {
  if (!constraint_) return nullptr;
  constraint_->allowed(mask_);
  return &mask_;
}

text::TokenId GeneratedAnswer::write(std::span<const float> logits,
                                     inference::SamplingScratch& scratch, GenerationEvent& event) {
  auto sampled = sampler_.sample(logits, allowed(), scratch);
  if (sampled.token < 0) {
    event.error = constraint_ ? "no token of the vocabulary spells what the grammar asks for next"
                              : "the model gave no number for any token";
    finish(FinishReason::failed, event);
    return -1;
  }
  sampler_.accept(sampled.token);
  ++written_;
  logprob_sum_ += sampled.logprob;
  TokenInfo info{.token = sampled.token, .logprob = sampled.logprob, .top = {}};
  info.top.reserve(sampled.top.size());
  for (const auto& likely : sampled.top) info.top.emplace_back(likely.token, likely.logprob);
  event.tokens.push_back(std::move(info));

  const bool ends = tokenizer_.ends_answer(sampled.token);
  if (ends && !request_.ignore_eos)
    finish(FinishReason::stop, event);
  else
    add_text(sampled.token, event);
  return sampled.token;
}

void GeneratedAnswer::add_text(text::TokenId token, GenerationEvent& event) {
  if (constraint_) constraint_->accept(token);
  if (pass(detokenizer_.add(token), event)) return;
  // After all that the grammar asks for only an end could follow, also where ends are ignored.
  if (constraint_ && constraint_->finished())
    finish(FinishReason::stop, event);
  else if (written_ >= request_.max_tokens)
    finish(FinishReason::length, event);
}

/// True where a stop string ended the answer.
bool GeneratedAnswer::pass(std::string_view piece, GenerationEvent& event) {
  if (piece.empty()) return false;
  auto passed = stop_matcher_.add(piece);
  event.text += passed.text;
  if (passed.stop < 0) return false;
  event.stop_sequence = (*stops_)[static_cast<std::size_t>(passed.stop)];
  event.finished = finished_ = true;
  event.reason = FinishReason::stop;
  return true;
}

void GeneratedAnswer::finish(FinishReason reason, GenerationEvent& event) {
  if (pass(detokenizer_.finish(), event)) return;
  event.text += stop_matcher_.finish();
  event.finished = finished_ = true;
  event.reason = reason;
}

void GeneratedAnswer::end(FinishReason reason, GenerationEvent& event) {
  if (finished_) return;
  finish(reason, event);
  event.reason = reason;
}

}  // namespace galley::serving
