#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "answer.h"
#include "batch_planner.h"
#include "drafts.h"
#include "engine_metrics.h"
#include "serving/text_engine.h"

namespace galley::serving {

struct LiveRequest;

/// One of a request's answers while it is written.
struct LiveChoice {
  LiveRequest* request = nullptr;
  SequenceIndex sequence{};
  GeneratedAnswer answer;
  DraftPace pace;
  GenerationEvent event{};  // what has not been given yet
  Instant last_token{};
  bool ended = false;  // told so; the answer itself may have finished a moment before
};

/// A request from its arrival to its last event. Owned by the engine's loop.
struct LiveRequest {
  TextEngine::RequestNumber number = 0;
  GenerationRequest request;
  std::function<void(const GenerationEvent&)> on_event;
  /// Of an embedding, instead of the two above.
  std::vector<text::TokenId> embed_prompt;
  std::function<void(Result<std::vector<float>>)> on_embedded;

  RequestTimes times;
  GenerationEvent::Usage usage;
  Speculation speculation = Speculation::none;
  std::shared_ptr<const inference::StopStrings> stops;
  bool has_started = false;
  bool has_written = false;
  bool closed = false;
  SequenceIndex first_sequence{};
  std::vector<std::unique_ptr<LiveChoice>> choices;
  std::size_t choices_left = 0;
  std::vector<TokenInfo> prompt_scores;
  std::vector<double> hidden_sum;

  bool embeds() const { return on_embedded != nullptr; }
  std::uint32_t candidates() const { return std::max(request.n, request.best_of); }
  /// Which candidates are given can be said only at the end.
  bool ranks() const { return candidates() > request.n; }
};

}  // namespace galley::serving
