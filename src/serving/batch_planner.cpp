#include "batch_planner.h"

#include <algorithm>
#include <tuple>

namespace galley::serving {
namespace {

/// A prompt's least share of a step in which answers are written, so that it ends one day.
constexpr std::size_t kLeastPromptRows = 16;

/// What a written token counts beside a read one (arXiv:2401.00588): writing cannot be batched
/// over the positions of a text.
constexpr double kWrittenTokenWeight = 2;

/// Rows within [first, first + rows) whose logits the caller needs; always the last ones.
std::uint32_t logit_rows_of(const PlannedSequence& sequence, std::uint32_t rows) {
  if (sequence.purpose == Purpose::embedding) return 0;
  const bool completes = rows == sequence.pending();
  const auto end = sequence.computed + rows;
  const auto scored_end = sequence.prompt_tokens - 1;  // its row gives the first new token
  if (sequence.purpose == Purpose::prompt_scores_too && sequence.scored < scored_end &&
      sequence.scored < end)
    return static_cast<std::uint32_t>(end - std::max(sequence.computed, sequence.scored));
  return completes ? 1 : 0;
}

/// Its prompt is not yet computed.
bool reads(const PlannedSequence& sequence) {
  return sequence.pending() > 0 && !sequence.decodes();
}

auto rank_of(const PlannedSequence& sequence) { return std::tuple(sequence.tier, sequence.ticket); }

}  // namespace

BatchPlanner::BatchPlanner(const PlannerOptions& options)
    : options_(options), pool_(options.page_count) {
  GALLEY_CHECK(options.logit_rows >= options.max_sequences &&
                   options.step_rows >= options.max_sequences && options.max_sequences > 0,
               "a step has a row for each sequence");
  for (std::size_t i = options.host_pages; i > 0; --i)
    free_host_.push_back(static_cast<std::uint32_t>(i - 1));
}

SequenceIndex BatchPlanner::new_index() {
  if (free_indices_.empty()) {
    sequences_.push_back(std::make_unique<PlannedSequence>());
    return SequenceIndex{static_cast<std::uint32_t>(sequences_.size() - 1)};
  }
  const auto sequence = free_indices_.back();
  free_indices_.pop_back();
  get(sequence) = PlannedSequence{};
  return sequence;
}

SequenceIndex BatchPlanner::add(Arrival arrival) {
  GALLEY_CHECK(arrival.choices >= 1 && arrival.choices <= options_.max_sequences,
               "a request's choices fit into one batch");
  const auto sequence = new_index();
  auto& added = get(sequence);
  added.state = PlannedSequence::State::waiting;
  added.prompt_tokens = arrival.tokens.size();
  added.tokens = std::move(arrival.tokens);
  added.adapter = arrival.adapter;
  added.purpose = arrival.purpose;
  added.recompute = arrival.recompute;
  added.tier = arrival.tier;
  added.choices = arrival.choices;
  added.arrival = ++arrivals_;
  added.user = &line_.hold(arrival.tier, arrival.user);
  line_.push(*added.user, added.arrival, sequence);
  return sequence;
}

const StepPlan& BatchPlanner::plan(const StepLimits& limits) {
  // Only now: the caller may have gone through work of sequences that ended in the same step.
  free_indices_.insert(free_indices_.end(), freed_indices_.begin(), freed_indices_.end());
  freed_indices_.clear();
  plan_.operations.clear();
  plan_.work.clear();
  plan_.started.clear();
  plan_.preempted = 0;
  rows_left_ = options_.step_rows;
  logit_rows_left_ = options_.logit_rows;

  admit();
  online_busy_ = options_.batching == Batching::continuous &&
                 (line_.has_online() || std::ranges::any_of(running_, [&](SequenceIndex sequence) {
                    return !at(sequence).tier.background;
                  }));
  background_rows_left_ = online_busy_ ? limits.background_rows : kBackgroundRows;
  plan_decodes();
  plan_prompts(limits);
  plan_drafts();
  return plan_;
}

/// Background work never fills a step, not even where nobody else is there: a request that comes
/// in the middle of one waits for its end.
bool BatchPlanner::is_bounded(const PlannedSequence& sequence) const {
  return sequence.tier.background && options_.batching == Batching::continuous;
}

void BatchPlanner::plan_decodes() {
  online_decodes_ = 0;
  for (std::size_t rank = 0; rank < running_.size(); ++rank) {
    const auto sequence = running_[rank];
    const auto& decoding = at(sequence);
    if (!decoding.decodes()) continue;
    if (is_bounded(decoding) && background_rows_left_ == 0) continue;
    if (!make_room(sequence, decoding.tokens.size())) break;
    if (is_bounded(decoding)) --background_rows_left_;
    if (!decoding.tier.background) ++online_decodes_;
    add_work(sequence, 1);
  }
}

void BatchPlanner::plan_prompts(const StepLimits& limits) {
  auto rows = rows_left_;
  std::optional<SequenceIndex> whole;
  if (online_decodes_ > 0) {
    const auto used = options_.step_rows - rows_left_;
    const auto bound = options_.online_step_rows - std::min(options_.online_step_rows, used);
    // Prompts that queue may pause the answers for twice as long: the next one waits for them too.
    const auto prompts = std::ranges::count_if(running_, [&](SequenceIndex sequence) {
      return reads(at(sequence)) && !at(sequence).tier.background;
    });
    auto prompt_rows = limits.prompt_rows;
    if (prompts > 1) prompt_rows = 2 * std::min(prompt_rows, options_.step_rows);
    rows = std::min(rows, std::max(kLeastPromptRows, std::min(bound, prompt_rows)));
    whole = prompt_that_fits(std::min({rows_left_, bound, limits.whole_prompt_rows}));
  }
  if (whole) {
    // One at a time, for two that end in one step would both wait for both. The others go on a
    // little, so that even the longest ends one day.
    read_on(*whole, at(*whole).pending());
    rows = kLeastPromptRows;
  }
  order_readers(rows, whole);
  for (const auto& [sequence, most] : readers_) rows -= read_on(sequence, std::min(rows, most));
}

/// The shortest rest of a prompt of the first tier that reads, if it has no more rows than these.
std::optional<SequenceIndex> BatchPlanner::prompt_that_fits(std::size_t rows) const {
  std::optional<SequenceIndex> shortest;
  for (const auto sequence : running_) {
    const auto& reading = at(sequence);
    if (!reads(reading) || is_bounded(reading)) continue;
    if (shortest && reading.tier != at(*shortest).tier) break;
    if (!shortest || reading.pending() < at(*shortest).pending()) shortest = sequence;
  }
  return shortest && at(*shortest).pending() <= rows ? shortest : std::nullopt;
}

/// As many rows of the prompt as there is room for, `most` at most.
std::size_t BatchPlanner::read_on(SequenceIndex sequence, std::size_t most) {
  const auto& reading = at(sequence);
  if (reading.state != PlannedSequence::State::running) return 0;
  if (is_bounded(reading)) most = std::min(most, background_rows_left_);
  const auto chunk = chunk_of(reading, most);
  if (chunk == 0 || !make_room(sequence, reading.computed + chunk)) return 0;
  if (is_bounded(reading)) background_rows_left_ -= chunk;
  add_work(sequence, chunk);
  return chunk;
}

/// Prompts in the order in which they get rows, without `served`: the first in rank, which leaves
/// half of them to the others of its tier if they want it; of those the one with the fewest tokens
/// left comes first, so that a short prompt does not wait for a long one; then lower tiers by rank.
void BatchPlanner::order_readers(std::size_t rows, std::optional<SequenceIndex> served) {
  readers_.clear();
  for (const auto sequence : running_)
    if (reads(at(sequence)) && sequence != served) readers_.emplace_back(sequence, rows);
  if (readers_.size() < 2) return;
  const auto tier = at(readers_.front().first).tier;
  const auto begin = readers_.begin() + 1;
  const auto end = std::find_if(begin, readers_.end(),
                                [&](const auto& reader) { return at(reader.first).tier != tier; });
  std::size_t wanted = 0;
  for (auto reader = begin; reader != end; ++reader) wanted += at(reader->first).pending();
  readers_.front().second = rows - std::min(rows / 2, wanted);
  std::stable_sort(begin, end, [&](const auto& a, const auto& b) {
    return at(a.first).pending() < at(b.first).pending();
  });
}

std::uint32_t BatchPlanner::chunk_of(const PlannedSequence& sequence, std::size_t rows) const {
  auto chunk = std::min({sequence.pending(), rows, rows_left_});
  if (sequence.purpose == Purpose::prompt_scores_too &&
      sequence.scored + 1 < sequence.prompt_tokens)
    chunk = std::min(chunk, logit_rows_left_);
  else if (chunk == sequence.pending() && logit_rows_left_ == 0 &&
           sequence.purpose != Purpose::embedding)
    --chunk;
  return static_cast<std::uint32_t>(chunk);
}

void BatchPlanner::add_work(SequenceIndex sequence, std::uint32_t rows) {
  const auto& planned = at(sequence);
  Work work{.sequence = sequence,
            .first = static_cast<std::uint32_t>(planned.computed),
            .rows = rows,
            .logit_rows = logit_rows_of(planned, rows),
            .completes = rows == planned.pending()};
  rows_left_ -= work.rows;
  logit_rows_left_ -= work.logit_rows;
  plan_.work.push_back(work);
}

void BatchPlanner::drop_work(SequenceIndex sequence) {
  const auto found = std::ranges::find(plan_.work, sequence, &Work::sequence);
  if (found == plan_.work.end()) return;
  rows_left_ += found->rows;
  logit_rows_left_ += found->logit_rows;
  plan_.work.erase(found);
}

void BatchPlanner::plan_drafts() {
  const auto wants = [&](const Work& work) {
    const auto& sequence = at(work.sequence);
    return sequence.wanted_drafts > 0 && sequence.decodes() &&
           !(is_bounded(sequence) && online_busy_);
  };
  const auto drafting = static_cast<std::size_t>(std::ranges::count_if(plan_.work, wants));
  const auto used = options_.step_rows - rows_left_;
  if (drafting == 0 || used >= kSpeculationRows) return;
  const auto each = (kSpeculationRows - used) / drafting;
  for (auto& work : plan_.work) {
    if (!wants(work)) continue;
    auto& sequence = get(work.sequence);
    auto room = std::min({each, std::size_t{sequence.wanted_drafts}, rows_left_, logit_rows_left_});
    // Drafts are a bet and preempt nobody.
    while (room > 0 && !own_pages(sequence, sequence.tokens.size() + room)) --room;
    work.draft_room = static_cast<std::uint32_t>(room);
    rows_left_ -= room;
    logit_rows_left_ -= room;
  }
}

void BatchPlanner::advance(const Work& work) {
  auto& sequence = get(work.sequence);
  sequence.computed = work.first + work.rows;
  sequence.scored = std::max(sequence.scored, sequence.computed);
  publish_full_pages(sequence);
}

void BatchPlanner::fork(SequenceIndex sequence, std::vector<SequenceIndex>& choices) {
  choices.clear();
  const auto count = get(sequence).choices;
  get(sequence).choices = 1;
  for (std::uint32_t choice = 1; choice < count; ++choice) {
    const auto added = new_index();
    auto& parent = get(sequence);
    auto& child = get(added);
    child = parent;
    child.ticket = parent.ticket + choice;
    child.user = &line_.hold(parent.tier, parent.user->name);
    if (child.recompute)
      child.pages.clear();
    else
      for (const auto page : child.pages) pool_.share(page);
    insert_running(added);
    choices.push_back(added);
  }
}

void BatchPlanner::append(SequenceIndex sequence, std::span<const text::TokenId> tokens) {
  auto& appended = get(sequence);
  appended.tokens.insert(appended.tokens.end(), tokens.begin(), tokens.end());
  appended.computed = appended.recompute ? 0 : appended.tokens.size() - 1;
  publish_full_pages(appended);
  line_.charge(*appended.user, kWrittenTokenWeight * static_cast<double>(tokens.size()));
}

void BatchPlanner::finish(SequenceIndex sequence) {
  auto& finished = get(sequence);
  switch (finished.state) {
    case PlannedSequence::State::running:
      std::erase(running_, sequence);
      places_ -= finished.choices;
      release_pages(finished);
      break;
    case PlannedSequence::State::waiting:
      line_.erase(*finished.user, finished.arrival);
      break;
    case PlannedSequence::State::returned:
      line_.erase_returned(*finished.user, finished.ticket);
      free_host_pages(finished);
      break;
    case PlannedSequence::State::unused:
      GALLEY_CHECK(false, "a sequence is finished once");
  }
  line_.let_go(*finished.user);
  finished.state = PlannedSequence::State::unused;
  freed_indices_.push_back(sequence);
}

void BatchPlanner::want_drafts(SequenceIndex sequence, std::uint32_t count) {
  get(sequence).wanted_drafts = count;
}

void BatchPlanner::insert_running(SequenceIndex sequence) {
  const auto before = [&](SequenceIndex a, SequenceIndex b) {
    return rank_of(at(a)) < rank_of(at(b));
  };
  running_.insert(std::ranges::upper_bound(running_, sequence, before), sequence);
}

}  // namespace galley::serving
