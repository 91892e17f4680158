// Who of those that wait gets a place in this step.
#include <algorithm>

#include "batch_planner.h"

namespace galley::serving {
namespace {

/// Asked in one step at most; more than that wait for the prefix of another.
constexpr std::size_t kAskedInOneStep = 256;

std::size_t whole_pages(std::size_t tokens) { return tokens - tokens % tensor::kPageTokens; }

/// How much of a text may come from the pool: the last token is always computed, and so are rows
/// that someone wants to see.
std::size_t reusable_tokens(const PlannedSequence& sequence) {
  if (sequence.recompute || sequence.purpose == Purpose::embedding) return 0;
  auto limit = sequence.tokens.size() - 1;
  if (sequence.purpose == Purpose::prompt_scores_too && sequence.scored < sequence.prompt_tokens)
    limit = std::min(limit, sequence.scored);
  if (!sequence.host_pages.empty()) limit = std::min(limit, sequence.computed);
  return limit;
}

}  // namespace

void BatchPlanner::admit() {
  if (options_.batching == Batching::continuous) {
    line_.walk(kAskedInOneStep, [&](SequenceIndex sequence) { return consider(sequence); });
  } else if (running_.empty()) {
    if (options_.batching == Batching::length_sorted) return admit_similar_lengths();
    line_.walk(options_.max_sequences, [&](SequenceIndex sequence) { return consider(sequence); });
  }
}

void BatchPlanner::admit_similar_lengths() {
  std::vector<SequenceIndex> waiting;
  line_.walk(line_.size(), [&](SequenceIndex sequence) {
    waiting.push_back(sequence);
    return Verdict::skip;
  });
  if (waiting.empty()) return;
  // Around the length of the one whose turn it is, so that no length waits for ever.
  const auto& first = at(waiting.front());
  const auto distance = [&](SequenceIndex sequence) {
    const auto a = at(sequence).tokens.size(), b = first.tokens.size();
    return std::pair(at(sequence).tier, a > b ? a - b : b - a);
  };
  std::ranges::stable_sort(waiting, {}, distance);
  for (const auto sequence : waiting) {
    auto& candidate = get(sequence);
    const bool returned = candidate.state == PlannedSequence::State::returned;
    if (consider(sequence) != Verdict::place) return;
    if (returned)
      line_.erase_returned(*candidate.user, candidate.ticket);
    else
      line_.erase(*candidate.user, candidate.arrival);
  }
}

WaitingLine::Verdict BatchPlanner::consider(SequenceIndex sequence) {
  auto& candidate = get(sequence);
  if (options_.batching == Batching::continuous) {
    if (candidate.tier.background && line_.has_online()) return Verdict::stop;
    // More prompts than a step can read would only hold pages.
    if (prompt_backlog(candidate.tier) >= options_.step_rows) return Verdict::stop;
    if (awaits_prefix(candidate)) return Verdict::skip;
  }
  if (!make_place(candidate)) return Verdict::stop;
  place(sequence);
  return Verdict::place;
}

std::size_t BatchPlanner::prompt_backlog(const Tier& tier) const {
  // One long prompt is not to keep out short ones, which can be read beside it.
  const auto most = std::max<std::size_t>(options_.step_rows / 4, 1);
  std::size_t rows = 0;
  for (const auto sequence : running_)
    if (at(sequence).tier <= tier && !at(sequence).decodes())
      rows += std::min(at(sequence).pending(), most);
  return rows;
}

bool BatchPlanner::awaits_prefix(PlannedSequence& sequence) {
  const auto limit = reusable_tokens(sequence);
  if (!options_.prefix_sharing || limit < tensor::kPageTokens || !sequence.host_pages.empty())
    return false;
  if (sequence.awaited_ticket != 0) {
    const auto& awaited = at(sequence.awaited);
    if (awaited.state == PlannedSequence::State::running &&
        awaited.ticket == sequence.awaited_ticket && awaited.computed < sequence.awaited_tokens)
      return true;
    sequence.awaited_ticket = 0;
  }
  const auto tokens = std::span(sequence.tokens).first(limit);
  bool looked = false;
  std::size_t best = 0;
  for (const auto index : running_) {
    const auto& other = at(index);
    if (other.decodes() || other.recompute || other.adapter != sequence.adapter ||
        other.tier > sequence.tier)
      continue;
    const auto end =
        other.tokens.begin() + static_cast<std::ptrdiff_t>(std::min(limit, other.tokens.size()));
    const auto common = whole_pages(static_cast<std::size_t>(
        std::mismatch(other.tokens.begin(), end, tokens.begin()).first - other.tokens.begin()));
    if (common <= other.computed) continue;
    if (!looked) pool_.find(sequence.adapter, tokens, match_);
    looked = true;
    if (common <= std::max(best, match_.tokens())) continue;
    best = common;
    sequence.awaited = index;
    sequence.awaited_ticket = other.ticket;
    sequence.awaited_tokens = common;
  }
  return best > 0;
}

/// Leaves in match_ what the pool has of its text.
bool BatchPlanner::make_place(const PlannedSequence& sequence) {
  const auto preempt_lower = [&] {
    if (options_.batching != Batching::continuous || running_.empty() ||
        at(running_.back()).tier <= sequence.tier)
      return false;
    preempt_last();
    return true;
  };
  while (places_ + sequence.choices > options_.max_sequences)
    if (!preempt_lower()) return false;
  while (true) {
    const auto limit = options_.prefix_sharing ? reusable_tokens(sequence) : 0;
    pool_.find(sequence.adapter, std::span(sequence.tokens).first(limit), match_);
    const auto idle = std::ranges::count_if(
        match_.pages, [&](PageIndex page) { return pool_.references(page) == 0; });
    const auto fresh = pages_for(sequence.tokens.size()) - match_.pages.size();
    if (pool_.available() >= static_cast<std::size_t>(idle) + fresh + running_.size()) return true;
    if (!preempt_lower()) return false;
  }
}

void BatchPlanner::place(SequenceIndex index) {
  auto& sequence = get(index);
  const bool swapped = !sequence.host_pages.empty();
  for (const auto page : match_.pages) pool_.share(page);
  const bool copies = match_.partial != kNoPage && !swapped;
  if (copies) pool_.touch(match_.partial);
  sequence.pages = match_.pages;
  sequence.published = match_.pages.size();
  while (sequence.pages.size() < pages_for(sequence.tokens.size()))
    sequence.pages.push_back(pool_.take().value());

  if (swapped) {
    for (auto i = sequence.published; i < sequence.host_pages.size(); ++i)
      plan_.operations.push_back(
          {PageOperation::Kind::swap_in, sequence.host_pages[i], sequence.pages[i]});
    free_host_pages(sequence);
  } else {
    const auto to = sequence.pages[match_.pages.size()];
    if (copies && match_.partial != to)
      plan_.operations.push_back({PageOperation::Kind::copy, match_.partial, to});
    sequence.computed = match_.tokens();
  }

  if (sequence.ticket == 0) {
    sequence.ticket = tickets_;
    tickets_ += sequence.choices;
    sequence.cached = sequence.computed;
    plan_.started.push_back(index);
    line_.charge(*sequence.user, static_cast<double>(sequence.pending()));
  }
  sequence.state = PlannedSequence::State::running;
  places_ += sequence.choices;
  insert_running(index);
}

}  // namespace galley::serving
