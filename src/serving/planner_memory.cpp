// Pages of running sequences: growing, copying what is shared, giving way.
#include <algorithm>

#include "batch_planner.h"

namespace galley::serving {
bool BatchPlanner::make_room(SequenceIndex sequence, std::size_t end) {
  while (!own_pages(get(sequence), end)) {
    const bool itself = running_.back() == sequence;
    GALLEY_CHECK(!itself || running_.size() > 1, "one sequence alone always fits");
    preempt_last();
    if (itself) return false;
  }
  return true;
}

/// Pages up to token `end`, of which those from the first token to be written on are its own.
bool BatchPlanner::own_pages(PlannedSequence& sequence, std::size_t end) {
  const auto first_written = sequence.computed / tensor::kPageTokens;
  if (first_written < sequence.pages.size() &&
      pool_.references(sequence.pages[first_written]) > 1) {
    const auto copy = pool_.take();
    if (!copy) return false;
    auto& page = sequence.pages[first_written];
    if (sequence.computed % tensor::kPageTokens != 0)
      plan_.operations.push_back({PageOperation::Kind::copy, page, *copy});
    pool_.release(page);
    page = *copy;
  }
  while (sequence.pages.size() < pages_for(end)) {
    const auto page = pool_.take();
    if (!page) return false;
    sequence.pages.push_back(*page);
  }
  return true;
}

void BatchPlanner::preempt_last() {
  const auto index = running_.back();
  running_.pop_back();
  auto& sequence = get(index);
  drop_work(index);
  if (!swap_out(sequence)) {
    release_pages(sequence);
    sequence.computed = 0;
  }
  places_ -= sequence.choices;
  sequence.state = PlannedSequence::State::returned;
  line_.push_returned(*sequence.user, sequence.ticket, index);
  ++plan_.preempted;
}

bool BatchPlanner::swap_out(PlannedSequence& sequence) {
  const auto count = pages_for(sequence.computed);
  if (sequence.recompute || count == 0 || free_host_.size() < count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    sequence.host_pages.push_back(free_host_.back());
    free_host_.pop_back();
    plan_.operations.push_back(
        {PageOperation::Kind::swap_out, sequence.pages[i], sequence.host_pages.back()});
  }
  release_pages(sequence);
  return true;
}

void BatchPlanner::release_pages(PlannedSequence& sequence) {
  const auto rest = sequence.computed % tensor::kPageTokens;
  const auto full = sequence.computed / tensor::kPageTokens;
  if (options_.prefix_sharing && !sequence.recompute && rest > 0 && sequence.published == full &&
      pool_.references(sequence.pages[full]) == 1) {
    const auto tokens = std::span(sequence.tokens).subspan(full * tensor::kPageTokens, rest);
    const auto parent = full == 0 ? kNoPage : sequence.pages[full - 1];
    pool_.publish(sequence.adapter, parent, sequence.pages[full], tokens);
  }
  for (auto i = sequence.pages.size(); i > 0; --i) pool_.release(sequence.pages[i - 1]);
  sequence.pages.clear();
  sequence.published = 0;
}

void BatchPlanner::publish_full_pages(PlannedSequence& sequence) {
  if (!options_.prefix_sharing || sequence.recompute) return;
  for (; (sequence.published + 1) * tensor::kPageTokens <= sequence.computed;
       ++sequence.published) {
    const auto at = sequence.published;
    const auto tokens =
        std::span(sequence.tokens).subspan(at * tensor::kPageTokens, tensor::kPageTokens);
    const auto parent = at == 0 ? kNoPage : sequence.pages[at - 1];
    sequence.pages[at] = pool_.publish(sequence.adapter, parent, sequence.pages[at], tokens);
  }
}

void BatchPlanner::free_host_pages(PlannedSequence& sequence) {
  free_host_.insert(free_host_.end(), sequence.host_pages.begin(), sequence.host_pages.end());
  sequence.host_pages.clear();
}

}  // namespace galley::serving
