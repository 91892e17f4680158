// narrow and wide: requests one after another.
#include <fmt/format.h>

#include <algorithm>

#include "run.h"

namespace galley::profiling {
namespace {

/// Where rounds are counted and not the time.
constexpr std::uint32_t kRequestsOfAMix = 32;

}  // namespace

Ask ask_of(const Subject& subject, const Workload& workload, const StudyFrame& frame,
           std::uint64_t index, std::uint32_t prompt_tokens) {
  const std::uint32_t tokens =
      prompt_tokens > 0 ? prompt_tokens : prompt_tokens_of(workload, frame.seed, index);
  Ask ask;
  ask.prompt = subject.make_prompt(frame.seed, index, tokens, workload.shape);
  ask.max_tokens = workload.output_tokens;
  ask.greedy = workload.greedy;
  ask.temperature = workload.temperature;
  ask.top_p = workload.top_p;
  ask.repetition_penalty = workload.repetition_penalty;
  ask.seed = frame.seed + index;
  if (workload.stop_at_newline) ask.stop = {"\n"};
  ask.ignore_eos = workload.ignore_eos;
  return ask;
}

Experiment run_requests(Subject& subject, const StudyFrame& frame, std::string_view name,
                        const Budget& budget) {
  const Workload work = scaled(workload(name), frame.scale);
  Table table(name);
  const std::uint32_t most = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(work.prompts, std::uint64_t{kRequestsOfAMix} * frame.rounds));
  int faults = 0;
  std::uint32_t index = 0;
  for (; index < most && (index == 0 || !budget.over()); ++index) {
    frame.look();
    const std::vector<Ask> asks{ask_of(subject, work, frame, index)};
    const auto replies = subject.answer(asks, {});
    if (replies.empty() || budget.interrupted()) break;
    const Reply& reply = replies.front();
    if (!reply.fault.empty()) {
      table.note(fmt::format("request {} was left out: {}", index, reply.fault));
      if (++faults == kMostFaultsInARow) break;
      continue;
    }
    faults = 0;
    table.add({count(index), count(reply.prompt_tokens), count(reply.output_tokens),
               number(reply.first_token_ms), number(reply.latency_ms), Cell{reply.finish},
               known(reply.kv_bytes), known(subject.resident_bytes())});
  }
  if (index < work.prompts)
    table.note(fmt::format("{} of the workload's {} requests were measured in the time given",
                           table.rows(), work.prompts));
  table.notes(subject.take_notes());
  return table.take();
}

}  // namespace galley::profiling
