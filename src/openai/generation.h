#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "answer.h"
#include "openai/text_models.h"

namespace galley::openai {

/// The engine requests of one request of the API: begun together, cancelled together. The engine
/// owns it while anything of it runs. Thread-safe.
class Generation : public std::enable_shared_from_this<Generation> {
 public:
  explicit Generation(const TextModel& model) : model_(model), use_(model) {}

  /// Hands all to the engine; `sink` may be told of events before this returns. On an error nothing
  /// goes on, and what `sink` was told means nothing. Errors: those of TextEngine::generate.
  Status start(std::vector<serving::GenerationRequest> requests, std::shared_ptr<Sink> sink);
  /// From any thread but the engine's.
  void cancel();

 private:
  const TextModel& model_;
  const TextModel::Use use_;
  std::mutex mutex_;  // guards both below
  std::vector<serving::TextEngine::RequestNumber> numbers_;
  bool cancelled_ = false;
};

}  // namespace galley::openai
