// capacity: users that ask again as soon as they are answered, the longest request that is allowed.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "run.h"

namespace galley::profiling {
namespace {

constexpr std::array<std::uint32_t, 7> kUsers{1, 2, 4, 8, 16, 32, 64};
constexpr std::uint32_t kMostCapacityRounds = 8;
constexpr double kMostRequests = 2000;
/// Of each user, where rounds are counted and not the time.
constexpr double kRequestsOfARound = 4;
/// Rounds that the time is divided for; more run where it is left.
constexpr double kQuickRounds = 3, kRounds = 6;
/// No request takes less; only bounds how many are prepared.
constexpr double kShortestS = 1e-3;
/// A slice of time for one number of users is never shorter.
constexpr double kLeastSliceS = 0.1;

struct Round {
  std::vector<double> latencies_ms;
  double tokens_per_s = 0;
};

/// All users begin at one moment, which no later request meets: where there are others, the first
/// of each is not counted as a latency.
Round look_at(const std::vector<Reply>& replies, std::uint32_t users, Table& table) {
  Round round;
  double end_ms = 0;
  std::uint64_t tokens = 0;
  const bool go_on = replies.size() >= std::size_t{2} * users;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const Reply& reply = replies[i];
    if (!reply.fault.empty()) {
      table.note("a request was left out: " + reply.fault);
      continue;
    }
    end_ms = std::max(end_ms, reply.sent_ms + reply.latency_ms);
    tokens += reply.output_tokens;
    if (!go_on || i >= users) round.latencies_ms.push_back(reply.latency_ms);
  }
  if (end_ms > 0) round.tokens_per_s = static_cast<double>(tokens) / (end_ms / 1000);
  return round;
}

}  // namespace

Experiment run_capacity(Subject& subject, const StudyFrame& frame, const Budget& budget) {
  Table table("capacity");
  Workload work = scaled(workload("wide-greedy"), frame.scale);
  work.prompt_least = work.prompt_most;
  work.stop_at_newline = false;
  work.ignore_eos = true;
  table.note(fmt::format(
      "Every user asks for the longest request of the study, {} tokens read and {} written, and "
      "again as soon as it is answered.",
      work.prompt_most, work.output_tokens));

  const double slice_s = std::max(
      budget.left_s() / static_cast<double>(kUsers.size()) / (frame.quick ? kQuickRounds : kRounds),
      kLeastSliceS);
  std::uint64_t next_prompt = 0;
  double request_s = 0;  // of the last number of users
  double first_round_s = 0;
  std::array<bool, kUsers.size()> closed{};
  for (std::uint32_t round = 0; round < std::min(kMostCapacityRounds, frame.rounds); ++round) {
    bool any = false;
    for (std::size_t i = 0; i < kUsers.size() && !budget.interrupted(); ++i) {
      const std::uint32_t users = kUsers[i];
      if (closed[i]) continue;
      if (const auto why = subject.cannot_hold(users, work.prompt_most + work.output_tokens);
          !why.empty()) {
        closed[i] = true;
        table.note(fmt::format("{} users were left out: {}", users, why));
        continue;
      }
      const double expected = i == 0 ? request_s / kUsers.back() : 2 * request_s;
      const double needed =
          round == 0 ? needed_at_first(subject, first_round_s, expected) : expected;
      if ((round > 0 || i > 0) && !budget.affords(needed)) {
        if (round > 0) continue;
        closed[i] = true;
        table.note(
            fmt::format("{} users were left out: they need about {:.1f} s, and {:.1f} s were left",
                        users, needed, budget.left_s()));
        continue;
      }
      const double wanted =
          std::min({kMostRequests, users * (2 + 2 * slice_s / std::max(expected, kShortestS)),
                    users * (1 + kRequestsOfARound * frame.rounds)});
      std::vector<Ask> asks;
      while (asks.size() < std::max<std::size_t>(users, static_cast<std::size_t>(wanted)))
        asks.push_back(ask_of(subject, work, frame, next_prompt++));
      frame.look();
      const Instant began = budget.now();
      const Instant until = began + std::chrono::duration_cast<Instant::duration>(
                                        std::chrono::duration<double>(slice_s));
      const auto replies = subject.answer(asks, {.at_once = users, .no_start_after = until});
      if (budget.interrupted()) break;
      if (round == 0) first_round_s += std::chrono::duration<double>(budget.now() - began).count();
      const Round measured = look_at(replies, users, table);
      if (measured.latencies_ms.empty()) {
        closed[i] = true;
        continue;
      }
      any = true;
      request_s = percentile(measured.latencies_ms, 0.5) / 1000;
      table.add({count(users), count(round), count(measured.latencies_ms.size()),
                 number(measured.tokens_per_s), number(percentile(measured.latencies_ms, 0.5)),
                 number(percentile(measured.latencies_ms, 0.99))});
    }
    if (!any || budget.over()) break;
  }
  table.notes(subject.take_notes());
  return table.take();
}

}  // namespace galley::profiling
