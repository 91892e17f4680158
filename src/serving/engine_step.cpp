// One step's work on the models: drafts, pages, rows.
#include <algorithm>
#include <exception>

#include "engine_loop.h"

namespace galley::serving {

void EngineLoop::ask_for_drafts() {
  for (const auto sequence : planner_.running()) {
    const auto* choice = owner_of(sequence).choice;
    if (choice == nullptr || choice->request->speculation == Speculation::none) continue;
    planner_.want_drafts(sequence,
                         std::min(choice->pace.length(), choice->answer.tokens_left() - 1));
  }
}

void EngineLoop::note_started(const StepPlan& plan, Instant now) {
  for (const auto sequence : plan.started) {
    auto& request = *owner_of(sequence).request;
    request.has_started = true;
    request.times.started = now;
    request.usage.cached_tokens = static_cast<std::uint32_t>(planner_.at(sequence).cached);
    --waiting_;
    ++running_requests_;
    counts_.prompt_tokens += request.usage.prompt_tokens;
    metrics_.record_start(request.usage.prompt_tokens, request.usage.cached_tokens,
                          seconds_between(request.times.arrived, now));
  }
}

void EngineLoop::move_pages(const StepPlan& plan) {
  for (const auto& operation : plan.operations) {
    switch (operation.kind) {
      case PageOperation::Kind::copy:
        model_.copy_page(operation.from, operation.to);
        break;
      case PageOperation::Kind::swap_out:
        if (host_pages_.size() <= operation.to) host_pages_.resize(operation.to + 1);
        host_pages_[operation.to].resize(model_.page_bytes());
        model_.read_page(operation.from, host_pages_[operation.to]);
        break;
      case PageOperation::Kind::swap_in:
        model_.write_page(operation.to, host_pages_[operation.from]);
        break;
    }
  }
}

/// Fills texts_ with the plan's work that is not embedding, and drafts_ with what each may try.
void EngineLoop::make_drafts(const StepPlan& plan) {
  texts_.clear();
  for (const auto& work : plan.work)
    if (planner_.at(work.sequence).purpose != Purpose::embedding) texts_.push_back(work);
  if (drafts_.size() < texts_.size()) {
    drafts_.resize(texts_.size());
    drafted_.resize(texts_.size());
  }
  asks_.clear();
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const auto& work = texts_[i];
    const auto& tokens = planner_.at(work.sequence).tokens;
    drafts_[i].clear();
    if (work.draft_room == 0) continue;
    if (owner_of(work.sequence).request->speculation == Speculation::prompt_lookup)
      draft_by_lookup(tokens, work.draft_room, drafts_[i]);
    else
      asks_.push_back({work.sequence, tokens, work.draft_room, &drafts_[i]});
  }
  if (draft_model_ && !asks_.empty()) draft_model_->propose(asks_);
}

void EngineLoop::run_texts(const StepPlan& plan, Instant began) {
  if (texts_.empty()) return;
  sequences_.clear();
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    auto& work = texts_[i];
    const auto& planned = planner_.at(work.sequence);
    std::span<const text::TokenId> tokens =
        std::span(planned.tokens).subspan(work.first, work.rows);
    if (!drafts_[i].empty()) {
      drafted_[i].assign(1, tokens.front());
      drafted_[i].insert(drafted_[i].end(), drafts_[i].begin(), drafts_[i].end());
      tokens = drafted_[i];
      work.logit_rows = static_cast<std::uint32_t>(tokens.size());
      counts_.rows += drafts_[i].size();
    }
    sequences_.push_back({.tokens = tokens,
                          .first_position = work.first,
                          .pages = planned.pages,
                          .logit_rows = work.logit_rows,
                          .adapter = planned.adapter});
  }
  forward_all(texts_);
  first_rows_.clear();
  std::size_t row = 0;
  for (const auto& text : texts_) {
    first_rows_.push_back(row);
    row += text.logit_rows;
  }
  draw_all();
  const auto now = clock_.steady();
  learn_cost(plan, seconds_between(began, now));
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    auto* request = owner_of(texts_[i].sequence).request;
    // What another of its choices met may have ended it in this very step.
    if (request == nullptr) continue;
    if (ran_[i] != 0)
      take_rows(texts_[i], logits(first_rows_[i], texts_[i].logit_rows), drawn_[i],
                drafts_[i].size(), now);
    else
      end_early(*request, FinishReason::failed, "the model could not run a step of this request");
  }
}

/// A step that fails is run again text by text, so that only those that cannot run fail.
void EngineLoop::forward_all(std::span<const Work> work) {
  std::size_t rows = 0;
  for (const auto& text : work) rows += text.logit_rows;
  ran_.assign(work.size(), 1);
  try {
    model_.forward(sequences_, logits(0, rows));
    return;
  } catch (const std::exception&) {
  }
  std::size_t row = 0;
  for (std::size_t i = 0; i < work.size(); ++i) {
    ran_[i] = forward_one(i, row) ? 1 : 0;
    row += work[i].logit_rows;
  }
}

bool EngineLoop::forward_one(std::size_t at, std::size_t first_logit_row) {
  try {
    model_.forward(std::span(sequences_).subspan(at, 1),
                   logits(first_logit_row, sequences_[at].logit_rows));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

std::span<float> EngineLoop::logits(std::size_t first_row, std::size_t count) {
  const auto vocabulary = model_.vocabulary();
  return std::span(logits_).subspan(first_row * vocabulary, count * vocabulary);
}

void EngineLoop::learn_cost(const StepPlan& plan, double took_s) {
  StepCost::Step step{.took_s = took_s};
  std::size_t background_decodes = 0;
  bool online = false;
  for (const auto& work : plan.work) {
    const auto& planned = planner_.at(work.sequence);
    if (planned.purpose == Purpose::embedding) return;
    online = online || !planned.tier.background;
    if (planned.tier.background) step.background_rows += work.rows;
    if (!planned.decodes())
      step.prompt_rows += work.rows;
    else if (planned.tier.background)
      ++background_decodes;
    else
      ++step.decode_rows;
  }
  // How long bulk work alone takes says nothing about the pauses of online answers.
  if (online || background_decodes == 0) cost_.record(step);
}

void EngineLoop::run_embeddings(const StepPlan& plan) {
  for (const auto& work : plan.work) {
    const auto& planned = planner_.at(work.sequence);
    const auto* request = owner_of(work.sequence).request;
    if (planned.purpose != Purpose::embedding || request == nullptr) continue;
    hidden_.resize(work.rows * model_.width());
    const inference::ForwardSequence sequence{
        .tokens = std::span(planned.tokens).subspan(work.first, work.rows),
        .first_position = work.first,
        .pages = planned.pages,
        .logit_rows = 0,
        .adapter = planned.adapter};
    try {
      model_.embed(std::span(&sequence, 1), hidden_);
    } catch (const std::exception&) {
      end_early(*owner_of(work.sequence).request, FinishReason::failed,
                "the model could not run a step of this request");
      continue;
    }
    add_embedding(work, hidden_, clock_.steady());
  }
}

}  // namespace galley::serving
