// The engine's small judgements: what a step may cost, how far to speculate, whose turn it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "batch_planner.h"
#include "drafts.h"
#include "engine_metrics.h"
#include "follow_ups.h"
#include "step_cost.h"

namespace galley::serving {
namespace {

using Text = std::vector<text::TokenId>;

/// A machine on which a step takes as long as its weights take to be read, and longer the more rows
/// it multiplies with them; answers go on for ever.
class Machine {
 public:
  explicit Machine(double read_s, double row_s)
      : read_s_(read_s), row_s_(row_s), planner_({.page_count = 4000}) {}

  SequenceIndex add(std::size_t prompt, bool background = false) {
    Text tokens(prompt);
    for (auto& token : tokens) token = static_cast<text::TokenId>(dice_() % 1000);
    return planner_.add({.tokens = tokens, .tier = {.background = background, .priority = 0}});
  }
  /// Seconds from one token of an online answer to its next: those of one step.
  double step() {
    const auto& plan = planner_.plan(cost_.limits());
    StepCost::Step step;
    std::size_t rows = 0;
    for (const auto& work : plan.work) {
      const auto& sequence = planner_.at(work.sequence);
      rows += work.rows;
      if (sequence.tier.background) step.background_rows += work.rows;
      if (!sequence.decodes())
        step.prompt_rows += work.rows;
      else if (!sequence.tier.background)
        ++step.decode_rows;
    }
    step.took_s = std::max(read_s_, row_s_ * static_cast<double>(rows)) +
                  0.2 * row_s_ * static_cast<double>(rows);
    background_rows += step.background_rows;
    cost_.record(step);
    for (const auto& work : plan.work) {
      planner_.advance(work);
      const text::TokenId token = 1;
      if (work.completes) planner_.append(work.sequence, std::span(&token, 1));
    }
    return step.took_s;
  }
  void finish(SequenceIndex sequence) { planner_.finish(sequence); }
  bool reads(SequenceIndex sequence) const {
    return planner_.at(sequence).computed + 1 < planner_.at(sequence).prompt_tokens;
  }
  std::size_t background_rows = 0;

 private:
  double read_s_, row_s_;
  std::mt19937_64 dice_{5};
  BatchPlanner planner_;
  StepCost cost_;
};

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

TEST(StepCost, PausesStayShortWhileALongPromptIsRead) {
  // A 1.1B model of 4 bits on two cores, and a small one.
  for (const auto& [read_s, row_s] : {std::pair(0.028, 0.0013), std::pair(0.003, 0.00015)}) {
    Machine machine(read_s, row_s);
    for (int i = 0; i < 4; ++i) machine.add(100);
    std::vector<double> pauses;
    for (int i = 0; i < 300; ++i) {
      const auto took_s = machine.step();
      if (i > 20) pauses.push_back(took_s);
    }
    const auto prompt = machine.add(4096);
    do pauses.push_back(machine.step());
    while (machine.reads(prompt));
    EXPECT_LE(quantile(pauses, 0.99), 3 * quantile(pauses, 0.5));
    EXPECT_LE(pauses.size(), 700U) << "the prompt is read in good time";
  }
}

TEST(StepCost, AnswersBeginSoonWhereAPromptIsAlwaysWaiting) {
  // Sixteen clients of short texts, each of which asks again at once: no step is without a prompt.
  const double read_s = 0.004, row_s = 0.0005;
  Machine machine(read_s, row_s);
  std::mt19937_64 dice(1);
  struct Client {
    SequenceIndex sequence{};
    double asked_s = 0;
    int written = 0, wanted = 0;
  };
  std::vector<Client> clients(16);
  std::vector<double> firsts, pauses;
  double now_s = 0;
  const auto ask = [&](Client& client) {
    client = {machine.add(40 + dice() % 160), now_s, 0, static_cast<int>(20 + dice() % 60)};
  };
  for (auto& client : clients) ask(client);
  SequenceIndex long_prompt{};
  int read_after = 0;
  for (int i = 0; i < 2000; ++i) {
    if (i == 1000) long_prompt = machine.add(4096);
    if (i >= 1000 && read_after == 0 && !machine.reads(long_prompt)) read_after = i - 1000;
    const auto took_s = machine.step();
    now_s += took_s;
    if (i > 200) pauses.push_back(took_s);
    for (auto& client : clients) {
      if (machine.reads(client.sequence)) continue;
      if (client.written++ == 0 && i > 200) firsts.push_back(now_s - client.asked_s);
      if (client.written < client.wanted) continue;
      machine.finish(client.sequence);
      ask(client);
    }
  }
  // A prompt of 120 tokens takes 72 ms alone, a step of 12 answers 7 ms; prompts come every 50 ms.
  EXPECT_LE(quantile(firsts, 0.5), 0.22);
  EXPECT_LE(quantile(firsts, 0.9), 0.75);
  EXPECT_LE(quantile(pauses, 0.99), 9 * 0.0072);
  EXPECT_GT(read_after, 0) << "a long prompt is read, too, though shorter ones always come";
  EXPECT_LE(read_after, 400);
}

TEST(StepCost, BackgroundWorkHardlySlowsOnlineAnswersAndGoesOn) {
  const auto pauses = [](bool background, std::size_t& rows) {
    Machine machine(0.028, 0.0013);
    for (int i = 0; i < 4; ++i) machine.add(100);
    for (int i = 0; background && i < 40; ++i) machine.add(100, true);
    std::vector<double> all;
    for (int i = 0; i < 600; ++i) {
      const auto took_s = machine.step();
      if (i > 50) all.push_back(took_s);
    }
    rows = machine.background_rows;
    return quantile(all, 0.99);
  };
  std::size_t none = 0, some = 0;
  const auto alone = pauses(false, none);
  EXPECT_LE(pauses(true, some), 1.1 * alone);
  EXPECT_EQ(none, 0U);
  EXPECT_GT(some, 100U);
}

TEST(FollowUps, TheNextStepWaitsAMomentAsLongAsManyAnswersAreFollowed) {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  FollowUps follow_ups;
  Instant now{std::chrono::seconds(100)};
  const auto answer = [&](microseconds step, std::size_t ended) {
    now += step;
    follow_ups.stepped(ended, step, now);
    return follow_ups.patience(now);
  };
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(answer(milliseconds(20), 1), milliseconds(3));
    follow_ups.arrived(now + milliseconds(1));
  }
  EXPECT_EQ(follow_ups.patience(now + milliseconds(1)), milliseconds(0)) << "it has come";
  answer(milliseconds(20), 2);
  EXPECT_EQ(follow_ups.patience(now + milliseconds(2)), milliseconds(1));
  EXPECT_EQ(follow_ups.patience(now + milliseconds(9)), milliseconds(0));
  follow_ups.arrived(now);
  EXPECT_GT(follow_ups.patience(now), milliseconds(0)) << "the other has not";
  follow_ups.arrived(now);
  EXPECT_EQ(answer(milliseconds(1), 1), microseconds(200)) << "a fifth of a step at most";
  follow_ups.arrived(now);
  EXPECT_EQ(answer(milliseconds(20), 0), milliseconds(0)) << "nobody to wait for";

  // People do not come back within milliseconds: soon they are hardly waited for any more.
  int waited = 0;
  for (int i = 0; i < 200; ++i) {
    if (answer(milliseconds(20), 1) > milliseconds(0)) ++waited;
    follow_ups.arrived(now + milliseconds(15));
  }
  EXPECT_LE(waited, 20);
  EXPECT_GE(waited, 10) << "they may have become programs";
  for (int i = 0; i < 200; ++i)
    if (answer(milliseconds(20), 1) > milliseconds(0)) follow_ups.arrived(now + milliseconds(1));
  EXPECT_GT(answer(milliseconds(20), 1), milliseconds(0));
}

TEST(EngineMetrics, TheRateIsOfWholeSecondsSinceItBegan) {
  using std::chrono::milliseconds;
  const Instant start{std::chrono::seconds(1000) + milliseconds(400)};
  EngineMetrics metrics(100, start);
  const auto rate_at = [&](int ms) {
    return metrics.snapshot(start + milliseconds(ms)).tokens_per_s;
  };
  // Fifty tokens a second, five at a time.
  for (int ms = 0; ms < 4000; ms += 100)
    metrics.record_step({.generated_tokens = 5}, start + milliseconds(ms));
  EXPECT_EQ(rate_at(500), 0) << "no second has passed whole";
  EXPECT_EQ(rate_at(1700), 50);
  EXPECT_EQ(rate_at(3700), 50);
  EXPECT_EQ(rate_at(10'700), 50 * 3 / 10.0 + 20 / 10.0);
  EXPECT_EQ(rate_at(60'000), 0);
  metrics.forget(start + milliseconds(60'000));
  EXPECT_EQ(metrics.snapshot(start + milliseconds(62'000)).generation_tokens, 0U);
  EXPECT_EQ(metrics.snapshot(start + milliseconds(62'000)).e2e_latency_s.bounds.size(), 21U);
}

TEST(Drafts, GoOnAsTheTextDidBefore) {
  std::vector<text::TokenId> drafts;
  const Text text{1, 2, 3, 4, 5, 9, 1, 2, 3, 7, 8, 0, 1, 2, 3};
  draft_by_lookup(text, 3, drafts);
  EXPECT_EQ(drafts, (Text{7, 8, 0})) << "the last time counts";
  draft_by_lookup(Text{5, 6, 7, 1, 6, 7}, 2, drafts);
  EXPECT_EQ(drafts, (Text{1, 6})) << "two tokens where three were never seen";
  draft_by_lookup(Text{4, 4, 4, 4}, 5, drafts);
  EXPECT_EQ(drafts, (Text{4}));
  for (const auto& strange : {Text{}, Text{1}, Text{1, 2}, Text{1, 2, 3}}) {
    draft_by_lookup(strange, 5, drafts);
    EXPECT_TRUE(drafts.empty());
  }
}

TEST(Drafts, PaceFollowsSuccess) {
  DraftPace pace(5);
  EXPECT_EQ(pace.length(), 5U);
  pace.record(5, 2);
  EXPECT_EQ(pace.length(), 2U);
  pace.record(2, 2);
  EXPECT_EQ(pace.length(), 3U);
  pace.record(3, 0);
  EXPECT_EQ(pace.length(), 0U);
  for (int i = 0; i < 4; ++i) pace.record(0, 0);
  EXPECT_EQ(pace.length(), 1U);
  pace.record(1, 0);
  for (int i = 0; i < 7; ++i) pace.record(0, 0);
  EXPECT_EQ(pace.length(), 0U) << "the second pause is twice as long";
  pace.record(0, 0);
  EXPECT_EQ(pace.length(), 1U);
}

std::vector<std::uint32_t> order_of(WaitingLine& line) {
  std::vector<std::uint32_t> order;
  line.walk(100, [&](SequenceIndex sequence) {
    order.push_back(static_cast<std::uint32_t>(sequence));
    return WaitingLine::Verdict::skip;
  });
  return order;
}

TEST(WaitingLine, TiersThenThoseWhoReturnThenTheLeastServedUser) {
  WaitingLine line;
  auto& low = line.hold({.background = false, .priority = 1}, "ann");
  auto& ann = line.hold({}, "ann");
  auto& bo = line.hold({}, "bo");
  auto& bulk = line.hold({.background = true, .priority = -5}, "bo");
  line.push(bulk, 1, SequenceIndex{1});
  line.push(low, 2, SequenceIndex{2});
  line.push(ann, 3, SequenceIndex{3});
  line.push(ann, 4, SequenceIndex{4});
  line.push(bo, 5, SequenceIndex{5});
  line.push_returned(bo, 1, SequenceIndex{6});
  line.charge(ann, 10);
  EXPECT_EQ(order_of(line), (std::vector<std::uint32_t>{6, 5, 3, 4, 2, 1}));
  line.charge(bo, 11);
  EXPECT_EQ(order_of(line), (std::vector<std::uint32_t>{6, 3, 4, 5, 2, 1}));
  line.erase(ann, 3);
  line.erase_returned(bo, 1);
  EXPECT_EQ(order_of(line), (std::vector<std::uint32_t>{4, 5, 2, 1}));
  EXPECT_EQ(line.size(), 4U);
}

TEST(WaitingLine, WhoComesBackStartsLevel) {
  WaitingLine line;
  auto& busy = line.hold({}, "busy");
  auto& idle = line.hold({}, "idle");
  line.push(busy, 1, SequenceIndex{1});
  line.charge(busy, 5000);
  line.push(idle, 2, SequenceIndex{2});
  line.charge(idle, 1);
  EXPECT_EQ(order_of(line).front(), 1U) << "years of not asking are no claim";
}

}  // namespace
}  // namespace galley::serving
