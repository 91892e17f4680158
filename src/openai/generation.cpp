#include "generation.h"

#include <utility>

namespace galley::openai {

Status Generation::start(std::vector<serving::GenerationRequest> requests,
                         std::shared_ptr<Sink> sink) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto number = model_.engine().generate(
        std::move(requests[i]),
        [self = shared_from_this(), sink, i](const serving::GenerationEvent& event) {
          sink->take(i, event);
        });
    if (!number) {
      cancel();
      return std::move(number).error();
    }
    const std::lock_guard lock(mutex_);
    numbers_.push_back(*number);
    // The reader may have gone while the others were handed over.
    if (cancelled_) model_.engine().cancel(*number);
  }
  return ok();
}

void Generation::cancel() {
  std::vector<serving::TextEngine::RequestNumber> numbers;
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    numbers = numbers_;
  }
  for (const auto number : numbers) model_.engine().cancel(number);
}

}  // namespace galley::openai
