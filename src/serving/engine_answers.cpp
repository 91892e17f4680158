// What a step's rows become: tokens, text, events.
#include <algorithm>
#include <cmath>
#include <exception>

#include "base/log.h"
#include "engine_loop.h"

namespace galley::serving {

void EngineLoop::take_rows(const Work& work, std::span<const float> rows, const Drawn& drawn,
                           std::size_t drafts, Instant now) {
  const auto owner = owner_of(work.sequence);
  auto& request = *owner.request;
  try {
    if (owner.choice != nullptr) {
      planner_.advance(work);
      if (work.completes) take_tokens(*owner.choice, drawn, drafts, now);
      return;
    }
    score_prompt(request, work, rows);
    planner_.advance(work);
    if (work.completes) begin_answers(request, work.sequence, rows.last(model_.vocabulary()), now);
  } catch (const std::exception& error) {
    end_early(request, FinishReason::failed, error.what());
  }
}

/// Row i of a prompt tells how likely token i + 1 was.
void EngineLoop::score_prompt(LiveRequest& request, const Work& work, std::span<const float> rows) {
  if (!request.request.prompt_logprobs) return;
  const auto& prompt = request.request.prompt;
  if (request.prompt_scores.empty()) request.prompt_scores.push_back({.token = prompt[0]});
  const auto first = work.first + work.rows - work.logit_rows;
  for (std::uint32_t i = 0; i < work.logit_rows; ++i) {
    const auto next = std::size_t{first} + i + 1;
    if (next != request.prompt_scores.size() || next >= prompt.size()) continue;
    const auto row = rows.subspan(i * model_.vocabulary(), vocabulary_);
    const auto top = std::max(request.request.sampling.logprobs, 0);
    const auto scored = inference::log_probabilities(row, prompt[next], top, scratches_[0]);
    TokenInfo info{.token = prompt[next], .logprob = scored.logprob, .top = {}};
    for (const auto& likely : scored.top) info.top.emplace_back(likely.token, likely.logprob);
    request.prompt_scores.push_back(std::move(info));
  }
}

/// The prompt is read: every choice takes its first token from the same row.
void EngineLoop::begin_answers(LiveRequest& request, SequenceIndex sequence,
                               std::span<const float> row, Instant now) {
  planner_.fork(sequence, forked_);
  const auto count = request.candidates();
  for (std::uint32_t i = 0; i < count; ++i) {
    auto choice = std::make_unique<LiveChoice>(LiveChoice{
        .request = &request,
        .sequence = i == 0 ? sequence : forked_[i - 1],
        .answer = GeneratedAnswer(request.request, i, vocabulary_, tokenizer_, request.stops),
        .pace = DraftPace(options_.draft_tokens),
        .last_token = now});
    choice->event.choice = i;
    owner_of(choice->sequence) = {&request, choice.get()};
    request.choices.push_back(std::move(choice));
  }
  request.choices_left = count;
  request.choices[0]->event.prompt_tokens = std::move(request.prompt_scores);
  for (std::uint32_t i = 0; i < count && !request.closed; ++i) {
    draw(*request.choices[i], row, {}, scratches_[0], first_drawn_);
    take_tokens(*request.choices[i], first_drawn_, 0, now);
  }
}

void EngineLoop::take_tokens(LiveChoice& choice, const Drawn& drawn, std::size_t drafts,
                             Instant now) {
  if (drawn.failure) std::rethrow_exception(drawn.failure);
  auto& request = *choice.request;
  const auto drafted = static_cast<std::uint32_t>(drafts);
  choice.pace.record(drafted, drawn.accepted);
  request.usage.drafted_tokens += drafted;
  request.usage.accepted_tokens += drawn.accepted;
  request.usage.completion_tokens += static_cast<std::uint32_t>(drawn.tokens.size());
  counts_.drafted_tokens += drafted;
  counts_.accepted_tokens += drawn.accepted;
  counts_.generated_tokens += drawn.tokens.size();

  if (!drawn.tokens.empty()) {
    planner_.append(choice.sequence, drawn.tokens);
    if (!request.has_written) {
      request.has_written = true;
      request.times.first_token = now;
      metrics_.record_first_token(seconds_between(request.times.arrived, now),
                                  seconds_between(request.times.started, now));
    } else {
      const auto each =
          seconds_between(choice.last_token, now) / static_cast<double>(drawn.tokens.size());
      for (std::size_t i = 0; i < drawn.tokens.size(); ++i) metrics_.record_token(each);
    }
    choice.last_token = now;
  }
  if (choice.answer.finished())
    end_choice(choice, now);
  else if (!request.ranks())
    give(request, choice.event);
}

void EngineLoop::end_choice(LiveChoice& choice, Instant now) {
  auto& request = *choice.request;
  choice.ended = true;
  planner_.finish(choice.sequence);
  owner_of(choice.sequence) = {};
  if (draft_model_) draft_model_->drop(choice.sequence);
  const auto reason = choice.event.reason;
  --request.choices_left;
  if (request.choices_left > 0) {
    if (!request.ranks()) give(request, choice.event);
    return;
  }
  fill_usage(request, now);
  if (request.ranks()) {
    give_ranked(request);
  } else {
    choice.event.last = true;
    choice.event.usage = request.usage;
    give(request, choice.event);
  }
  close(request, reason, now);
}

/// The candidates of highest mean logprob, best first, as choices 0 to n - 1.
void EngineLoop::give_ranked(LiveRequest& request) {
  auto& choices = request.choices;
  auto prompt_tokens = std::move(choices[0]->event.prompt_tokens);
  std::ranges::stable_sort(choices, std::greater<>{},
                           [](const auto& choice) { return choice->answer.mean_logprob(); });
  for (std::uint32_t i = 0; i < request.request.n; ++i) {
    auto& event = choices[i]->event;
    event.choice = i;
    if (i == 0) event.prompt_tokens = std::move(prompt_tokens);
    if (i + 1 == request.request.n) {
      event.last = true;
      event.usage = request.usage;
    }
    give(request, event);
  }
}

void EngineLoop::give(LiveRequest& request, GenerationEvent& event) {
  if (request.on_event) {
    try {
      request.on_event(event);
    } catch (...) {
      // Whoever listened is gone; what is still to be computed for it is ended with the step.
      log::warn("serving", "a listener threw and its request is cancelled");
      request.on_event = nullptr;
      abandoned_.push_back(request.number);
    }
  }
  event.text.clear();
  event.tokens.clear();
  event.prompt_tokens.clear();
}

void EngineLoop::end_early(LiveRequest& request, FinishReason reason, std::string_view why) {
  const auto now = clock_.steady();
  if (request.embeds()) {
    planner_.finish(request.first_sequence);
    owner_of(request.first_sequence) = {};
    answer_embedding(request,
                     Error{reason == FinishReason::failed ? Errc::internal : Errc::unavailable,
                           reason == FinishReason::failed
                               ? std::string(why)
                               : "the embedding was cancelled before it was computed"});
    return close(request, reason, now);
  }
  if (!request.choices.empty()) {
    for (auto& choice : request.choices) {
      if (request.closed) return;
      if (choice->ended) continue;
      if (!choice->answer.finished()) choice->event.error = why;
      choice->answer.end(reason, choice->event);
      end_choice(*choice, now);
    }
    return;
  }
  planner_.finish(request.first_sequence);
  owner_of(request.first_sequence) = {};
  fill_usage(request, now);
  for (std::uint32_t i = 0; i < request.request.n; ++i) {
    GenerationEvent event{.choice = i, .finished = true, .reason = reason};
    event.error = why;
    event.last = i + 1 == request.request.n;
    if (event.last) event.usage = request.usage;
    give(request, event);
  }
  close(request, reason, now);
}

void EngineLoop::fill_usage(LiveRequest& request, Instant now) const {
  const auto& times = request.times;
  request.usage.queue_s = seconds_between(times.arrived, request.has_started ? times.started : now);
  if (request.has_written)
    request.usage.first_token_s = seconds_between(times.arrived, times.first_token);
  request.usage.total_s = seconds_between(times.arrived, now);
}

void EngineLoop::close(LiveRequest& request, FinishReason reason, Instant now) {
  fill_usage(request, now);
  if (request.has_started)
    --running_requests_;
  else
    --waiting_;
  metrics_.record_end(reason, request.usage,
                      request.has_written ? seconds_between(request.times.first_token, now) : 0);
  request.closed = true;
  if (request.request.request_class == RequestClass::online && reason != FinishReason::cancelled)
    ++answered_;
  const auto found = requests_.find(request.number);
  closed_.push_back(std::move(found->second));
  requests_.erase(found);
}

void EngineLoop::add_embedding(const Work& work, std::span<const float> hidden, Instant now) {
  auto& request = *owner_of(work.sequence).request;
  // A prompt that was preempted is read again from its start.
  if (work.first == 0) request.hidden_sum.assign(model_.width(), 0.0);
  for (std::size_t row = 0; row < work.rows; ++row)
    for (std::size_t i = 0; i < model_.width(); ++i)
      request.hidden_sum[i] += static_cast<double>(hidden[row * model_.width() + i]);
  planner_.advance(work);
  if (!work.completes) return;
  double squares = 0;
  for (const auto sum : request.hidden_sum) squares += sum * sum;
  const auto scale = squares > 0 ? 1 / std::sqrt(squares) : 0.0;
  std::vector<float> embedding;
  for (const auto sum : request.hidden_sum) embedding.push_back(static_cast<float>(sum * scale));
  planner_.finish(work.sequence);
  owner_of(work.sequence) = {};
  answer_embedding(request, std::move(embedding));
  close(request, FinishReason::stop, now);
}

void EngineLoop::answer_embedding(LiveRequest& request, Result<std::vector<float>> embedding) {
  try {
    request.on_embedded(std::move(embedding));
  } catch (...) {
    log::warn("serving", "a listener of an embedding threw");
  }
}

}  // namespace galley::serving
