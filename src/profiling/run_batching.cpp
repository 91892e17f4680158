// batching: the same requests in static, length-sorted and continuous batches; capacity: users.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "run.h"

namespace galley::profiling {
namespace {

constexpr std::array<std::uint32_t, 5> kBatchSizes{32, 8, 2, 16, 4};
constexpr std::size_t kQuickBatches = 3;  // the first of them
constexpr std::array<std::string_view, 3> kPolicies{"static", "length_sorted", "continuous"};
constexpr std::uint32_t kMostBatchingRounds = 24;
constexpr std::uint32_t kQuickRequests = 32;
constexpr std::uint32_t kRequests = 64;
constexpr std::uint32_t kLeastAnswer = 4, kMostAnswer = 64;

/// A request whose length was decided when it was written; every policy knows it.
struct SizedAsk {
  Ask ask;
  std::uint32_t prompt_tokens = 0;
};

std::vector<SizedAsk> sized_asks(const Subject& subject, const StudyFrame& frame,
                                 std::uint32_t round) {
  Workload work = scaled(workload("wide-greedy"), frame.scale);
  work.stop_at_newline = false;
  work.ignore_eos = true;
  const std::uint32_t requests = frame.quick ? kQuickRequests : kRequests;
  const double least = kLeastAnswer;
  const double most = std::max<double>(scaled_tokens(kMostAnswer, frame.scale), least + 1);
  std::vector<SizedAsk> asks;
  for (std::uint32_t i = 0; i < requests; ++i) {
    const std::uint64_t index = std::uint64_t{round} * requests + i;
    SizedAsk one;
    one.prompt_tokens = prompt_tokens_of(work, frame.seed, index);
    // Prompts of a longest answer's room must fit beside it.
    const auto room = static_cast<std::uint32_t>(most);
    if (frame.context > room) one.prompt_tokens = std::min(one.prompt_tokens, frame.context - room);
    one.ask = ask_of(subject, work, frame, index, one.prompt_tokens);
    // Spread evenly over the logarithm: many short answers and a few long ones.
    const double unit = Draws(frame.seed ^ 0x6c656e677468ULL, index).unit();
    one.ask.max_tokens = static_cast<std::uint32_t>(least * std::pow(most / least, unit));
    asks.push_back(std::move(one));
  }
  return asks;
}

struct PolicyResult {
  double seconds = 0;
  std::uint64_t output_tokens = 0, wasted_tokens = 0;
  std::vector<double> latencies_ms;
  std::string fault;
  bool whole = true;
};

bool take(const std::vector<Reply>& replies, std::size_t expected, PolicyResult& result) {
  for (const Reply& reply : replies)
    if (!reply.fault.empty()) result.fault = reply.fault;
  result.whole = result.fault.empty() && replies.size() == expected;
  return result.whole;
}

/// A batch begins together, every row goes on until the longest has ended, and the answers come
/// then: what a server does whose batch is one matrix.
PolicyResult run_static(Subject& subject, std::span<const SizedAsk> asks, std::uint32_t batch,
                        const Budget& budget) {
  PolicyResult result;
  const Instant began = budget.now();
  for (std::size_t first = 0; first < asks.size(); first += batch) {
    const auto group = asks.subspan(first, std::min<std::size_t>(batch, asks.size() - first));
    std::uint32_t longest = 0;
    for (const SizedAsk& one : group) longest = std::max(longest, one.ask.max_tokens);
    std::vector<Ask> rows;
    for (const SizedAsk& one : group) {
      rows.push_back(one.ask);
      rows.back().max_tokens = longest;
    }
    const auto replies = subject.answer(rows, {.at_once = batch});
    if (!take(replies, rows.size(), result)) return result;
    double end_ms = 0;
    for (const Reply& reply : replies) end_ms = std::max(end_ms, reply.sent_ms + reply.latency_ms);
    for (std::size_t i = 0; i < group.size(); ++i) {
      const std::uint32_t own = std::min(group[i].ask.max_tokens, replies[i].output_tokens);
      result.output_tokens += own;
      result.wasted_tokens += replies[i].output_tokens - own;
      result.latencies_ms.push_back(end_ms);
    }
  }
  result.seconds = std::chrono::duration<double>(budget.now() - began).count();
  return result;
}

PolicyResult run_sorted(Subject& subject, std::vector<SizedAsk> asks, std::uint32_t batch,
                        const Budget& budget) {
  std::ranges::stable_sort(asks, {}, [](const SizedAsk& one) {
    return std::pair(one.ask.max_tokens, one.prompt_tokens);
  });
  return run_static(subject, asks, batch, budget);
}

PolicyResult run_continuous(Subject& subject, std::span<const SizedAsk> asks, std::uint32_t batch,
                            const Budget& budget) {
  PolicyResult result;
  std::vector<Ask> rows;
  for (const SizedAsk& one : asks) rows.push_back(one.ask);
  const Instant began = budget.now();
  const auto replies = subject.answer(rows, {.at_once = batch});
  result.seconds = std::chrono::duration<double>(budget.now() - began).count();
  if (!take(replies, rows.size(), result)) return result;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const std::uint32_t own = std::min(asks[i].ask.max_tokens, replies[i].output_tokens);
    result.output_tokens += own;
    result.wasted_tokens += replies[i].output_tokens - own;
    result.latencies_ms.push_back(replies[i].latency_ms);
  }
  return result;
}

PolicyResult run_policy(Subject& subject, std::string_view policy, std::span<const SizedAsk> asks,
                        std::uint32_t batch, const Budget& budget) {
  if (policy == "static") return run_static(subject, asks, batch, budget);
  if (policy == "continuous") return run_continuous(subject, asks, batch, budget);
  return run_sorted(subject, {asks.begin(), asks.end()}, batch, budget);
}

/// Time that all requests of a round take at least: that of one alone, times what larger batches
/// gain at most. 0 where nobody knows.
double expected_seconds(Subject& subject, const std::vector<SizedAsk>& asks) {
  constexpr double kMostGain = 4;
  const SizedAsk& longest =
      *std::ranges::max_element(asks, {}, [](const SizedAsk& one) { return one.prompt_tokens; });
  const auto replies = subject.answer(std::span(&longest.ask, 1), {});
  if (replies.empty() || !replies.front().fault.empty()) return 0;
  return replies.front().latency_ms / 1000 * static_cast<double>(asks.size()) / kMostGain;
}

}  // namespace

Experiment run_batching(Subject& subject, const StudyFrame& frame, const Budget& budget) {
  Table table("batching");
  table.note(
      "The same requests under each policy, all waiting at the start; their answers' lengths are "
      "known beforehand. Static batches compute every row until the batch's longest answer ends; "
      "prompts are not padded.");
  const Workload wide = scaled(workload("wide-greedy"), frame.scale);
  const std::size_t sizes = frame.quick ? kQuickBatches : kBatchSizes.size();
  std::vector<double> seconds(kBatchSizes.size() * kPolicies.size(), 0);
  double last_s = 0;
  bool going = true;
  int faults = 0;
  for (std::uint32_t round = 0; going && round < std::min(kMostBatchingRounds, frame.rounds);
       ++round) {
    going = false;
    const auto asks = sized_asks(subject, frame, round);
    if (round == 0) last_s = expected_seconds(subject, asks);
    if (last_s > budget.left_s()) {
      if (round == 0)
        table.note(
            fmt::format("Left out: {} requests take {:.0f} s or more, and {:.0f} s were left; a "
                        "longer study or "
                        "a smaller --scale has time for them.",
                        asks.size(), last_s, budget.left_s()));
      break;
    }
    for (std::size_t size = 0; size < sizes; ++size) {
      const std::uint32_t batch = kBatchSizes[size];
      if (const auto why = subject.cannot_hold(
              batch, wide.prompt_most + scaled_tokens(kMostAnswer, frame.scale));
          !why.empty()) {
        table.note(fmt::format("batches of {} were left out: {}", batch, why));
        continue;
      }
      for (std::size_t p = 0; p < kPolicies.size(); ++p) {
        const std::size_t kind = size * kPolicies.size() + p;
        const bool first = round == 0 && kind == 0;
        // Policies of one size take about as long as each other.
        const double expected_s = seconds[kind] > 0 ? seconds[kind] : last_s;
        if (faults == kMostFaultsInARow) continue;
        if (!first && !budget.affords(expected_s)) {
          if (round == 0 && !budget.interrupted())
            table.note(fmt::format("{} batches of {} were left out: the time was used up",
                                   kPolicies[p], batch));
          continue;
        }
        frame.look();
        const auto result = run_policy(subject, kPolicies[p], asks, batch, budget);
        if (budget.interrupted()) break;
        if (!result.whole) {
          table.note(
              fmt::format("{} batches of {} were left out: {}", kPolicies[p], batch, result.fault));
          ++faults;
          continue;
        }
        faults = 0;
        seconds[kind] = last_s = result.seconds;
        going = true;
        table.add({Cell{std::string(kPolicies[p])}, count(batch), count(round),
                   count(result.latencies_ms.size()), number(result.seconds),
                   count(result.output_tokens),
                   number(static_cast<double>(result.output_tokens) / result.seconds),
                   count(result.wasted_tokens), number(percentile(result.latencies_ms, 0.5)),
                   number(percentile(result.latencies_ms, 0.99))});
      }
    }
    if (budget.over() || faults == kMostFaultsInARow) break;
  }
  table.notes(subject.take_notes());
  return table.take();
}

}  // namespace galley::profiling
