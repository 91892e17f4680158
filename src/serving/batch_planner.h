#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "page_pool.h"
#include "serving/engine_options.h"
#include "waiting_line.h"

namespace galley::serving {

struct PlannerOptions {
  Batching batching = Batching::continuous;
  std::size_t page_count = 0;
  std::size_t max_sequences = 64;
  std::size_t step_rows = 512;         // of one step
  std::size_t online_step_rows = 256;  // of one step in which an online answer is written
  std::size_t logit_rows = 64;         // of one step; at least max_sequences
  bool prefix_sharing = true;
  std::size_t host_pages = 0;  // to swap to; 0: what is preempted is computed again
};

/// What a sequence's rows are run for.
enum class Purpose : std::uint8_t { next_token, prompt_scores_too, embedding };

struct Arrival {
  std::vector<text::TokenId> tokens;
  inference::AdapterIndex adapter = 0;
  Tier tier;
  std::string user;
  std::uint32_t choices = 1;  // places that it takes; fork() fills them
  Purpose purpose = Purpose::next_token;
  bool recompute = false;  // keep no KV from one token to the next
};

/// One text that is being computed: the prompt, then what was sampled.
struct PlannedSequence {
  enum class State : std::uint8_t { unused, waiting, returned, running };
  State state = State::unused;
  std::vector<text::TokenId> tokens;
  std::vector<PageIndex> pages;
  std::size_t prompt_tokens = 0;
  std::size_t computed = 0;   // tokens whose KV is in `pages`, or in host pages
  std::size_t published = 0;  // pages at the start that the pool remembers
  std::size_t scored = 0;     // rows whose logits were given (prompt_scores_too)
  std::size_t cached = 0;     // tokens found in the pool when it first ran
  std::vector<std::uint32_t> host_pages;
  inference::AdapterIndex adapter = 0;
  Purpose purpose = Purpose::next_token;
  bool recompute = false;
  Tier tier;
  WaitingLine::User* user = nullptr;
  std::uint32_t choices = 1;
  std::uint32_t wanted_drafts = 0;
  std::uint64_t arrival = 0;
  std::uint64_t ticket = 0;  // order of first places; 0: never ran
  SequenceIndex awaited{};   // computes a prefix of this one
  std::uint64_t awaited_ticket = 0;
  std::size_t awaited_tokens = 0;

  std::size_t pending() const { return tokens.size() - computed; }
  bool decodes() const {
    return pending() == 1 && purpose != Purpose::embedding && tokens.size() > prompt_tokens;
  }
};

/// What is to be done to pages, in this order, before the step runs.
struct PageOperation {
  enum class Kind : std::uint8_t { copy, swap_out, swap_in };
  Kind kind = Kind::copy;
  std::uint32_t from = 0, to = 0;  // pages of the model, or of the host
};

/// One sequence's share of a step: its tokens [first, first + rows), then up to `draft_room`
/// drafts.
struct Work {
  SequenceIndex sequence{};
  std::uint32_t first = 0;
  std::uint32_t rows = 0;
  std::uint32_t logit_rows = 0;  // of the last rows; without drafts
  std::uint32_t draft_room = 0;
  bool completes = false;  // the last row is the last token so far: the next one can be sampled
};

struct StepPlan {
  std::vector<PageOperation> operations;
  std::vector<Work> work;
  std::vector<SequenceIndex> started;  // for the first time
  std::size_t preempted = 0;
};

/// Rows of one step up to which reading the weights takes longer than multiplying with them, so
/// that further rows are nearly free: 0.9 TOP/s of int8 against 27 GB/s is 16 rows for one byte a
/// weight.
inline constexpr std::size_t kSpeculationRows = 16;

/// Rows of one step of background work that runs alone: a request that comes in its middle waits
/// for its end. Steps of 512 rows would take 15 % less processor time (125M parameters, q4_0,
/// prompts of 64 tokens and answers of 48), and make that wait thirty times as long.
inline constexpr std::size_t kBackgroundRows = kSpeculationRows;

/// What the last steps' times allow; see StepCost.
struct StepLimits {
  std::size_t prompt_rows = ~std::size_t{0};      // beside online answers that are being written
  std::size_t whole_prompt_rows = 0;              // the same, of prompts that end in this step
  std::size_t background_rows = ~std::size_t{0};  // beside online work
};

/// Decides which tokens of which sequences a step computes (iteration-level scheduling, Orca, OSDI
/// 2022; chunked prefill, arXiv:2308.16369), in which pages, and who gives way.
///
/// Running sequences are ranked by tier, then by when they first ran. All that decode get their row
/// first, then prompts as far as rows reach (beside answers, first the shortest one that can end in
/// this step); who needs a page takes it from the last in rank, which is preempted, in the end
/// itself. So the first in rank always goes on, and there is no deadlock as long as any one
/// sequence alone fits. A sequence is admitted when all its pages are free and one more for each
/// that runs. One that starts as another's unfinished prompt does waits for it, if that one is not
/// of a lower tier.
///
/// Pure: no clock, no model, one thread. After plan(), the caller carries out its operations, runs
/// its work and reports each of it by advance(), append() or finish() before the next plan().
class BatchPlanner {
 public:
  explicit BatchPlanner(const PlannerOptions& options);

  SequenceIndex add(Arrival arrival);
  const StepPlan& plan(const StepLimits& limits);
  /// The KV of the work's own rows is there.
  void advance(const Work& work);
  /// Further choices that go on from where `sequence` is, which has no token pending; they run.
  void fork(SequenceIndex sequence, std::vector<SequenceIndex>& choices);
  /// Sampled tokens, of which the KV of all but the last is there (accepted drafts).
  void append(SequenceIndex sequence, std::span<const text::TokenId> tokens);
  /// In any state; its pages are remembered as far as they were computed.
  void finish(SequenceIndex sequence);
  void want_drafts(SequenceIndex sequence, std::uint32_t count);

  const PlannedSequence& at(SequenceIndex sequence) const { return *sequences_[index(sequence)]; }
  bool idle() const { return running_.empty() && line_.size() == 0; }
  std::span<const SequenceIndex> running() const { return running_; }
  std::size_t waiting() const { return line_.size(); }
  const PagePool& pool() const { return pool_; }
  std::size_t host_pages_free() const { return free_host_.size(); }

 private:
  using Verdict = WaitingLine::Verdict;
  static std::size_t index(SequenceIndex sequence) { return static_cast<std::size_t>(sequence); }
  PlannedSequence& get(SequenceIndex sequence) { return *sequences_[index(sequence)]; }
  SequenceIndex new_index();

  // planner_admission.cpp
  void admit();
  void admit_similar_lengths();
  Verdict consider(SequenceIndex sequence);
  bool awaits_prefix(PlannedSequence& sequence);
  bool make_place(const PlannedSequence& sequence);
  void place(SequenceIndex sequence);
  std::size_t prompt_backlog(const Tier& tier) const;

  // planner_memory.cpp
  bool make_room(SequenceIndex sequence, std::size_t end);
  bool own_pages(PlannedSequence& sequence, std::size_t end);
  void preempt_last();
  bool swap_out(PlannedSequence& sequence);
  void release_pages(PlannedSequence& sequence);
  void publish_full_pages(PlannedSequence& sequence);
  void free_host_pages(PlannedSequence& sequence);

  void plan_decodes();
  void plan_prompts(const StepLimits& limits);
  std::optional<SequenceIndex> prompt_that_fits(std::size_t rows) const;
  std::size_t read_on(SequenceIndex sequence, std::size_t most);
  void order_readers(std::size_t rows, std::optional<SequenceIndex> served);
  void plan_drafts();
  std::uint32_t chunk_of(const PlannedSequence& sequence, std::size_t rows_left) const;
  void add_work(SequenceIndex sequence, std::uint32_t rows);
  void drop_work(SequenceIndex sequence);
  void insert_running(SequenceIndex sequence);
  bool is_bounded(const PlannedSequence& sequence) const;

  PlannerOptions options_;
  PagePool pool_;
  WaitingLine line_;
  std::vector<std::unique_ptr<PlannedSequence>> sequences_;
  std::vector<SequenceIndex> free_indices_;
  std::vector<SequenceIndex> freed_indices_;  // since the last plan
  std::vector<SequenceIndex> running_;        // in rank order
  std::vector<std::uint32_t> free_host_;
  std::size_t places_ = 0;  // taken, of max_sequences
  std::uint64_t arrivals_ = 0;
  std::uint64_t tickets_ = 1;

  StepPlan plan_;
  PagePool::Match match_;
  std::vector<std::pair<SequenceIndex, std::size_t>> readers_;  // and the most rows of each
  std::size_t rows_left_ = 0, logit_rows_left_ = 0, background_rows_left_ = 0;
  std::size_t online_decodes_ = 0;
  bool online_busy_ = false;
};

}  // namespace galley::serving
