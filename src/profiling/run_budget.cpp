// budget: what fits into a memory budget, and how long it takes where it fits.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/units.h"
#include "budget.h"
#include "machine_facts.h"
#include "run.h"
#include "tensor/kv_format.h"

namespace galley::profiling {
namespace {

constexpr std::uint32_t kOutput = 32;
constexpr std::uint32_t kLongestPrompt = 1024;

/// A cell that was tried: its latency, or why there is none.
struct Tried {
  double latency_ms = 0;
  std::string why_not;
};

/// Latencies do not depend on the budget: each (batch, prompt) is measured once for all of them.
class Cells {
 public:
  Cells(EngineSubject& subject, const StudyFrame& frame, const Budget& budget)
      : subject_(subject), frame_(frame), budget_(budget) {}

  const Tried& at(const MemoryCell& cell) {
    const auto key = std::pair(cell.batch, cell.prompt_tokens);
    const auto found = tried_.find(key);
    return found != tried_.end() ? found->second : tried_.emplace(key, measure(cell)).first->second;
  }

 private:
  Tried measure(const MemoryCell& cell) {
    if (cell.batch > kMostAtOnce)
      return {0, fmt::format("it fits; not measured: a study runs at most {} requests at once",
                             kMostAtOnce)};
    if (auto why = subject_.cannot_hold(cell.batch, cell.prompt_tokens + cell.output_tokens);
        !why.empty())
      return {0, "it fits, but not into this machine as it is: " + why};
    const double work = static_cast<double>(cell.batch) * cell.prompt_tokens;
    const double expected = s_per_work_ * work;
    if (!budget_.affords(expected))
      return {0, fmt::format("it fits; not measured: about {:.1f} s, and {:.1f} s were left",
                             expected, budget_.left_s())};
    Workload one_shot = workload("few-shot");
    one_shot.output_tokens = cell.output_tokens;
    std::vector<Ask> asks;
    for (std::uint32_t i = 0; i < cell.batch; ++i)
      asks.push_back(ask_of(subject_, one_shot, frame_, next_prompt_++, cell.prompt_tokens));
    frame_.look();
    const auto replies = subject_.answer(asks, {.at_once = cell.batch});
    Tried tried;
    for (const Reply& reply : replies) {
      if (!reply.fault.empty()) tried.why_not = reply.fault;
      tried.latency_ms = std::max(tried.latency_ms, reply.sent_ms + reply.latency_ms);
    }
    if (replies.size() < cell.batch) tried.why_not = "not measured: interrupted";
    if (tried.why_not.empty())
      s_per_work_ = std::max(s_per_work_ * 0.5, tried.latency_ms / 1000 / work);
    return tried;
  }

  EngineSubject& subject_;
  const StudyFrame& frame_;
  const Budget& budget_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Tried> tried_;
  double s_per_work_ = 0;  // of a prompt token in a batch, as the last cell took it
  std::uint64_t next_prompt_ = 1 << 20;
};

std::vector<std::uint32_t> prompt_lengths(std::uint32_t context, std::uint32_t output,
                                          double scale) {
  const std::uint32_t longest =
      std::min(scaled_tokens(kLongestPrompt, scale), context > output ? context - output : 1);
  std::vector<std::uint32_t> lengths;
  for (const std::uint32_t parts : {8U, 4U, 2U, 1U}) {
    const std::uint32_t tokens = std::max(longest / parts, 1U);
    if (lengths.empty() || tokens > lengths.back()) lengths.push_back(tokens);
  }
  if (context > output && context - output > longest) lengths.push_back(context - output);
  return lengths;
}

}  // namespace

Experiment run_budget(EngineSubject& subject, const StudyFrame& frame, const Budget& budget) {
  Table table("budget");
  const auto& memory = subject.memory();
  const MemoryNeeds needs{.weight_bytes = memory.weight_bytes,
                          .work_bytes = memory.work_bytes,
                          .page_bytes = memory.page_bytes,
                          .page_tokens = tensor::kPageTokens};
  const std::uint32_t output = scaled_tokens(kOutput, frame.scale);
  const auto lengths = prompt_lengths(subject.model().context, output, frame.scale);
  const auto largest = *std::ranges::max_element(frame.memory_budgets);
  const auto batches = map_batches(
      needs, {.batch = 1, .prompt_tokens = lengths.back(), .output_tokens = output}, largest);
  Cells cells(subject, frame, budget);
  // All small cells come before the large ones, so that the time goes to as many as it can.
  for (const std::uint32_t batch : batches)
    for (const std::uint32_t prompt : lengths) {
      const MemoryCell cell{.batch = batch, .prompt_tokens = prompt, .output_tokens = output};
      for (const std::uint64_t budget_bytes : frame.memory_budgets) {
        std::string refused = refusal(needs, cell, budget_bytes);
        Cell latency;
        if (refused.empty()) {
          const Tried& tried = cells.at(cell);
          refused = tried.why_not;
          if (refused.empty()) latency = tried.latency_ms;
        }
        table.add({count(budget_bytes), count(batch), count(prompt),
                   count(needed_bytes(needs, cell)), std::move(latency),
                   refused.empty() ? Cell{} : Cell{std::move(refused)}});
      }
    }
  table.note(fmt::format(
      "Answers of {} tokens. The model takes {} and one page of {} tokens {}. A cell that needs no "
      "more than its budget and yet has no latency says why it was not measured.",
      output, format_bytes(static_cast<std::int64_t>(needs.weight_bytes + needs.work_bytes)),
      needs.page_tokens, format_bytes(static_cast<std::int64_t>(needs.page_bytes))));
  return table.take();
}

}  // namespace galley::profiling
