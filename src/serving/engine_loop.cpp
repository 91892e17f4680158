#include "engine_loop.h"

#include <algorithm>

namespace galley::serving {
namespace {

PlannerOptions planner_options(const inference::ForwardModel& model, const EngineOptions& options) {
  const auto rows = std::min(options.step_rows, model.max_rows());
  const auto sequences = std::min({options.max_sequences, model.max_logit_rows(), rows});
  const bool swaps = options.preemption == EngineOptions::Preemption::swap;
  return {.batching = options.batching,
          .page_count = model.page_count(),
          .max_sequences = sequences,
          .step_rows = rows,
          .online_step_rows = std::min(options.online_step_rows, rows),
          .logit_rows = model.max_logit_rows(),
          .prefix_sharing = options.prefix_sharing,
          .host_pages = swaps ? options.swap_bytes / model.page_bytes() : 0};
}

}  // namespace

EngineLoop::EngineLoop(inference::ForwardModel& model, const text::Tokenizer& tokenizer,
                       const Clock& clock, const EngineOptions& options, EngineMetrics& metrics,
                       std::atomic<std::size_t>& waiting)
    : model_(model),
      tokenizer_(tokenizer),
      clock_(clock),
      options_(options),
      vocabulary_(std::min(model.vocabulary(), tokenizer.size())),
      metrics_(metrics),
      waiting_(waiting),
      planner_(planner_options(model, options)),
      sampling_pool_(options.sampling_threads),
      scratches_(sampling_pool_.size()) {
  if (options.draft != nullptr) draft_model_.emplace(*options.draft);
  logits_.resize(model.max_logit_rows() * model.vocabulary());
}

EngineLoop::Owner& EngineLoop::owner_of(SequenceIndex sequence) {
  const auto at = static_cast<std::size_t>(sequence);
  if (at >= owners_.size()) owners_.resize(at + 1);
  return owners_[at];
}

void EngineLoop::add(std::unique_ptr<LiveRequest> added) {
  auto& live = *added;
  auto& request = live.request;
  Arrival arrival;
  arrival.tokens = live.embeds() ? live.embed_prompt : request.prompt;
  arrival.adapter = request.adapter;
  arrival.tier = {.background = request.request_class == RequestClass::background,
                  .priority = request.priority};
  arrival.user = request.user;
  arrival.choices = live.embeds() ? 1 : live.candidates();
  arrival.recompute = request.recompute;
  if (live.embeds())
    arrival.purpose = Purpose::embedding;
  else if (request.prompt_logprobs)
    arrival.purpose = Purpose::prompt_scores_too;
  live.usage.prompt_tokens = static_cast<std::uint32_t>(arrival.tokens.size());
  live.first_sequence = planner_.add(std::move(arrival));
  owner_of(live.first_sequence) = {&live, nullptr};
  requests_.emplace(live.number, std::move(added));
}

void EngineLoop::cancel(TextEngine::RequestNumber number) {
  const auto found = requests_.find(number);
  if (found == requests_.end()) return;
  end_early(*found->second, FinishReason::cancelled, {});
  end_step();
}

void EngineLoop::cancel_all() {
  while (!requests_.empty()) end_early(*requests_.begin()->second, FinishReason::cancelled, {});
  end_step();
}

std::size_t EngineLoop::step() {
  answered_ = 0;
  const auto began = clock_.steady();
  ask_for_drafts();
  const auto& plan = planner_.plan(cost_.limits());
  counts_ = {};
  counts_.preemptions = plan.preempted;
  counts_.sequences = plan.work.size();
  for (const auto& work : plan.work) counts_.rows += work.rows;
  note_started(plan, began);
  move_pages(plan);
  make_drafts(plan);
  run_texts(plan, began);
  run_embeddings(plan);
  end_step();
  return answered_;
}

void EngineLoop::end_step() {
  while (!abandoned_.empty()) {
    const auto found = requests_.find(abandoned_.back());
    abandoned_.pop_back();
    if (found != requests_.end()) end_early(*found->second, FinishReason::cancelled, {});
  }
  closed_.clear();
  counts_.requests_running = running_requests_;
  counts_.sequences_running = planner_.running().size();
  const auto& pool = planner_.pool();
  counts_.kv_cache_usage_ratio =
      static_cast<double>(pool.referenced()) / static_cast<double>(pool.page_count());
  metrics_.record_step(counts_, clock_.steady());
  counts_ = {};
}

}  // namespace galley::serving
