// The planner's decisions, carried out on a twin of a model, with greedy answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "batch_planner.h"
#include "twin_model.h"

namespace galley::serving {
namespace {

using Text = std::vector<text::TokenId>;

/// What a step does around the planner, without threads or sampling.
class Runner {
 public:
  Runner(const PlannerOptions& options, TwinModel::Shape shape)
      : planner(options), model(with_pages(shape, options)), host_(options.host_pages) {
    for (auto& page : host_) page.resize(model.page_bytes());
    logits_.resize(options.logit_rows * model.vocabulary());
  }

  SequenceIndex add(Text prompt, std::size_t answer_tokens, Arrival arrival = {}) {
    arrival.tokens = std::move(prompt);
    const auto sequence = planner.add(std::move(arrival));
    goals[sequence] = answer_tokens;
    return sequence;
  }

  const StepPlan& step(const StepLimits& limits = {}) {
    const auto& plan = planner.plan(limits);
    for (const auto& operation : plan.operations) carry_out(operation);
    sequences_.clear();
    for (const auto& work : plan.work) {
      const auto& sequence = planner.at(work.sequence);
      sequences_.push_back({.tokens = std::span(sequence.tokens).subspan(work.first, work.rows),
                            .first_position = work.first,
                            .pages = sequence.pages,
                            .logit_rows = work.logit_rows,
                            .adapter = sequence.adapter});
    }
    std::size_t logit_rows = 0;
    for (const auto& sequence : sequences_) logit_rows += sequence.logit_rows;
    model.forward(sequences_, std::span(logits_).first(logit_rows * model.vocabulary()));
    std::size_t row = 0;
    for (const auto& work : plan.work) {
      planner.advance(work);
      row += work.logit_rows;
      if (work.completes) sample(work.sequence, row - 1);
    }
    return plan;
  }

  void run_all() {
    for (int i = 0; !planner.idle(); ++i) {
      ASSERT_LT(i, 100'000);
      step();
    }
  }

  BatchPlanner planner;
  TwinModel model;
  std::map<SequenceIndex, std::size_t> goals;  // tokens still to be written
  std::vector<Text> finished;
  std::size_t preempted = 0;

 private:
  static TwinModel::Shape with_pages(TwinModel::Shape shape, const PlannerOptions& options) {
    shape.pages = options.page_count;
    return shape;
  }
  void carry_out(const PageOperation& operation) {
    switch (operation.kind) {
      case PageOperation::Kind::copy:
        model.copy_page(operation.from, operation.to);
        break;
      case PageOperation::Kind::swap_out:
        model.read_page(operation.from, host_[operation.to]);
        break;
      case PageOperation::Kind::swap_in:
        model.write_page(operation.to, host_[operation.from]);
        break;
    }
  }
  void sample(SequenceIndex sequence, std::size_t row) {
    const auto logits = std::span(logits_).subspan(row * model.vocabulary(), model.vocabulary());
    const auto token =
        static_cast<text::TokenId>(std::ranges::max_element(logits) - logits.begin());
    std::vector<SequenceIndex> all{sequence};
    if (planner.at(sequence).choices > 1) {
      std::vector<SequenceIndex> others;
      planner.fork(sequence, others);
      for (const auto other : others) goals[other] = goals[sequence];
      all.insert(all.end(), others.begin(), others.end());
    }
    text::TokenId offset = 0;
    for (const auto choice : all) {
      // Choices go different ways.
      const auto own = (token + offset++) % static_cast<text::TokenId>(model.vocabulary());
      planner.append(choice, std::span(&own, 1));
      if (--goals[choice] > 0) continue;
      finished.push_back(planner.at(choice).tokens);
      planner.finish(choice);
    }
  }

  std::vector<std::vector<std::byte>> host_;
  std::vector<inference::ForwardSequence> sequences_;
  std::vector<float> logits_;
};

Text random_text(std::mt19937_64& dice, std::size_t length) {
  Text text(length);
  for (auto& token : text) token = static_cast<text::TokenId>(dice() % 200);
  return text;
}

Text alone(const Text& prompt, std::size_t answer_tokens, inference::AdapterIndex adapter = 0) {
  Runner runner({.page_count = 64}, {});
  runner.add(prompt, answer_tokens, {.adapter = adapter});
  runner.run_all();
  return runner.finished.at(0);
}

std::size_t rows_of(const StepPlan& plan) {
  std::size_t rows = 0;
  for (const auto& work : plan.work) rows += work.rows;
  return rows;
}

TEST(BatchPlanner, ThirtyTwoRequestsWithOnePrefixComputeItOnce) {
  std::mt19937_64 dice(1);
  const auto prefix = random_text(dice, 256);
  Runner runner({.page_count = 400}, {});
  for (int i = 0; i < 32; ++i) {
    auto prompt = prefix;
    const auto own = random_text(dice, 32);
    prompt.insert(prompt.end(), own.begin(), own.end());
    runner.add(prompt, 4);
  }
  runner.run_all();
  EXPECT_EQ(runner.finished.size(), 32U);
  // The prefix once, each own part, and three of four answer tokens of each. Some own parts happen
  // to start with the same token.
  EXPECT_LE(runner.model.rows_run, 256U + 32 * 32 + 32 * 3);
  EXPECT_GE(runner.model.rows_run, 256U + 32 * 31 + 32 * 3);
}

TEST(BatchPlanner, APromptThatIsWhollyKnownComputesItsLastToken) {
  std::mt19937_64 dice(2);
  const auto prompt = random_text(dice, 64);
  Runner runner({.page_count = 64}, {});
  runner.add(prompt, 1);
  runner.run_all();
  const auto before = runner.model.rows_run.load();
  runner.add(prompt, 1);
  runner.run_all();
  EXPECT_EQ(runner.model.rows_run - before, 1U);
  EXPECT_EQ(runner.finished[0], runner.finished[1]);
}

TEST(BatchPlanner, ALongPromptDoesNotStopTheOthers) {
  std::mt19937_64 dice(3);
  Runner runner({.page_count = 600, .step_rows = 512, .online_step_rows = 128}, {});
  for (int i = 0; i < 8; ++i) runner.add(random_text(dice, 20), 60);
  runner.step();
  runner.add(random_text(dice, 4000), 4);
  while (runner.finished.empty()) {
    const auto& plan = runner.step({.prompt_rows = 96});
    EXPECT_LE(rows_of(plan), 8U + 96U);
    EXPECT_GE(std::ranges::count(plan.work, 1U, &Work::rows), 8);
  }
}

TEST(BatchPlanner, AShortPromptDoesNotWaitForALongOne) {
  std::mt19937_64 dice(12);
  Runner runner({.page_count = 600}, {});
  runner.add(random_text(dice, 4000), 1);
  runner.step();
  runner.add(random_text(dice, 700), 1);
  for (int i = 0; i < 3; ++i) runner.add(random_text(dice, 60), 1);
  const auto& plan = runner.step();
  EXPECT_EQ(runner.finished.size(), 3U);
  EXPECT_EQ(plan.work.at(0).rows, 256U) << "and the long one goes on";
  EXPECT_EQ(rows_of(plan), 512U);
}

TEST(BatchPlanner, PromptsAreReadInLargeStepsWhenNobodyWaitsForTokens) {
  std::mt19937_64 dice(4);
  Runner runner({.page_count = 600, .step_rows = 512}, {});
  runner.add(random_text(dice, 1500), 1);
  EXPECT_EQ(rows_of(runner.step({.prompt_rows = 16})), 512U);
}

TEST(BatchPlanner, PromptsThatQueueGetTwiceTheRows) {
  std::mt19937_64 dice(14);
  Runner runner({.page_count = 600, .step_rows = 512, .online_step_rows = 256}, {});
  for (int i = 0; i < 2; ++i) runner.add(random_text(dice, 10), 60);
  runner.step();
  for (int i = 0; i < 8; ++i) runner.add(random_text(dice, 400), 60);
  EXPECT_EQ(rows_of(runner.step({.prompt_rows = 32})), 2U + 64U);
  EXPECT_EQ(rows_of(runner.step({.prompt_rows = 200})), 256U) << "never past the step's own bound";
}

TEST(BatchPlanner, OnlineBeforeBackgroundAndBackgroundGivesWay) {
  std::mt19937_64 dice(5);
  Runner runner({.page_count = 40, .max_sequences = 8}, {});
  const Tier background{.background = true, .priority = 0};
  for (int i = 0; i < 8; ++i) runner.add(random_text(dice, 40), 40, {.tier = background});
  for (int i = 0; i < 20; ++i) runner.step();
  const auto online = runner.add(random_text(dice, 300), 10);
  const auto& plan = runner.step({.background_rows = 0});
  ASSERT_EQ(plan.work.size(), 1U);
  EXPECT_EQ(plan.work[0].sequence, online);
  EXPECT_GT(plan.preempted, 0U);
  runner.run_all();
  EXPECT_EQ(runner.finished.size(), 9U);
}

TEST(BatchPlanner, BackgroundRowsAreLimitedBesideOnlineWork) {
  std::mt19937_64 dice(6);
  Runner runner({.page_count = 400}, {});
  runner.add(random_text(dice, 20), 50);
  runner.step();
  for (int i = 0; i < 4; ++i)
    runner.add(random_text(dice, 100), 5, {.tier = {.background = true, .priority = 0}});
  EXPECT_EQ(rows_of(runner.step({.background_rows = 3})), 4U);
  EXPECT_EQ(rows_of(runner.step({.background_rows = 0})), 1U);
}

TEST(BatchPlanner, BackgroundWorkAloneRunsInShortSteps) {
  std::mt19937_64 dice(6);
  Runner runner({.page_count = 400}, {});
  for (int i = 0; i < 30; ++i)
    runner.add(random_text(dice, 100), 20, {.tier = {.background = true, .priority = 0}});
  std::size_t steps = 0, rows = 0;
  for (; !runner.planner.idle(); ++steps) {
    const auto now = rows_of(runner.step());
    EXPECT_LE(now, kBackgroundRows) << "somebody who comes now waits for no more than this";
    rows += now;
  }
  EXPECT_EQ(runner.finished.size(), 30U);
  EXPECT_GT(rows, steps * (kBackgroundRows - 2)) << "and the steps are full";
}

TEST(BatchPlanner, SmallerPriorityNumbersComeFirst) {
  std::mt19937_64 dice(7);
  Runner runner({.page_count = 100, .max_sequences = 1}, {});
  runner.add(random_text(dice, 20), 20, {.tier = {.background = false, .priority = 5}});
  runner.step();
  const auto urgent =
      runner.add(random_text(dice, 20), 2, {.tier = {.background = false, .priority = -1}});
  EXPECT_EQ(runner.step().work.at(0).sequence, urgent);
}

TEST(BatchPlanner, UsersOfOnePriorityTakeTurns) {
  std::mt19937_64 dice(8);
  Runner runner({.page_count = 400, .max_sequences = 2}, {});
  std::map<SequenceIndex, std::string> owner;
  for (int i = 0; i < 40; ++i)
    owner[runner.add(random_text(dice, 30), 10, {.user = "greedy"})] = "greedy";
  for (int i = 0; i < 4; ++i)
    owner[runner.add(random_text(dice, 30), 10, {.user = "modest"})] = "modest";
  std::vector<std::string> started;
  while (!runner.planner.idle())
    for (const auto sequence : runner.step().started) started.push_back(owner[sequence]);
  const auto last_modest =
      std::ranges::find(started.rbegin(), started.rend(), "modest") - started.rbegin();
  EXPECT_GE(last_modest, 44 - 10) << "four of the modest user's are among the first ten";
}

TEST(BatchPlanner, AStaticBatchEndsBeforeTheNextBegins) {
  std::mt19937_64 dice(9);
  Runner runner({.batching = Batching::static_batches, .page_count = 400, .max_sequences = 4}, {});
  for (std::size_t i = 0; i < 8; ++i) runner.add(random_text(dice, 20), i < 4 ? 2 + 10 * i : 3);
  std::size_t steps_of_one = 0;
  while (runner.finished.size() < 4) steps_of_one += runner.step().work.size() == 1;
  EXPECT_GE(steps_of_one, 9U);
  EXPECT_EQ(runner.step().work.size(), 4U);
}

TEST(BatchPlanner, LengthSortedBatchesHoldSimilarLengths) {
  std::mt19937_64 dice(10);
  Runner runner({.batching = Batching::length_sorted, .page_count = 400, .max_sequences = 3}, {});
  for (const std::size_t length : {100U, 10U, 90U, 12U, 95U, 11U})
    runner.add(random_text(dice, length), 2);
  std::vector<std::vector<std::size_t>> batches;
  while (!runner.planner.idle()) {
    const auto& plan = runner.planner.plan({});
    if (!plan.started.empty()) {
      auto& batch = batches.emplace_back();
      for (const auto& work : plan.work)
        batch.push_back(runner.planner.at(work.sequence).prompt_tokens);
      std::ranges::sort(batch);
    }
    for (const auto& work : plan.work) runner.planner.finish(work.sequence);
  }
  EXPECT_EQ(batches, (std::vector<std::vector<std::size_t>>{{90, 95, 100}, {10, 11, 12}}));
}

struct Storm {
  std::size_t host_pages;
  std::size_t step_rows;
  bool sharing;
};

class PlannerStorm : public testing::TestWithParam<Storm> {};

TEST_P(PlannerStorm, AnswersAreThoseOfARequestAloneAndAllPagesComeBack) {
  std::size_t preempted = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 dice(seed);
    Runner runner({.page_count = 14,
                   .max_sequences = 6,
                   .step_rows = GetParam().step_rows,
                   .online_step_rows = 16,
                   .logit_rows = 8,
                   .prefix_sharing = GetParam().sharing,
                   .host_pages = GetParam().host_pages},
                  {});
    std::vector<Text> expected;
    const auto common = random_text(dice, 40);
    std::vector<SequenceIndex> live;
    for (int round = 0; round < 60; ++round) {
      if (dice() % 2 == 0) {
        auto prompt = dice() % 2 == 0
                          ? Text(common.begin(), common.begin() + 1 + static_cast<int>(dice() % 40))
                          : Text{};
        const auto own = random_text(dice, 1 + dice() % 40);
        prompt.insert(prompt.end(), own.begin(), own.end());
        const auto length = 1 + dice() % 60;
        const auto adapter = static_cast<inference::AdapterIndex>(dice() % 2);
        expected.push_back(alone(prompt, length, adapter));
        runner.add(
            prompt, length,
            {.adapter = adapter,
             .tier = {.background = dice() % 3 == 0, .priority = static_cast<int>(dice() % 2)},
             .recompute = dice() % 6 == 0});
      }
      preempted += runner.step({.prompt_rows = 16, .background_rows = dice() % 2}).preempted;
    }
    runner.run_all();
    std::ranges::sort(expected);
    std::ranges::sort(runner.finished);
    ASSERT_EQ(runner.finished, expected);
    EXPECT_EQ(runner.planner.pool().referenced(), 0U);
    EXPECT_EQ(runner.planner.host_pages_free(), GetParam().host_pages);
  }
  EXPECT_GT(preempted, 20U);
}

INSTANTIATE_TEST_SUITE_P(All, PlannerStorm,
                         testing::Values(Storm{0, 8, true}, Storm{0, 64, true}, Storm{40, 8, true},
                                         Storm{5, 64, true}, Storm{0, 64, false},
                                         Storm{40, 64, false}));

TEST(BatchPlanner, ChoicesShareThePromptAndCopyItsLastPage) {
  std::mt19937_64 dice(11);
  Runner runner({.page_count = 64}, {});
  runner.add(random_text(dice, 40), 12, {.choices = 4});
  runner.step();
  EXPECT_EQ(runner.planner.running().size(), 4U);
  EXPECT_EQ(runner.planner.pool().referenced(), 3U);
  runner.step();
  EXPECT_EQ(runner.planner.pool().referenced(), 2U + 4U);
  EXPECT_EQ(runner.model.rows_run, 40U + 4U);
  runner.run_all();
  EXPECT_EQ(runner.finished.size(), 4U);
  EXPECT_EQ(runner.planner.pool().referenced(), 0U);
}

}  // namespace
}  // namespace galley::serving
