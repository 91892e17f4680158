#pragma once

#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "batch_planner.h"
#include "draft_model.h"
#include "engine_metrics.h"
#include "live_request.h"
#include "step_cost.h"
#include "tensor/thread_pool.h"

namespace galley::serving {

/// All that the engine does, without its thread and queue: takes requests, runs steps, gives
/// events. One thread. A request that fails, or whose callback throws, ends alone.
class EngineLoop {
 public:
  /// All but `options` must outlive it. `waiting` counts the requests that never ran: whoever
  /// accepts one counts it in, this counts it out when it runs or ends.
  EngineLoop(inference::ForwardModel& model, const text::Tokenizer& tokenizer, const Clock& clock,
             const EngineOptions& options, EngineMetrics& metrics,
             std::atomic<std::size_t>& waiting);

  /// Runs each shape of step once, so that the first request finds memory touched and kernels
  /// warm. Before the first request only.
  void warm_up();

  void add(std::unique_ptr<LiveRequest> request);
  void cancel(TextEngine::RequestNumber number);
  void cancel_all();
  bool idle() const { return planner_.idle(); }
  /// Returns how many online answers ended in it.
  std::size_t step();

 private:
  /// What a planned sequence belongs to; `choice` is null until its prompt is read.
  struct Owner {
    LiveRequest* request = nullptr;
    LiveChoice* choice = nullptr;
  };
  Owner& owner_of(SequenceIndex sequence);
  void end_step();

  // engine_step.cpp
  void ask_for_drafts();
  void note_started(const StepPlan& plan, Instant now);
  void move_pages(const StepPlan& plan);
  void make_drafts(const StepPlan& plan);
  void run_texts(const StepPlan& plan, Instant began);
  void run_embeddings(const StepPlan& plan);
  void forward_all(std::span<const Work> work);
  bool forward_one(std::size_t at, std::size_t first_logit_row);
  void learn_cost(const StepPlan& plan, double took_s);
  std::span<float> logits(std::size_t first_row, std::size_t count);

  // engine_sampling.cpp
  /// What a choice wrote in this step.
  struct Drawn {
    std::vector<text::TokenId> tokens;
    std::uint32_t accepted = 0;  // of the drafts
    std::exception_ptr failure;  // told by the loop's own thread
  };
  void draw_all();
  void draw(LiveChoice& choice, std::span<const float> rows, std::span<const text::TokenId> drafts,
            inference::SamplingScratch& scratch, Drawn& drawn) const noexcept;

  // engine_answers.cpp
  void take_rows(const Work& work, std::span<const float> rows, const Drawn& drawn,
                 std::size_t drafts, Instant now);
  void score_prompt(LiveRequest& request, const Work& work, std::span<const float> rows);
  void begin_answers(LiveRequest& request, SequenceIndex sequence, std::span<const float> row,
                     Instant now);
  void take_tokens(LiveChoice& choice, const Drawn& drawn, std::size_t drafts, Instant now);
  void add_embedding(const Work& work, std::span<const float> hidden, Instant now);
  void end_choice(LiveChoice& choice, Instant now);
  void end_early(LiveRequest& request, FinishReason reason, std::string_view why);
  void give(LiveRequest& request, GenerationEvent& event);
  void give_ranked(LiveRequest& request);
  void answer_embedding(LiveRequest& request, Result<std::vector<float>> embedding);
  void close(LiveRequest& request, FinishReason reason, Instant now);
  void fill_usage(LiveRequest& request, Instant now) const;

  inference::ForwardModel& model_;
  const text::Tokenizer& tokenizer_;
  const Clock& clock_;
  const EngineOptions options_;
  /// Of both model and tokenizer: files pad one or the other, and no padding is ever an answer.
  const std::size_t vocabulary_;
  EngineMetrics& metrics_;
  std::atomic<std::size_t>& waiting_;
  BatchPlanner planner_;
  StepCost cost_;
  std::optional<DraftModel> draft_model_;

  std::map<TextEngine::RequestNumber, std::unique_ptr<LiveRequest>> requests_;
  std::vector<Owner> owners_;  // by SequenceIndex
  std::size_t running_requests_ = 0;
  std::vector<std::unique_ptr<LiveRequest>> closed_;  // in this step; freed at its end
  std::size_t answered_ = 0;                          // of those: online, to their end
  std::vector<TextEngine::RequestNumber> abandoned_;  // whose listener failed in this step

  std::vector<std::vector<std::byte>> host_pages_;
  std::vector<float> logits_;
  std::vector<float> hidden_;
  std::vector<inference::ForwardSequence> sequences_;
  std::vector<Work> texts_;                          // of this step
  std::vector<std::vector<text::TokenId>> drafted_;  // with each of texts_: last token and drafts
  std::vector<std::vector<text::TokenId>> drafts_;   // of each of texts_
  std::vector<char> ran_;                            // each of texts_
  std::vector<std::size_t> first_rows_;              // of the logits of each of texts_
  std::vector<DraftModel::Ask> asks_;
  std::vector<SequenceIndex> forked_;
  std::vector<Drawn> drawn_;          // of each of texts_
  std::vector<std::size_t> to_draw_;  // of texts_
  Drawn first_drawn_;                 // of the choices of a prompt that was read
  tensor::ThreadPool sampling_pool_;
  std::vector<inference::SamplingScratch> scratches_;  // of each thread of the pool
  EngineMetrics::Step counts_;
};

}  // namespace galley::serving
