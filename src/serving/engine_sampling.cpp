// Drawing the tokens of all answers of a step, which need nothing of each other.
#include "engine_loop.h"

namespace galley::serving {
namespace {

/// Fewer numbers than this are drawn from before another thread has woken up.
constexpr std::size_t kWorthAThread = 64 << 10;

}  // namespace

/// Fills drawn_ for those of texts_ that go on with an answer. A prompt that has just been read is
/// none of them: its answers do not exist yet.
void EngineLoop::draw_all() {
  if (drawn_.size() < texts_.size()) drawn_.resize(texts_.size());
  to_draw_.clear();
  std::size_t logit_count = 0;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    if (ran_[i] == 0 || !texts_[i].completes) continue;
    if (owner_of(texts_[i].sequence).choice == nullptr) continue;
    to_draw_.push_back(i);
    logit_count += texts_[i].logit_rows * model_.vocabulary();
  }
  const auto draw_one = [&](std::size_t which, std::uint32_t thread) {
    const auto i = to_draw_[which];
    draw(*owners_[static_cast<std::size_t>(texts_[i].sequence)].choice,
         logits(first_rows_[i], texts_[i].logit_rows), drafts_[i], scratches_[thread], drawn_[i]);
  };
  if (logit_count > kWorthAThread)
    sampling_pool_.run(to_draw_.size(), draw_one);
  else
    for (std::size_t which = 0; which < to_draw_.size(); ++which) draw_one(which, 0);
}

/// Touches nothing but the choice and what it is given: choices are drawn for at the same time.
void EngineLoop::draw(LiveChoice& choice, std::span<const float> rows,
                      std::span<const text::TokenId> drafts, inference::SamplingScratch& scratch,
                      Drawn& drawn) const noexcept {
  drawn.tokens.clear();
  drawn.accepted = 0;
  drawn.failure = nullptr;
  try {
    if (choice.request->request.max_tokens == 0)
      choice.answer.end(FinishReason::length, choice.event);
    for (std::size_t i = 0; i <= drafts.size() && !choice.answer.finished(); ++i) {
      const auto row = rows.subspan(i * model_.vocabulary(), vocabulary_);
      const auto token = choice.answer.write(row, scratch, choice.event);
      if (token < 0) break;
      drawn.tokens.push_back(token);
      if (i == drafts.size() || drafts[i] != token) break;
      ++drawn.accepted;
    }
  } catch (...) {
    drawn.failure = std::current_exception();
  }
}

}  // namespace galley::serving
