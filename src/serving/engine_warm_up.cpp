// Steps on no one's text before the first request, so that it finds memory touched and code loaded.
#include <algorithm>

#include "engine_loop.h"

namespace galley::serving {
namespace {

/// A start that takes longer than this is felt by whoever restarts a server.
constexpr double kWarmUpSeconds = 0.3;

/// `count` texts of `tokens` tokens each, in pages of their own from page 0 on.
class DummyStep {
 public:
  DummyStep(std::size_t count, std::size_t tokens) : tokens_(tokens, 0) {
    pages_.resize(count);
    PageIndex next = 0;
    for (auto& pages : pages_) {
      for (std::size_t i = 0; i < pages_for(tokens); ++i) pages.push_back(next++);
      sequences_.push_back(
          {.tokens = tokens_, .first_position = 0, .pages = pages, .logit_rows = 1});
    }
  }
  std::span<const inference::ForwardSequence> sequences() const { return sequences_; }

 private:
  std::vector<text::TokenId> tokens_;
  std::vector<std::vector<PageIndex>> pages_;
  std::vector<inference::ForwardSequence> sequences_;
};

}  // namespace

void EngineLoop::warm_up() {
  GALLEY_CHECK(requests_.empty(), "the pages of warm-up belong to nobody");
  const auto began = clock_.steady();
  double step_s = 0;
  std::size_t rows = 1;
  const auto most = std::min(
      {options_.max_sequences, model_.max_logit_rows(), model_.max_rows(), model_.page_count()});
  for (; rows <= most; rows *= 2) {
    const auto from = clock_.steady();
    // The next size takes at most twice as long as the last.
    if (seconds_between(began, from) + 2 * step_s > kWarmUpSeconds) return;
    model_.forward(DummyStep(rows, 1).sequences(), logits(0, rows));
    step_s = seconds_between(from, clock_.steady());
  }
  // A piece of a prompt, as long as there is time for at what a row of the largest batch took.
  const auto left_s = kWarmUpSeconds - seconds_between(began, clock_.steady());
  const auto row_s = step_s / static_cast<double>(rows / 2);
  const auto affordable =
      row_s > 0 ? static_cast<std::size_t>(std::max(0.0, left_s / row_s)) : options_.step_rows;
  const auto chunk = std::min({affordable, options_.step_rows, model_.max_rows(), model_.context(),
                               model_.page_count() * tensor::kPageTokens});
  if (chunk > 1) model_.forward(DummyStep(1, chunk).sequences(), logits(0, 1));
  if (options_.draft != nullptr) options_.draft->forward(DummyStep(1, 1).sequences(), logits(0, 1));
}

}  // namespace galley::serving
