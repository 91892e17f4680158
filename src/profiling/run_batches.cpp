// one-shot and few-shot: batches of equal requests; length: answers of many lengths.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "run.h"

namespace galley::profiling {
namespace {

constexpr std::array<std::uint32_t, 6> kBatches{1, 2, 4, 8, 16, 32};
constexpr std::uint32_t kMostRounds = 64;
constexpr std::array<std::uint32_t, 8> kWords{8, 16, 32, 64, 128, 256, 512, 1024};
constexpr std::uint32_t kLengthPrompt = 64;

/// What a batch did as a whole; `fault` of the first that did not come whole.
struct BatchReply {
  double first_token_ms = 0, latency_ms = 0;
  std::uint64_t prompt_tokens = 0, output_tokens = 0;  // of a request, the mean
  std::uint64_t kv_bytes = 0;
  std::string fault;
};

BatchReply together(const std::vector<Reply>& replies) {
  BatchReply batch;
  for (const Reply& reply : replies) {
    if (!reply.fault.empty()) {
      batch.fault = reply.fault;
      return batch;
    }
    batch.first_token_ms += reply.first_token_ms;
    batch.latency_ms = std::max(batch.latency_ms, reply.sent_ms + reply.latency_ms);
    batch.prompt_tokens += reply.prompt_tokens;
    batch.output_tokens += reply.output_tokens;
    batch.kv_bytes += reply.kv_bytes;
  }
  batch.first_token_ms /= static_cast<double>(replies.size());
  batch.prompt_tokens /= replies.size();
  batch.output_tokens /= replies.size();
  return batch;
}

/// One size of batch within rounds over all sizes.
class BatchRounds {
 public:
  BatchRounds(Subject& subject, const StudyFrame& frame, const Workload& work, const Budget& budget)
      : subject_(subject), frame_(frame), work_(work), budget_(budget), table_(work.name) {}

  Experiment run() {
    for (std::uint32_t round = 0; round < std::min(kMostRounds, frame_.rounds); ++round) {
      bool any = false;
      for (std::size_t size = 0; size < kBatches.size(); ++size) any = measure(size, round) || any;
      if (!any) break;
    }
    table_.notes(subject_.take_notes());
    return table_.take();
  }

 private:
  /// Whether something was measured, so that another round may be worth it.
  bool measure(std::size_t size, std::uint32_t round) {
    if (closed_[size] || budget_.interrupted()) return false;
    const std::uint32_t batch = kBatches[size];
    // The lengths of a round are those of every size of batch.
    const std::uint32_t tokens = prompt_tokens_of(work_, frame_.seed, round);
    if (const auto why = subject_.cannot_hold(batch, tokens + work_.output_tokens); !why.empty()) {
      closed_[size] = true;
      table_.add({count(batch), count(round), count(tokens), count(work_.output_tokens), Cell{},
                  Cell{}, Cell{}, known(subject_.resident_bytes()), Cell{why}});
      return false;
    }
    const double expected = costs_.expected_s(size);
    const bool first = round == 0 && size == 0;
    const double needed =
        round == 0 ? needed_at_first(subject_, first_round_s_, expected) : expected;
    if (!first && !budget_.affords(needed)) {
      if (round == 0)
        table_.note(
            fmt::format("batch {} was left out: it needs about {:.1f} s, and {:.1f} s were left",
                        batch, needed, budget_.left_s()));
      closed_[size] = round == 0 && subject_.is_target();
      return false;
    }
    frame_.look();
    std::vector<Ask> asks;
    for (std::uint32_t i = 0; i < batch; ++i)
      asks.push_back(ask_of(subject_, work_, frame_, next_prompt_++, tokens));
    const Instant began = budget_.now();
    const auto replies = subject_.answer(asks, {.at_once = batch});
    const double took_s = std::chrono::duration<double>(budget_.now() - began).count();
    costs_.record(size, took_s);
    if (round == 0) first_round_s_ += took_s;
    if (replies.size() < batch || budget_.interrupted()) return false;
    const BatchReply reply = together(replies);
    if (!reply.fault.empty()) {
      closed_[size] = true;
      table_.add({count(batch), count(round), count(tokens), count(work_.output_tokens), Cell{},
                  Cell{}, Cell{}, known(subject_.resident_bytes()), Cell{reply.fault}});
      return false;
    }
    table_.add({count(batch), count(round), count(reply.prompt_tokens), count(reply.output_tokens),
                number(reply.first_token_ms), number(reply.latency_ms), known(reply.kv_bytes),
                known(subject_.resident_bytes()), Cell{}});
    return true;
  }

  Subject& subject_;
  const StudyFrame& frame_;
  const Workload& work_;
  const Budget& budget_;
  Table table_;
  Costs costs_{kBatches.size()};
  double first_round_s_ = 0;
  std::array<bool, kBatches.size()> closed_{};
  std::uint64_t next_prompt_ = 0;
};

}  // namespace

Experiment run_batches(Subject& subject, const StudyFrame& frame, std::string_view name,
                       const Budget& budget) {
  const Workload work = scaled(workload(name), frame.scale);
  return BatchRounds(subject, frame, work, budget).run();
}

Experiment run_length(Subject& subject, const StudyFrame& frame, const Budget& budget) {
  Table table("length");
  const std::uint32_t prompt = scaled_tokens(kLengthPrompt, frame.scale);
  std::vector<std::uint32_t> lengths;
  for (const std::uint32_t words : kWords) {
    const std::uint32_t small = std::max(scaled_tokens(words, frame.scale), 2U);
    const bool fits = frame.context == 0 || prompt + small <= frame.context;
    if (fits && (lengths.empty() || small > lengths.back())) lengths.push_back(small);
  }
  Costs costs(lengths.size());
  std::uint64_t next_prompt = 0;
  int faults = 0;
  for (std::uint32_t round = 0;
       round < std::min(kMostRounds, frame.rounds) && faults < kMostFaultsInARow; ++round) {
    bool any = false;
    for (std::size_t i = 0; i < lengths.size() && faults < kMostFaultsInARow; ++i) {
      if ((round > 0 || i > 0) && !budget.affords(2 * costs.expected_s(i))) {
        if (round == 0 && !budget.interrupted())
          table.note(
              fmt::format("answers of {} tokens were left out: the time was used up", lengths[i]));
        continue;
      }
      frame.look();
      for (const bool ignore_eos : {false, true}) {
        Ask ask;
        ask.prompt = subject.make_prompt(frame.seed, next_prompt++, prompt, PromptShape::prose);
        ask.max_tokens = lengths[i];
        // Drawn at the model's own odds: a greedy answer often repeats itself and never ends.
        ask.greedy = false;
        ask.temperature = 1;
        ask.seed = frame.seed + next_prompt;
        ask.ignore_eos = ignore_eos;
        const auto replies = subject.answer(std::span(&ask, 1), {});
        if (replies.empty() || budget.interrupted()) break;
        const Reply& reply = replies.front();
        if (!reply.fault.empty()) {
          table.note("an answer was left out: " + reply.fault);
          ++faults;
          continue;
        }
        faults = 0;
        any = true;
        if (ignore_eos) costs.record(i, reply.latency_ms / 1000);
        table.add({count(round), count(lengths[i]), count(ignore_eos ? 1 : 0),
                   count(reply.prompt_tokens), count(reply.output_tokens),
                   number(reply.latency_ms)});
      }
    }
    if (!any) break;
  }
  if (lengths.size() < kWords.size() || frame.scale < 1)
    table.note(fmt::format("lengths of {} to {} tokens, at a scale of {}",
                           lengths.empty() ? 0 : lengths.front(),
                           lengths.empty() ? 0 : lengths.back(), frame.scale));
  table.notes(subject.take_notes());
  return table.take();
}

}  // namespace galley::profiling
